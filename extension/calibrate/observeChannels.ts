/**
 * The range of every channel of some tensors, and their histograms: what equalization and the fitting of activations are
 * measured from, for both in one pass over a few samples.
 *
 * Runs before calibration, on the prepared model; `measureChannels.ts` and `measureFits.ts` read the result.
 */
import type { RunOptions } from '../contract/progress';
import type { DType, NamedTensors, Tensor } from '../contract/tensor';
import type { Model } from '../model/model';
import { newHistogram, widen, type GrowingHistogram, type Histogram } from './histogram';
import { observeInside } from './observeInside';
import type { ObservationSource } from './observeTensors';
import type { ChannelRanges, SeenTensor } from './observers/observingRuntime';
import { scalarObserver } from './observers/scalarObserver';
import { PassProgress } from './passProgress';
import { valueProbe } from './probeModels';
import { runProbe } from './runProbe';
import { toFloat32 } from './toFloat32';

/** A tensor of the outer graph, of type float32. */
export interface ChannelTensor {
  readonly name: string;
  /** Axes behind that of the channels. */
  readonly axesBehind: number;
  readonly histogram: boolean;
}

/** What was seen of one tensor. */
export interface ObservedChannels {
  /** By channel; min = Infinity and max = -Infinity where it has no finite value. */
  readonly channels: ChannelRanges;
  /** NaN and infinite elements. */
  readonly nonFinite: number;
  readonly histogram: Histogram | null;
}

const dtype: DType = 'fp32';

/**
 * @param tensors each name once
 * @param source a few samples, as `sampleByContent.ts` picks them
 * @returns by tensor; independent of the order and batches of the samples
 * @throws CodedError CANCELLED, CALIBRATION_FAILED without a readable sample, and what `open`, `run` and the data set throw
 */
export async function observeChannels(
  model: Model,
  tensors: readonly ChannelTensor[],
  source: ObservationSource,
  options: RunOptions = {},
): Promise<Map<string, ObservedChannels>> {
  if (tensors.length === 0) return new Map();
  const { observing } = source;
  if (observing === undefined) return observeFetched(model, tensors, source, options);
  const wanted = tensors.map(({ name, axesBehind, histogram }) => {
    return { name, dtype, values: histogram ? ('histogram' as const) : ('range' as const), axesBehind };
  });
  // No report: the pass is short, and the long one behind it begins anew.
  const progress = new PassProgress(source.indices.length, 1, { signal: options.signal });
  const seen = await observeInside(model, { ...source, observing }, { tensors: wanted, all: false }, progress);
  return new Map(tensors.map(({ name }, index) => [name, observed(seen.tensors[index])]));
}

/** A tensor that no inference computed has no channels. */
function observed(seen: SeenTensor | undefined): ObservedChannels {
  const channels = seen?.channels ?? { min: new Float32Array(), max: new Float32Array() };
  return { channels, nonFinite: seen?.nonFinite ?? 0, histogram: seen?.histogram ?? null };
}

/** The same where the runtime cannot observe: the tensors leave it whole. */
async function observeFetched(
  model: Model,
  tensors: readonly ChannelTensor[],
  source: ObservationSource,
  options: RunOptions,
): Promise<Map<string, ObservedChannels>> {
  const observer = source.observer ?? scalarObserver;
  const gathered = tensors.map((tensor) => new GatheredChannels(tensor));
  const probe = valueProbe(
    model,
    tensors.map(({ name }) => name),
  );
  const addSample = (outputs: NamedTensors): void => {
    for (const channels of gathered) channels.add(outputs, observer);
  };
  await runProbe(probe, source, addSample, options);
  return new Map(gathered.map((channels) => [channels.tensor.name, channels]));
}

class GatheredChannels implements ObservedChannels {
  channels: { min: Float32Array; max: Float32Array } = { min: new Float32Array(), max: new Float32Array() };
  nonFinite = 0;
  readonly histogram: GrowingHistogram | null;

  constructor(readonly tensor: ChannelTensor) {
    this.histogram = tensor.histogram ? newHistogram() : null;
  }

  add(outputs: NamedTensors, observer: NonNullable<ObservationSource['observer']>): void {
    const output = outputs[this.tensor.name];
    if (output === undefined) return;
    const values = toFloat32(output);
    const { absMax, nonFinite } = observer.observeRange(values);
    this.nonFinite += nonFinite;
    if (this.histogram !== null) {
      widen(this.histogram, absMax);
      observer.accumulateHistogram(values, this.histogram.counts, this.histogram.binWidth);
    }
    this.addChannels(output, values);
  }

  private addChannels({ dims }: Tensor, values: Float32Array): void {
    const axis = dims.length - 1 - this.tensor.axesBehind;
    const count = dims[axis] ?? 0;
    const run = dims.slice(axis + 1).reduce((product, size) => product * size, 1);
    if (this.channels.min.length === 0) {
      this.channels = { min: new Float32Array(count).fill(Infinity), max: new Float32Array(count).fill(-Infinity) };
    }
    const { min, max } = this.channels;
    for (let start = 0, channel = 0; start < values.length; start += run, channel = (channel + 1) % count) {
      for (let i = start; i < start + run; i++) {
        const value = values[i]!;
        if (value - value !== 0) continue;
        if (value < min[channel]!) min[channel] = value;
        if (value > max[channel]!) max[channel] = value;
      }
    }
  }
}
