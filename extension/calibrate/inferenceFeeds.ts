/**
 * The calibration samples as the feeds of single inferences.
 *
 * Every sample is inferred on its own, whatever the batch size: runtimes choose other kernels for other batch sizes, whose
 * results differ in the last bits, and one such bit can move a value into the next bin of a histogram. So the batch size only
 * says how many samples are decoded ahead, and the calibration table is the same for all of them. A model whose batch axis
 * is fixed at N gets N samples at a time, taken in ascending order of their indices so that their order does not matter.
 *
 * Stands between `batches.ts` and `observeTensors.ts`.
 */
import type { NamedTensors, Tensor, ValueSpec } from '../contract/tensor';
import { batches } from './batches';
import type { Dataset } from './dataset';

export interface SampleSource {
  readonly dataset: Dataset;
  readonly indices: readonly number[];
  /** How many samples are decoded ahead. */
  readonly batchSize: number;
}

export interface InferenceFeeds {
  readonly feeds: NamedTensors;
  /** Samples in it; repetitions that fill a fixed batch are not counted. */
  readonly samples: number;
}

export async function* inferenceFeeds(
  { dataset, indices, batchSize }: SampleSource,
  inputs: readonly ValueSpec[],
  signal?: AbortSignal,
): AsyncGenerator<InferenceFeeds> {
  const fixed = fixedBatch(inputs);
  const ordered = fixed === 1 ? indices : [...indices].sort((a, b) => a - b);
  let group: NamedTensors[] = [];
  for await (const batch of batches(dataset, ordered, batchSize, { signal })) {
    for (let row = 0; row < batch.ids.length; row++) {
      group.push(sampleOf(batch.tensors, row, batch.ids.length));
      if (group.length < fixed) continue;
      yield { feeds: stacked(group), samples: group.length };
      group = [];
    }
  }
  if (group.length > 0) {
    const filled = Array.from({ length: fixed }, (_, row) => group[row % group.length]!);
    yield { feeds: stacked(filled), samples: group.length };
  }
}

/** N where the first axis of every input is fixed at the same N, else 1. */
function fixedBatch(inputs: readonly ValueSpec[]): number {
  const sizes = new Set(inputs.map(({ shape }) => shape?.[0]));
  const [size] = sizes;
  return sizes.size === 1 && typeof size === 'number' && size > 1 ? size : 1;
}

/** One sample of a batch, as views. */
function sampleOf(tensors: NamedTensors, row: number, rows: number): NamedTensors {
  if (rows === 1) return tensors;
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, dims, data }]) => {
      const length = data.length / rows;
      const sample = data.subarray(row * length, (row + 1) * length);
      return [name, { dtype, dims: [(dims[0] ?? rows) / rows, ...dims.slice(1)], data: sample }];
    }),
  );
}

/** Samples joined along the first axis. */
function stacked(samples: readonly NamedTensors[]): NamedTensors {
  const [first] = samples;
  if (first === undefined || samples.length === 1) return first ?? {};
  return Object.fromEntries(
    Object.entries(first).map(([name, tensor]) => [name, joined(samples.map((sample) => sample[name] ?? tensor))]),
  );
}

function joined(parts: readonly Tensor[]): Tensor {
  const { dtype, dims, data } = parts[0]!;
  const all = new (data.constructor as new (length: number) => typeof data)(data.length * parts.length);
  parts.forEach((part, index) => all.set(part.data as never, index * data.length));
  return { dtype, dims: [(dims[0] ?? 1) * parts.length, ...dims.slice(1)], data: all };
}
