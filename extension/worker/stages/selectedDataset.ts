/** Opens a data selection again: what `selectData` chose, in a later request and perhaps another worker process. */
import type { Dataset } from '../../calibrate/dataset';
import { openDataset } from '../../calibrate/datasets/openDataset';
import type { DataSelection } from '../../contract/stageMethods';
import type { ValueSpec } from '../../contract/tensor';

/** Calls `work` with the data set open, and closes it however that ends. */
export async function withSelectedDataset<T>(
  { source, labels, transforms, python }: DataSelection,
  inputs: readonly ValueSpec[],
  signal: AbortSignal | undefined,
  work: (dataset: Dataset) => Promise<T>,
): Promise<T> {
  const dataset = await openDataset({
    source,
    labels,
    transforms,
    inputs,
    python,
    signal,
  });
  try {
    return await work(dataset);
  } finally {
    await dataset.close();
  }
}
