/** Opens a data selection again, in a thread of its own: what `selectData` chose, in a later request and perhaps another worker process. */
import * as path from 'node:path';
import type { Dataset } from '../../calibrate/dataset';
import { openThreadedDataset } from '../../calibrate/datasets/threadedDataset';
import type { DataSelection } from '../../contract/stageMethods';
import type { ValueSpec } from '../../contract/tensor';

/** Calls `work` with the data set open, and closes it however that ends. */
export async function withSelectedDataset<T>(
  { source, labels, transforms, python, randomSizes }: DataSelection,
  inputs: readonly ValueSpec[],
  signal: AbortSignal | undefined,
  work: (dataset: Dataset) => Promise<T>,
): Promise<T> {
  const options = { source, labels, transforms, inputs, python, randomSizes, signal };
  // Beside the worker's own bundle; see esbuild.mjs.
  const dataset = await openThreadedDataset(options, path.join(__dirname, 'datasetThread.cjs'));
  try {
    return await work(dataset);
  } finally {
    await dataset.close();
  }
}
