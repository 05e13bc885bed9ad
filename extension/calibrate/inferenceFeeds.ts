/**
 * The calibration samples as the feeds of single inferences.
 *
 * Every sample is inferred on its own, whatever the batch size: runtimes choose other kernels for other batch sizes, whose
 * results differ in the last bits, and one such bit can move a value into the next bin of a histogram. So the batch size only
 * says how many samples are read ahead, and the calibration table is the same for all of them. A model whose batch axis
 * is fixed at N gets N samples at a time, in ascending order of their indices so that the order asked for does not matter.
 *
 * Stands between `batches.ts` and `observeTensors.ts`.
 */
import type { NamedTensors } from '../contract/tensor';
import { batches, type Batch } from './batches';
import type { Dataset } from './dataset';

export interface SampleSource {
  readonly dataset: Dataset;
  readonly indices: readonly number[];
  /** How many samples are read ahead. */
  readonly batchSize: number;
}

export interface InferenceFeeds {
  readonly feeds: NamedTensors;
  /** Samples in it; repetitions that fill a fixed batch are not counted. */
  readonly samples: number;
}

/** @throws CodedError as `batches` does */
export async function* inferenceFeeds(
  { dataset, indices, batchSize }: SampleSource,
  signal?: AbortSignal,
): AsyncGenerator<InferenceFeeds> {
  const fixed = dataset.batchRule?.kind === 'fixed';
  const ordered = fixed ? [...indices].sort((a, b) => a - b) : indices;
  for await (const batch of batches(dataset, ordered, batchSize, { signal })) {
    if (fixed || batch.valid === 1) yield { feeds: batch.tensors, samples: batch.valid };
    else for (let row = 0; row < batch.valid; row++) yield { feeds: sampleOf(batch, row), samples: 1 };
  }
}

/** One sample of a batch, as views. */
function sampleOf({ tensors, valid, rowsPerSample }: Batch, row: number): NamedTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, dims, data }]) => {
      const length = data.length / valid;
      const sample = data.subarray(row * length, (row + 1) * length);
      return [name, { dtype, dims: [rowsPerSample, ...dims.slice(1)], data: sample }];
    }),
  );
}
