/**
 * Which offsets and gains fit the activations of INT8 layers, and whether they are worth their operations.
 *
 * Computed before calibration from what `observeChannels.ts` saw of a few samples; `fitActivations.ts` applies the result.
 */
import type { ActivationFit } from '../contract/calibrationTable';
import { fromFloat16, toFloat16 } from '../model/float16';
import type { Model } from '../model/model';
import { meanSquaredErrorThreshold } from './algorithms/meanSquaredError';
import { int8Levels, QuantizationNoise } from './algorithms/quantizationNoise';
import { fittableTensors, type FittableTensor } from './fitActivations';
import type { ChannelTensor, ObservedChannels } from './observeChannels';

/**
 * How much of the difference between channels the activation gives to the weights: at 0 none, at 1 all. SmoothQuant's 0.5 suits
 * activations that are much harder to quantize than weights; of 0, 0.25 and 0.5 the middle was best on both text models.
 */
const migration = 0.25;
/** A channel that far below the others has little to say, and other samples may find it larger. */
const largestGain = 16;
/** Less would not pay for the operations where they do not fuse. */
const worthwhileGainDb = 1;

/** What was seen of one tensor. */
interface Seen extends ObservedChannels {
  readonly fittable: FittableTensor;
}

/**
 * The tensors whose channels `activationFits` has to know.
 * @param tensors those that INT8 layers may read
 */
export function fitTensors(model: Model, tensors: readonly string[]): ChannelTensor[] {
  return wantedTensors(model, tensors).map(({ tensor, axesBehind }) => ({ name: tensor, axesBehind, histogram: true }));
}

/**
 * @param tensors as for `fitTensors`
 * @param seen those of `fitTensors`, on a few samples
 * @returns by tensor; numbers that FP16 holds
 */
export function activationFits(
  model: Model,
  tensors: readonly string[],
  seen: ReadonlyMap<string, ObservedChannels>,
): Record<string, ActivationFit> {
  return Object.fromEntries(
    wantedTensors(model, tensors).flatMap((fittable): [string, ActivationFit][] => {
      const observed = seen.get(fittable.tensor);
      const found = observed === undefined ? null : fit({ ...observed, fittable });
      return found === null ? [] : [[fittable.tensor, found]];
    }),
  );
}

function wantedTensors(model: Model, tensors: readonly string[]): FittableTensor[] {
  const wanted = new Set(tensors);
  return fittableTensors(model).filter(({ tensor }) => wanted.has(tensor));
}

/** The range of all channels together: from −short to long, or mirrored, is what INT8 has to tell apart with least noise. */
interface Range {
  /** The threshold of least noise with symmetric levels. */
  readonly symmetric: number;
  readonly long: number;
  /** Half of the range, and what every channel has to keep within around its offset. */
  readonly half: number;
}

/**
 * The histogram is of magnitudes: it says where to clip the long side only while the short side is too short to be clipped.
 * Otherwise the levels stay symmetric.
 */
function rangeOf({ fittable, channels: { min, max }, histogram, nonFinite }: Seen): Range | null {
  const low = Math.min(...min);
  const high = Math.max(...max);
  const absMax = Math.max(-low, high);
  if (histogram === null || nonFinite > 0 || !Number.isFinite(absMax) || absMax <= 0) return null;
  const noise = new QuantizationNoise(histogram);
  const symmetric = meanSquaredErrorThreshold(noise, absMax);
  const short = Math.max(-low < high ? -low : high, 0);
  if (short >= symmetric || fittable.isPadded) return { symmetric, long: symmetric, half: symmetric };
  const levels = (threshold: number) => Math.round((2 * int8Levels * threshold) / (threshold + short));
  const long = meanSquaredErrorThreshold(noise, absMax, levels);
  return { symmetric, long, half: (long + short) / 2 };
}

/** Null where it would change little. */
function fit(seen: Seen): ActivationFit | null {
  const range = rangeOf(seen);
  if (range === null) return null;
  const { long, half, symmetric } = range;
  const channels = Array.from(seen.channels.min, (low, channel) => ({
    bottom: Math.max(low, -long),
    top: Math.min(seen.channels.max[channel]!, long),
  }));
  const offsets = channels.map(({ bottom, top }) => (seen.fittable.isPadded ? 0 : asHalf(offset(bottom, top, half))));
  const gains = channels.map(({ bottom, top }, channel) => {
    const reach = Math.max(top - offsets[channel]!, offsets[channel]! - bottom);
    const gain = reach > 0 ? Math.min((half / reach) ** migration, largestGain) : 1;
    return asHalf(Math.max(gain, 1));
  });
  const power = gains.reduce((sum, gain) => sum + gain * gain, 0) / gains.length;
  const gainDb = 20 * Math.log10(symmetric / half) + 10 * Math.log10(power);
  return gainDb >= worthwhileGainDb ? { offsets, gains } : null;
}

/**
 * The smallest offset with which a channel keeps within ±half: most need none. Small ones matter: the bias takes them up in FP16,
 * and loses the digits that they push out of it.
 */
function offset(bottom: number, top: number, half: number): number {
  if (top > half) return Math.min(top - half, Math.max(0, bottom + half));
  if (bottom < -half) return Math.max(bottom + half, Math.min(0, top - half));
  return 0;
}

const asHalf = (value: number): number => fromFloat16(toFloat16(value));
