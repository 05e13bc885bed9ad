/**
 * The factors that let every channel in front of a depthwise convolution fill the tensor's range.
 *
 * Computed before calibration from what `observeChannels.ts` saw of a few samples; `equalizeChannels.ts` applies the result.
 */
import type { Model } from '../model/model';
import { equalizablePairs, type EqualizablePair } from './equalizeChannels';
import type { ChannelTensor, ObservedChannels } from './observeChannels';

/** A channel with less than 1/64 of the range has little to say, and other samples may find it larger. */
const largestFactor = 64;

/** The tensors whose channels `channelFactors` has to know. */
export function equalizationTensors(prepared: Model): ChannelTensor[] {
  return equalizablePairs(prepared).flatMap((pair) =>
    tensorsOf(pair).map((name) => ({ name, axesBehind: pair.rank - 2, histogram: false })),
  );
}

/**
 * @param seen those of `equalizationTensors`, on a few samples
 * @returns by producer name, for every pair of the model, the factor of each channel: range of the tensor over range of the
 *   channel
 */
export function channelFactors(prepared: Model, seen: ReadonlyMap<string, ObservedChannels>): Record<string, number[]> {
  return Object.fromEntries(
    equalizablePairs(prepared).map((pair) => [
      pair.producer.name ?? '',
      factors(tensorsOf(pair).map((tensor) => magnitudes(seen.get(tensor)))),
    ]),
  );
}

/** The tensors that a pair's factors change: before and after the ReLU. */
function tensorsOf({ producer, tensor }: EqualizablePair): string[] {
  return [...new Set([producer.output[0] ?? '', tensor])];
}

/** The largest magnitude of every channel; of a channel without finite values −Infinity, from which no factor follows. */
function magnitudes(seen: ObservedChannels | undefined): number[] {
  if (seen === undefined) return [];
  const { min, max } = seen.channels;
  return Array.from(min, (low, channel) => Math.max(-low, max[channel]!));
}

/**
 * What fills the range of every tensor and exceeds none: values cut off by the ReLU must not grow out of FP16's range either.
 * Seven digits are as many as a float32 weight has; a channel without values keeps its weights.
 */
function factors(magnitudesOfTensors: readonly (readonly number[])[]): number[] {
  const ranges = magnitudesOfTensors.map((magnitudes) => Math.max(...magnitudes));
  const ofChannel = (channel: number): number => {
    const gains = magnitudesOfTensors.map((magnitudes, tensor) => (ranges[tensor] ?? 0) / (magnitudes[channel] ?? 0));
    const gain = Math.min(...gains);
    return Number.isFinite(gain) && gain >= 1 ? Number(Math.min(gain, largestFactor).toPrecision(7)) : 1;
  };
  return (magnitudesOfTensors[0] ?? []).map((_, channel) => ofChannel(channel));
}
