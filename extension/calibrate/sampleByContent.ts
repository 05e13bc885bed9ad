/**
 * A few samples that stand for many: for measurements beside the calibration pass that need no more than an average.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { CodedError, throwIfCancelled } from '../contract/errors';
import { UnreadableSample, type Dataset } from './dataset';

/**
 * The `count` samples whose content has the smallest hashes, in the order of the hashes. Both are the same however the samples
 * are named or ordered, and so is everything that is summed over them, to the last bit. Samples that cannot be read are
 * passed over where that shows. Memory: one sample.
 *
 * @throws CodedError CANCELLED, and what the data set throws for samples that do not fit
 */
export async function sampleByContent(
  dataset: Dataset,
  indices: readonly number[],
  count: number,
  signal?: AbortSignal,
): Promise<number[]> {
  const hashes = await (dataset.contentHashes?.(indices, signal) ?? contentHashes(dataset, indices, signal));
  const hashed = indices.flatMap((index, position) => {
    const hash = hashes[position] ?? null;
    return hash === null ? [] : [{ index, hash }];
  });
  // Equal hashes are equal samples: their order does not matter.
  hashed.sort((a, b) => (a.hash < b.hash ? -1 : 1));
  return hashed.slice(0, count).map(({ index }) => index);
}

/**
 * A hash of every sample's content, null where it cannot be read. Data sets that are read elsewhere bring their own way
 * (`Dataset.contentHashes`), so that the samples need not come here for it.
 */
export async function contentHashes(
  dataset: Dataset,
  indices: readonly number[],
  signal?: AbortSignal,
): Promise<(string | null)[]> {
  const hashes: (string | null)[] = [];
  for (const index of indices) {
    throwIfCancelled(signal);
    hashes.push(await contentHash(dataset, index, signal));
  }
  return hashes;
}

/** Of the sample's own file where it has one, which spares decoding it; else of its tensors. Null when it cannot be read. */
async function contentHash(dataset: Dataset, index: number, signal?: AbortSignal): Promise<string | null> {
  const file = dataset.describe?.(index).file ?? null;
  try {
    return file === null ? await tensorsHash(dataset, index, signal) : await fileHash(file);
  } catch (error) {
    if (error instanceof UnreadableSample || CodedError.is(error, 'DATA_UNREADABLE')) return null;
    throw error;
  }
}

async function tensorsHash(dataset: Dataset, index: number, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (const [name, { data }] of Object.entries((await dataset.get(index, signal)).tensors)) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
