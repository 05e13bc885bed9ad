/**
 * A manifest (`.csv`, `.tsv`, `.jsonl`, `.txt`): one line per sample with the path of a picture or array, relative to
 * the manifest, and a label. Models with several inputs take a column per input, named as the inputs are.
 */
import { stat } from 'node:fs/promises';
import { dirname, extname, isAbsolute, join } from 'node:path';
import { CodedError } from '../../contract/errors';
import { decodeImage } from '../transforms/decodeImage';
import { labelsInOrder, labelsOfFiles, readLabels } from '../labels';
import { hashFiles } from './hashFiles';
import { readNpyFile } from './npyFile';
import { readTable, type TableRow } from './readTable';
import type { RawValue, SampleSource } from './sampleSource';

function readValue(file: string): Promise<RawValue> {
  return extname(file).toLowerCase() === '.npy' ? readNpyFile(file) : decodeImage(file);
}

const probedFiles = 20;

/** Paths from another folder would make every sample unreadable; say so at once. */
async function checkSomeExist(files: readonly string[], manifest: string): Promise<void> {
  for (const file of files.slice(0, probedFiles)) if ((await stat(file).catch(() => null)) !== null) return;
  throw new CodedError({
    code: 'DATA_NOT_FOUND',
    reason: `The files that ${manifest} names do not exist; the first is ${files[0]!}.`,
    fix: 'Write paths from the folder of the manifest, in a column named file, path or image.',
    place: { file: manifest },
  });
}

/** @throws CodedError DATA_UNREADABLE when the manifest is malformed or has no column of paths, DATA_NOT_FOUND when the files do not exist */
export async function openManifest(
  manifest: string,
  inputs: readonly string[],
  labels: string | null,
): Promise<SampleSource> {
  const table = await readTable(manifest, { code: 'DATA_UNREADABLE', inputs });
  const root = dirname(manifest);
  if (table.rows.some(({ paths }) => paths.length === 0)) {
    throw new CodedError({
      code: 'DATA_UNREADABLE',
      reason: `${manifest} has no column of paths; its columns are ${table.columns.join(', ')}.`,
      fix: 'Name the column file, path or image, or give the folder as --data and this file as --labels.',
      place: { file: manifest },
    });
  }
  const absolute = (path: string) => (isAbsolute(path) ? path : join(root, path));
  const own = labels === null ? null : await readLabels(labels);
  const files = table.rows.map(({ paths }) => absolute(paths[0]!.path));
  const entries =
    own === null
      ? null
      : own.entries[0]?.name === null
        ? labelsInOrder(own, files.length)
        : labelsOfFiles(own, files, root);
  await checkSomeExist(files, manifest);
  const at = (index: number): TableRow => {
    const row = table.rows[index];
    if (row === undefined) throw new RangeError(`sample ${index} of ${table.rows.length}`);
    return row;
  };
  const labelOf = (index: number) => entries?.[index]?.label ?? at(index).label;
  return {
    kind: 'manifest',
    length: table.rows.length,
    labelled: entries !== null || table.labelled,
    classes: own?.classes ?? table.classes,
    describe: (index) => ({ id: at(index).paths[0]!.path, label: labelOf(index), file: files[index]! }),
    async read(index) {
      const { paths, steps } = at(index);
      const values: Record<string, RawValue> = {};
      for (const { input, path } of paths) values[input ?? ''] = await readValue(absolute(path));
      const named = paths.every(({ input }) => input !== null);
      return {
        id: paths[0]!.path,
        label: labelOf(index),
        steps: [...steps, ...(entries?.[index]?.steps ?? [])],
        values: named ? values : Object.values(values),
      };
    },
    sha256: () =>
      hashFiles([manifest, ...table.rows.flatMap(({ paths }) => paths.map(({ path }) => absolute(path)))], root),
    close: () => Promise.resolve(),
  };
}
