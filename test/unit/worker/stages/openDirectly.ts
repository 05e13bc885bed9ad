/**
 * Stands in for `worker/stages/selectedDataset.ts` where tests cannot give it the bundle of its thread: the same data set,
 * opened on this thread. The thread has tests of its own (`calibrate/datasets/threadedDataset.test.ts`).
 */
import type { Dataset } from '../../../../extension/calibrate/dataset';
import { openDataset } from '../../../../extension/calibrate/datasets/openDataset';
import type { DataSelection } from '../../../../extension/contract/stageMethods';
import type { ValueSpec } from '../../../../extension/contract/tensor';

export async function withSelectedDataset<T>(
  { indices: _indices, labelled: _labelled, card: _card, ...selection }: DataSelection,
  inputs: readonly ValueSpec[],
  signal: AbortSignal | undefined,
  work: (dataset: Dataset) => Promise<T>,
): Promise<T> {
  const dataset = await openDataset({ ...selection, inputs, signal });
  try {
    return await work(dataset);
  } finally {
    await dataset.close();
  }
}

/** All samples of an unlabelled or labelled source, for a stage's parameters. */
export function selectionOf(source: string, count: number, more: Partial<DataSelection> = {}): DataSelection {
  return {
    source,
    labels: null,
    transforms: [],
    python: 'python3',
    indices: Array.from({ length: count }, (_, index) => index),
    labelled: false,
    classes: null,
    card: { source, kind: 'npz', samples: count, sha256: null },
    ...more,
  };
}
