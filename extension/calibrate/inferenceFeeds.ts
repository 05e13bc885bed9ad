/**
 * The calibration samples as the feeds of single inferences.
 *
 * Every sample is inferred on its own, whatever the batch size: runtimes choose other kernels for other batch sizes, whose
 * results differ in the last bits, and one such bit can move a value into the next bin of a histogram. So the
 * calibration table is the same for all batch sizes. A model whose batch axis
 * is fixed at N gets N samples at a time, in ascending order of their indices so that the order asked for does not matter.
 *
 * Stands between `batches.ts` and `observeTensors.ts`.
 */
import type { NamedTensors } from '../contract/tensor';
import { batches } from './batches';
import type { Dataset } from './dataset';

export interface SampleSource {
  readonly dataset: Dataset;
  readonly indices: readonly number[];
  /** Counts for models whose batch axis is fixed: the size of their batches is theirs, whatever this says. */
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
  // Batches of one are the samples themselves, not copies of them.
  for await (const batch of batches(dataset, ordered, fixed ? batchSize : 1, { signal })) {
    yield { feeds: batch.tensors, samples: batch.valid };
  }
}
