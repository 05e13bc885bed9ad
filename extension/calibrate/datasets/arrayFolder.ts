/** A folder of `.npy` and `.npz` files, one sample each: an array per graph input. */
import { basename, extname, relative } from 'node:path';
import { UnreadableSample, type SampleInfo } from '../dataset';
import { labelsOfFiles, readLabels } from '../labels';
import { hashFiles } from './hashFiles';
import { listFiles } from './listFiles';
import { NpzArchive } from './npzArchive';
import { readNpyFile } from './npyFile';
import type { RawValue, SampleSource } from './sampleSource';

export const arrayExtensions = ['.npy', '.npz'] as const;

async function readNpz(file: string): Promise<Record<string, RawValue>> {
  try {
    const archive = await NpzArchive.open(file);
    try {
      const values: Record<string, RawValue> = {};
      for (const [name, array] of archive.arrays) values[name] = array.read();
      return values;
    } finally {
      await archive.close();
    }
  } catch (error) {
    throw new UnreadableSample(
      {
        code: 'DATA_UNREADABLE',
        reason: `${file} cannot be read: ${(error as Error).message}.`,
        fix: 'Write it again with numpy.savez.',
        place: { file },
      },
      { cause: error },
    );
  }
}

/** @throws CodedError DATA_LABELS_INVALID */
export async function openArrayFolder(folder: string, labels: string | null): Promise<SampleSource> {
  const files = await listFiles(folder, arrayExtensions);
  const table = labels === null ? null : await readLabels(labels);
  const entries = table === null ? null : labelsOfFiles(table, files, folder);
  const describe = (index: number): SampleInfo & { file: string } => {
    const file = files[index];
    if (file === undefined) throw new RangeError(`sample ${index} of ${files.length}`);
    return { id: relative(folder, file).split('\\').join('/'), label: entries?.[index]?.label ?? null, file };
  };
  return {
    kind: 'tensors',
    length: files.length,
    labelled: entries !== null,
    classes: table?.classes ?? null,
    describe,
    async read(index) {
      const { id, label, file } = describe(index);
      const single = extname(file).toLowerCase() === '.npy';
      return { id, label, values: single ? { [basename(file)]: await readNpyFile(file) } : await readNpz(file) };
    },
    sha256: () => hashFiles(files, folder),
    close: () => Promise.resolve(),
  };
}
