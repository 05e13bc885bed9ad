/**
 * Runs a model over the calibration samples and gathers the range, and where asked for the histogram, of its tensors.
 *
 * The engine under `observeRanges.ts` (all tensors) and `calibrateTensors.ts` (tensors that had no histogram yet). It goes
 * once over the data, unless the values to copy out of one inference exceed a budget: then once per group of tensors.
 * Memory does not grow with the number of samples.
 */
import { throwIfCancelled } from '../contract/errors';
import type { RunOptions } from '../contract/progress';
import { elementCount, type NamedTensors, type Tensor } from '../contract/tensor';
import type { Model } from '../model/model';
import { graphInputs } from '../model/modelCard';
import { newHistogram, widen, type GrowingHistogram, type Histogram } from './histogram';
import { inferenceFeeds, type SampleSource } from './inferenceFeeds';
import { observeInside } from './observeInside';
import type { ObservedRange, Observer } from './observers/observer';
import type { ObservingRuntime } from './observers/observingRuntime';
import { scalarObserver } from './observers/scalarObserver';
import { noSamples } from './observeShapes';
import { PassProgress } from './passProgress';
import { rangeOutputs, rangeProbe, valueOutput, type ProbedTensor } from './probeModels';
import { withProbeSessions, type OpenModel, type ProbeSessions } from './probeSessions';
import { toFloat32 } from './toFloat32';

export interface ObservationSource extends SampleSource {
  readonly open: OpenModel;
  /** The native observer where the native module is there; the TypeScript one when left out. */
  readonly observer?: Observer | undefined;
  /** A runtime that observes by itself, where there is one: `open` and `observer` are then not used. */
  readonly observing?: ObservingRuntime | undefined;
}

/** A float tensor of the outer graph. */
export interface ObservedTensor extends ProbedTensor {
  /** Shape with one sample; says how much memory its values take. */
  readonly dims: readonly number[];
  /** Whether it needs a histogram. */
  readonly histogram: boolean;
}

export interface TensorObservation extends ObservedRange {
  /** Null where none was asked for. */
  readonly histogram: Histogram | null;
}

export interface Observations {
  /** Samples that could be read. */
  readonly samples: number;
  readonly tensors: ReadonlyMap<string, TensorObservation>;
}

export interface ObservationOptions extends RunOptions {
  /** Most bytes of tensor values that leave the runtime in one inference; 256 MiB. */
  readonly valueBudgetBytes?: number | undefined;
}

const defaultValueBudgetBytes = 256 * 2 ** 20;

/** @throws CodedError CALIBRATION_FAILED without a readable sample, CANCELLED, and what `open`, `run` and the data set throw */
export async function observeTensors(
  model: Model,
  source: ObservationSource,
  tensors: readonly ObservedTensor[],
  options: ObservationOptions = {},
): Promise<Observations> {
  const { observing } = source;
  if (observing !== undefined) return observeWith(model, { ...source, observing }, tensors, options);
  const inputs = new Set(graphInputs(model).map(({ name }) => name));
  const inside = tensors.filter(({ name }) => !inputs.has(name));
  const gathered = new Map(tensors.map((tensor) => [tensor.name, newGathered(tensor)]));
  const groups = groupBySize(
    inside.filter(({ histogram }) => histogram),
    options.valueBudgetBytes ?? defaultValueBudgetBytes,
  );
  const progress = new PassProgress(source.indices.length, groups.length, options);
  let samples = 0;
  for (const values of groups) {
    const first = values === groups[0];
    samples = await withProbeSessions(source.open, (sessions) =>
      observePass(model, source, sessions, gathered, progress, {
        reduced: first ? inside.filter(({ histogram }) => !histogram) : [],
        values,
        fed: first ? tensors.filter(({ name }) => inputs.has(name)) : [],
      }),
    );
    if (samples === 0) throw noSamples(source);
  }
  return { samples, tensors: new Map([...gathered].map(([name, tensor]) => [name, finished(tensor)])) };
}

async function observeWith(
  model: Model,
  source: ObservationSource & { readonly observing: ObservingRuntime },
  tensors: readonly ObservedTensor[],
  options: ObservationOptions,
): Promise<Observations> {
  const wanted = tensors.map(({ name, dtype, histogram }) => {
    return { name, dtype, values: histogram ? ('histogram' as const) : ('range' as const) };
  });
  const progress = new PassProgress(source.indices.length, 1, options);
  const seen = await observeInside(model, source, { tensors: wanted, all: false }, progress);
  const observations = seen.tensors.map((tensor, index): [string, TensorObservation] => [
    tensors[index]?.name ?? '',
    { ...tensor, absMax: absMaxOf(tensor) },
  ]);
  return { samples: seen.samples, tensors: new Map(observations) };
}

