/**
 * Labels files: which sample is what. CSV, TSV, JSON lines, or a text file with one label per line.
 *
 * Read by `openDataset` for sources that carry no labels. The columns are guessed from their names (`readTable`).
 */
import { basename, relative } from 'node:path';
import { CodedError } from '../contract/errors';
import type { Label } from './dataset';
import { readTable } from './datasets/readTable';
import type { SampleStep } from './datasets/sampleSource';

export interface LabelEntry {
  /** The name the file gives the sample; null in a file of labels only. */
  readonly name: string | null;
  readonly label: Label;
  readonly steps: readonly SampleStep[];
}

export interface LabelTable {
  readonly file: string;
  readonly entries: readonly LabelEntry[];
  /** Class names in label order, where the file names classes. */
  readonly classes: readonly string[] | null;
}

function labelsInvalid(reason: string, fix: string, file: string): CodedError {
  return new CodedError({ code: 'DATA_LABELS_INVALID', reason, fix, place: { file } });
}

/** @throws CodedError DATA_LABELS_INVALID when the file cannot be read or has no column of labels */
export async function readLabels(file: string): Promise<LabelTable> {
  const table = await readTable(file, { code: 'DATA_LABELS_INVALID', inputs: [] });
  if (!table.labelled) {
    throw labelsInvalid(
      `${file} has no column of labels; its columns are ${table.columns.join(', ')}.`,
      'Name the column label, class_index or text.',
      file,
    );
  }
  const entries = table.rows.map(({ paths, label, steps }) => ({ name: paths[0]?.path ?? null, label, steps }));
  return { file, entries, classes: table.classes };
}

/**
 * Looks up the entry of every sample: by path relative to the data set, then by base name where that is unambiguous.
 * @throws CodedError DATA_LABELS_INVALID naming the samples that have none
 */
export function labelsOfFiles(table: LabelTable, files: readonly string[], root: string): LabelEntry[] {
  const slashes = (path: string) => path.split('\\').join('/').replace(/^\.\//, '');
  const byPath = new Map<string, LabelEntry>();
  const byBase = new Map<string, LabelEntry | null>();
  for (const entry of table.entries) {
    if (entry.name === null) continue;
    const base = basename(slashes(entry.name));
    byPath.set(slashes(entry.name), entry);
    byBase.set(base, byBase.has(base) ? null : entry);
  }
  if (byPath.size === 0) return labelsInOrder(table, files.length);
  const missing: string[] = [];
  const found = files.flatMap((file) => {
    const name = slashes(relative(root, file));
    const entry = byPath.get(name) ?? byPath.get(slashes(file)) ?? byBase.get(basename(name));
    if (entry) return [entry];
    missing.push(name);
    return [];
  });
  if (missing.length > 0) {
    const names = missing.slice(0, 5).join(', ') + (missing.length > 5 ? ', …' : '');
    throw labelsInvalid(
      `${table.file} has no label for ${missing.length} of ${files.length} samples: ${names}.`,
      'Add the missing lines, with paths relative to the data folder, or move the files out of it.',
      table.file,
    );
  }
  return found;
}

/** Entries for samples without names (arrays): line by line. */
export function labelsInOrder(table: LabelTable, samples: number): LabelEntry[] {
  const byIndex = new Map(table.entries.map((entry) => [entry.name, entry]));
  const numbered = table.entries.every(({ name }) => name !== null && /^\d+$/.test(name));
  if (numbered && table.entries.length > 0) {
    const found = Array.from({ length: samples }, (_, index) => byIndex.get(String(index)));
    if (found.every((entry) => entry !== undefined)) return found;
  }
  if (table.entries.length !== samples) {
    throw labelsInvalid(
      `${table.file} has ${table.entries.length} labels for ${samples} samples.`,
      'Give one label per sample, in their order.',
      table.file,
    );
  }
  return [...table.entries];
}
