/**
 * One `.npz` or `.npy` file: the first axis of every array counts the samples.
 *
 * A `.npz` has an array per graph input, and optionally one of labels (`labels`, `label`, `y` or `targets`).
 */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { CodedError } from '../../contract/errors';
import type { Label } from '../dataset';
import { labelsInOrder, readLabels } from '../labels';
import { ArrayFile } from './arrayFile';
import { hashFiles } from './hashFiles';
import { NpzArchive } from './npzArchive';
import type { RawSample, RawValue, SampleSource } from './sampleSource';

const labelArrays = ['labels', 'label', 'y', 'targets'];

function unreadable(file: string, error: unknown): CodedError {
  if (CodedError.is(error)) return error;
  return new CodedError(
    {
      code: 'DATA_UNREADABLE',
      reason: `${file} cannot be read: ${(error as Error).message}.`,
      fix: 'Write it again with numpy.save or numpy.savez.',
      place: { file },
    },
    { cause: error },
  );
}

interface ArraySet {
  readonly kind: 'npz' | 'npy';
  readonly file: string;
  /** A single array has no name that matters. */
  readonly arrays: ReadonlyMap<string, ArrayFile>;
  readonly labels: readonly Label[] | null;
  readonly classes: readonly string[] | null;
  close(): Promise<void>;
}

/** The common first axis. @throws CodedError DATA_EMPTY, DATA_MISMATCH */
function sampleCount(set: Pick<ArraySet, 'arrays' | 'file'>): number {
  const counts = [...set.arrays].map(([name, { header }]) => ({ name, count: header.shape[0] ?? 0 }));
  const first = counts[0];
  if (first === undefined || first.count === 0) {
    throw new CodedError({
      code: 'DATA_EMPTY',
      reason: `${set.file} holds no samples: ${first === undefined ? 'no array' : `the first axis of ${first.name} is empty`}.`,
      fix: 'Save arrays whose first axis counts the samples.',
      place: { file: set.file },
    });
  }
  const other = counts.find(({ count }) => count !== first.count);
  if (other !== undefined) {
    throw new CodedError({
      code: 'DATA_MISMATCH',
      reason: `${set.file} has ${first.count} samples of ${first.name} but ${other.count} of ${other.name}.`,
      fix: 'Give every array the same first axis.',
      place: { file: set.file, field: other.name },
    });
  }
  return first.count;
}

function sourceOf(set: ArraySet): SampleSource {
  const length = sampleCount(set);
  const labels = set.labels;
  return {
    kind: set.kind,
    length,
    labelled: labels !== null,
    classes: set.classes,
    describe: (index) => ({ id: String(index), label: labels?.[index] ?? null, file: null }),
    async read(index): Promise<RawSample> {
      const values: Record<string, RawValue> = {};
      try {
        for (const [name, array] of set.arrays) values[name] = await array.readRow(index);
      } catch (error) {
        throw unreadable(set.file, error);
      }
      return { id: String(index), label: labels?.[index] ?? null, values };
    },
    sha256: () => hashFiles([set.file], null),
    close: () => set.close(),
  };
}

function labelsFrom(array: ArrayFile, name: string, file: string): Label[] {
  const { dtype, shape } = array.header;
  if (shape.length !== 1 && !(shape.length === 2 && shape[1] === 1)) {
    throw new CodedError({
      code: 'DATA_LABELS_INVALID',
      reason: `${file}: the array ${name} has the shape [${shape.join(', ')}] where labels are one class index per sample.`,
      fix: 'Save labels as a vector of class indices (argmax of one-hot rows).',
      place: { file, field: name },
    });
  }
  const { data } = array.read();
  const labels = Array.from(data as ArrayLike<number | bigint>, Number);
  if (!labels.every(Number.isInteger)) {
    throw new CodedError({
      code: 'DATA_LABELS_INVALID',
      reason: `${file}: the array ${name} (${dtype}) has values that are no class indices.`,
      fix: 'Save labels as integers.',
      place: { file, field: name },
    });
  }
  return labels;
}

async function labelsFile(path: string | null, samples: number) {
  if (path === null) return null;
  const table = await readLabels(path);
  return { labels: labelsInOrder(table, samples).map(({ label }) => label), classes: table.classes };
}

/**
 * @param inputs names of the graph inputs: an array of such a name is never taken for labels
 * @throws CodedError DATA_UNREADABLE, DATA_EMPTY, DATA_MISMATCH, DATA_LABELS_INVALID
 */
export async function openNpz(
  file: string,
  inputs: readonly string[],
  labels: string | null,
  signal?: AbortSignal,
): Promise<SampleSource> {
  const archive = await NpzArchive.open(file, signal).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  try {
    const arrays = new Map(archive.arrays);
    const own = labelArrays.find((name) => arrays.has(name) && !inputs.includes(name) && arrays.size > 1);
    const ownLabels = own === undefined ? null : labelsFrom(arrays.get(own)!, own, file);
    if (own !== undefined) arrays.delete(own);
    const given = await labelsFile(labels, sampleCount({ arrays, file }));
    if (ownLabels !== null && ownLabels.length !== sampleCount({ arrays, file })) {
      throw new CodedError({
        code: 'DATA_LABELS_INVALID',
        reason: `${file} has ${ownLabels.length} labels for ${sampleCount({ arrays, file })} samples.`,
        fix: 'Save one label per sample.',
        place: { file, field: own! },
      });
    }
    return sourceOf({
      kind: 'npz',
      file,
      arrays,
      labels: given?.labels ?? ownLabels,
      classes: given?.classes ?? null,
      close: () => archive.close(),
    });
  } catch (error) {
    await archive.close();
    throw error;
  }
}

/** @throws CodedError DATA_UNREADABLE, DATA_EMPTY, DATA_LABELS_INVALID */
export async function openNpy(file: string, labels: string | null): Promise<SampleSource> {
  const handle = await open(file, 'r');
  try {
    const array = ArrayFile.open({ handle, offset: 0, size: (await handle.stat()).size });
    const arrays = new Map([[basename(file, '.npy'), array]]);
    const given = await labelsFile(labels, sampleCount({ arrays, file }));
    return sourceOf({
      kind: 'npy',
      file,
      arrays,
      labels: given?.labels ?? null,
      classes: given?.classes ?? null,
      async close() {
        await array.close();
        await handle.close();
      },
    });
  } catch (error) {
    await handle.close();
    throw unreadable(file, error);
  }
}