/** Splits tensors so that the values of each group fit into the budget; at least one group, perhaps empty. */
function groupBySize(tensors: readonly ObservedTensor[], budget: number): ObservedTensor[][] {
  const groups: ObservedTensor[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const size = elementCount(tensor.dims) * Float32Array.BYTES_PER_ELEMENT;
    if (bytes + size > budget && bytes > 0) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(tensor);
    bytes += size;
  }
  return groups;
}

/** The statistics of one tensor while they grow. */
interface Gathered {
  min: number;
  max: number;
  nonFinite: number;
  readonly histogram: GrowingHistogram | null;
}

interface PassTensors {
  /** Reduced to their range inside the graph. */
  readonly reduced: readonly ProbedTensor[];
  /** Copied out of the runtime. */
  readonly values: readonly ProbedTensor[];
  /** Graph inputs, seen in the feeds. */
  readonly fed: readonly ProbedTensor[];
}

/** Once over the data. Returns the number of samples read. */
async function observePass(
  model: Model,
  source: ObservationSource,
  sessions: ProbeSessions,
  gathered: ReadonlyMap<string, Gathered>,
  progress: PassProgress,
  { reduced, values, fed }: PassTensors,
): Promise<number> {
  const observer = source.observer ?? scalarObserver;
  const observe = ({ name }: ProbedTensor, tensor: Tensor | undefined): void =>
    observeValues(observer, gathered.get(name), tensor);
  let session = await sessions.open(rangeProbe(model, reduced, values));
  let samples = 0;
  for await (const inference of inferenceFeeds(source, progress.signal)) {
    throwIfCancelled(progress.signal);
    let outputs = await session.run(inference.feeds);
    const suspects = reduced.filter((_, index) => !isFiniteRange(outputs, index));
    if (suspects.length > 0) {
      // NaN or infinity: from here on these tensors are looked at element by element, beginning with this sample.
      reduced = reduced.filter((tensor) => !suspects.includes(tensor));
      values = [...values, ...suspects];
      session = await sessions.open(rangeProbe(model, reduced, values));
      outputs = await session.run(inference.feeds);
    }
    reduced.forEach(({ name }, index) => mergeRange(gathered.get(name), rangeAt(outputs, index)));
    for (const tensor of values) observe(tensor, outputs[valueOutput(tensor)]);
    for (const tensor of fed) observe(tensor, inference.feeds[tensor.name]);
    samples += inference.samples;
    progress.report(samples);
  }
  progress.endPass();
  return samples;
}

function observeValues(observer: Observer, gathered: Gathered | undefined, tensor: Tensor | undefined): void {
  if (gathered === undefined || tensor === undefined) return;
  const values = toFloat32(tensor);
  const range = observer.observeRange(values);
  mergeRange(gathered, range);
  if (gathered.histogram === null) return;
  widen(gathered.histogram, range.absMax);
  observer.accumulateHistogram(values, gathered.histogram.counts, gathered.histogram.binWidth);
}

type PartialRange = Pick<ObservedRange, 'min' | 'max' | 'nonFinite'>;

function rangeAt(outputs: NamedTensors, index: number): PartialRange {
  return { min: at(outputs, rangeOutputs.min, index), max: at(outputs, rangeOutputs.max, index), nonFinite: 0 };
}

/** False for a tensor with NaN or infinity, and where only its sum overflows: the closer look then shows a clean range. */
function isFiniteRange(outputs: NamedTensors, index: number): boolean {
  const { min, max } = rangeAt(outputs, index);
  // The runtime reduces an empty tensor to min = Infinity, max = -Infinity, sum = 0.
  if (min === Infinity && max === -Infinity) return true;
  return Number.isFinite(min) && Number.isFinite(max) && Number.isFinite(at(outputs, rangeOutputs.sum, index));
}

function at(outputs: NamedTensors, vector: string, index: number): number {
  return Number(outputs[vector]?.data[index] ?? NaN);
}

function newGathered({ histogram }: ObservedTensor): Gathered {
  return { min: Infinity, max: -Infinity, nonFinite: 0, histogram: histogram ? newHistogram() : null };
}

function mergeRange(gathered: Gathered | undefined, range: PartialRange): void {
  if (gathered === undefined) return;
  gathered.min = Math.min(gathered.min, range.min);
  gathered.max = Math.max(gathered.max, range.max);
  gathered.nonFinite += range.nonFinite;
}

function finished({ min, max, nonFinite, histogram }: Gathered): TensorObservation {
  return { min, max, absMax: absMaxOf({ min, max }), nonFinite, histogram };
}

/** Largest magnitude of a range; 0 of an empty one. */
export function absMaxOf({ min, max }: { readonly min: number; readonly max: number }): number {
  return min > max ? 0 : Math.max(Math.abs(min), Math.abs(max));
}
