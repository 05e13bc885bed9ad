/**
 * The factors that let every channel in front of a depthwise convolution fill the tensor's range.
 *
 * Runs before calibration on a few samples; `equalizeChannels.ts` applies the result.
 */
import type { RunOptions } from '../contract/progress';
import { setInt, setInts } from '../model/attributes';
import { opsetVersion, type Model } from '../model/model';
import { newNode } from '../model/onnx.generated';
import { makeInt64 } from '../model/tensorValues';
import { equalizablePairs, type EqualizablePair } from './equalizeChannels';
import { inferenceFeeds, type SampleSource } from './inferenceFeeds';
import { inParallel } from './inParallel';
import { probePrefix, valueProbe } from './probeModels';
import { withProbe, type ProbeSource } from './probeSessions';

/** A channel with less than 1/64 of the range has little to say, and other samples may find it larger. */
const largestFactor = 64;

/**
 * @param source a few samples, as `sampleByContent.ts` picks them
 * @returns by producer name, for every pair of the model, the factor of each channel: range of the tensor over range of the
 *   channel; independent of the order and batches of the samples
 * @throws CodedError CANCELLED, and what `open`, `run` and the data set throw
 */
export async function measureChannels(
  prepared: Model,
  source: SampleSource & ProbeSource,
  options: RunOptions = {},
): Promise<Record<string, number[]>> {
  const pairs = equalizablePairs(prepared);
  if (pairs.length === 0) return {};
  const tensors = pairs.flatMap(tensorsOf);
  const largest = new Map(tensors.map((tensor) => [tensor, [] as number[]]));
  await withProbe(channelProbe(prepared, pairs), source, (probe) =>
    inParallel(
      inferenceFeeds(source, options.signal),
      probe.parallelRuns,
      ({ feeds }) => probe.run(feeds),
      (outputs) => {
        for (const [tensor, magnitudes] of largest) keepLargest(magnitudes, outputs[outputName(tensor)]?.data ?? []);
      },
      options.signal,
    ),
  );
  return Object.fromEntries(
    pairs.map((pair) => [
      pair.producer.name ?? '',
      factors(tensorsOf(pair).map((tensor) => largest.get(tensor) ?? [])),
    ]),
  );
}

/** The tensors that a pair's factors change: before and after the ReLU. */
function tensorsOf({ producer, tensor }: EqualizablePair): string[] {
  return [...new Set([producer.output[0] ?? '', tensor])];
}

function keepLargest(magnitudes: number[], seen: ArrayLike<number | bigint>): void {
  for (let channel = 0; channel < seen.length; channel++) {
    magnitudes[channel] = Math.max(magnitudes[channel] ?? 0, Number(seen[channel]));
  }
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

/** The model with the largest magnitude of every channel of the pairs' tensors as its outputs. */
function channelProbe(prepared: Model, pairs: readonly EqualizablePair[]): Model {
  const probe = valueProbe(prepared, pairs.flatMap(tensorsOf).map(outputName));
  const { graph } = probe.proto;
  const axesAreInput = opsetVersion(probe.proto) >= 18;
  // The last first: the runtime then reduces each tensor as soon as it is computed (`observeInside.ts` says why).
  for (const pair of pairs.toReversed()) {
    for (const tensor of tensorsOf(pair)) {
      const magnitude = `${outputName(tensor)}::magnitude`;
      const axes = Array.from({ length: pair.rank }, (_, axis) => axis).filter((axis) => axis !== 1);
      const reduce = newNode({ opType: 'ReduceMax', input: [magnitude], output: [outputName(tensor)] });
      setInt(reduce, 'keepdims', 0);
      if (axesAreInput) {
        graph.initializer.push(makeInt64(`${magnitude}::axes`, axes));
        reduce.input.push(`${magnitude}::axes`);
      } else setInts(reduce, 'axes', axes);
      graph.node.push(newNode({ opType: 'Abs', input: [tensor], output: [magnitude] }), reduce);
    }
  }
  return probe;
}

function outputName(tensor: string): string {
  return `${probePrefix}channels::${tensor}`;
}
