/**
 * Reads manifests and labels files (CSV, TSV, JSON lines, plain text) and guesses what their columns mean.
 *
 * Columns are known by the names that data sets in the field use. Without a header line the first column that looks
 * like a file is the path and the next one the label. A column named like a step without parameters (`rotate180`) says
 * to which samples the step applies; where there is no other label it is the label, too.
 */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { parse as parseCsv } from 'csv-parse/sync';
import { CodedError, type ErrorCode } from '../../contract/errors';
import { imageExtensions } from '../transforms/imageExtensions';
import type { Label } from '../dataset';
import { byCodePoint } from './listFiles';
import { sampleSteps, type SampleStep } from './sampleSource';

export interface TableRow {
  /** Path columns; `input` is the graph input that the column is named after, or null. */
  readonly paths: readonly { readonly input: string | null; readonly path: string }[];
  readonly label: Label;
  readonly steps: readonly SampleStep[];
  /** Line in the file, from 1. */
  readonly line: number;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
  readonly labelled: boolean;
  readonly classes: readonly string[] | null;
}

export interface ReadTableOptions {
  /** Code of the errors: a manifest's or a labels file's. */
  readonly code: ErrorCode;
  /** Names of the graph inputs, each of which may have a column of its own. */
  readonly inputs: readonly string[];
}

/** Most telling name first. */
const pathNames = [
  'file', 'path', 'filepath', 'filename', 'image', 'imagepath', 'imagefile', 'imagename', 'img', 'imgpath', 'array',
  'tensor', 'input', 'sample', 'id', 'index',
]; // prettier-ignore
const labelNames = [
  'label', 'labels', 'classindex', 'classid', 'classidx', 'target', 'labelindex', 'labelid', 'categoryid', 'y', 'text',
  'transcription', 'transcript', 'groundtruth', 'gt', 'words', 'class', 'classname', 'category', 'name',
]; // prettier-ignore
/** Columns whose texts name classes: they become indices into the sorted names. */
const classNameColumns = ['class', 'classname', 'category'];
/** Columns that hold texts even where every one of them is a number. */
const textColumns = ['text', 'transcription', 'transcript', 'groundtruth', 'gt', 'words'];

const plain = (name: string) =>
  name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]/g, '');
const dataExtensions: readonly string[] = [...imageExtensions, '.npy', '.npz', '.pb'];
const looksLikeFile = (cell: string) => dataExtensions.includes(extname(cell.trim()).toLowerCase());
const isTrue = (cell: string) => ['1', 'true', 'yes'].includes(cell.trim().toLowerCase());

interface RawTable {
  readonly columns: readonly string[];
  /** Cells as text, in the order of `columns`; JSON numbers keep their digits. */
  readonly rows: readonly { readonly cells: readonly string[]; readonly line: number }[];
}

function fail(code: ErrorCode, file: string, reason: string, fix: string): CodedError {
  return new CodedError({ code, reason: `${file}: ${reason}`, fix, place: { file } });
}

function parseJsonLines(text: string, file: string, code: ErrorCode): RawTable {
  const columns: string[] = [];
  const objects: { record: Record<string, unknown>; line: number }[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch (error) {
      throw fail(code, file, `line ${at + 1} is not JSON (${(error as Error).message}).`, 'Correct the line.');
    }
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      throw fail(code, file, `line ${at + 1} is not a JSON object.`, 'Write {"file": "a.png", "label": 0}.');
    }
    for (const key of Object.keys(record)) if (!columns.includes(key)) columns.push(key);
    objects.push({ record: record as Record<string, unknown>, line: at + 1 });
  }
  const cell = (value: unknown) =>
    typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
  return {
    columns,
    rows: objects.map(({ record, line }) => ({ cells: columns.map((key) => cell(record[key])), line })),
  };
}

function isHeader(first: readonly string[], second: readonly string[] | undefined, known: readonly string[]): boolean {
  if (first.some(looksLikeFile)) return false;
  if (first.some((cell) => known.includes(plain(cell)))) return true;
  return second?.some(looksLikeFile) ?? false;
}

/** Names for the columns of a file without a header. */
function guessColumns(first: readonly string[]): string[] {
  if (first.length === 1) return looksLikeFile(first[0]!) ? ['file'] : ['label'];
  const path = Math.max(0, first.findIndex(looksLikeFile));
  const label = path === 0 ? 1 : 0;
  return first.map((_, at) => (at === path ? 'file' : at === label ? 'label' : `column${at + 1}`));
}

function parseDelimited(text: string, delimiter: string, file: string, options: ReadTableOptions): RawTable {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parseCsv(text, {
      delimiter,
      bom: true,
      skip_empty_lines: true,
      relax_column_count: true,
      info: true,
      // Tab-separated files are written without quoting; a quotation mark is a character of the text.
      quote: delimiter === '\t' ? null : '"',
    }) as unknown as typeof records;
  } catch (error) {
    throw fail(options.code, file, `${(error as Error).message}.`, 'Correct the line; quote cells that hold a comma.');
  }
  const first = records[0]?.record ?? [];
  const known = [...pathNames, ...labelNames, ...sampleSteps, ...options.inputs.map(plain)];
  const header = isHeader(first, records[1]?.record, known);
  const columns = header ? first.map((name) => name.trim()) : guessColumns(first);
  const body = header ? records.slice(1) : records;
  return { columns, rows: body.map(({ record, info }) => ({ cells: record, line: info.lines })) };
}

function parseTable(text: string, file: string, options: ReadTableOptions): RawTable {
  const extension = extname(file).toLowerCase();
  if (extension === '.jsonl' || extension === '.ndjson') return parseJsonLines(text, file, options.code);
  if (extension === '.tsv') return parseDelimited(text, '\t', file, options);
  if (extension === '.csv') return parseDelimited(text, ',', file, options);
  const firstLine = text.split('\n', 1)[0]!;
  if (firstLine.includes('\t')) return parseDelimited(text, '\t', file, options);
  // "image.png 3": the lists that Caffe and many after it use.
  const words = /^(\S+)\s+(.+)$/.exec(firstLine.trim());
  if (words !== null && looksLikeFile(words[1]!)) {
    const tabs = text.replace(/^(\S+)[^\S\n]+/gm, '$1\t');
    return parseDelimited(tabs, '\t', file, options);
  }
  const lines = text.split(/\r?\n/).map((cell, at) => ({ cells: [cell], line: at + 1 }));
  const rows = lines.filter(({ cells }) => cells[0]!.trim() !== '');
  return { columns: guessColumns(rows[0]?.cells ?? ['']), rows };
}

interface Meaning {
  readonly paths: readonly { readonly column: number; readonly input: string | null }[];
  readonly label: number | null;
  readonly steps: readonly { readonly column: number; readonly step: SampleStep }[];
}

/** The column of the most telling name. */
function pick(columns: readonly string[], names: readonly string[], taken: readonly number[]): number | null {
  for (const name of names) {
    const column = columns.findIndex((candidate, at) => plain(candidate) === name && !taken.includes(at));
    if (column !== -1) return column;
  }
  return null;
}

function interpret(table: RawTable, inputs: readonly string[]): Meaning {
  const { columns } = table;
  const named = inputs.flatMap((input) => {
    const column = columns.indexOf(input);
    const holdsFiles = column !== -1 && looksLikeFile(table.rows[0]?.cells[column] ?? '');
    return holdsFiles ? [{ column, input }] : [];
  });
  const steps = sampleSteps.flatMap((step) => {
    const column = columns.findIndex((name) => plain(name) === step);
    return column === -1 ? [] : [{ column, step }];
  });
  const byContent = columns.findIndex((_, at) => looksLikeFile(table.rows[0]?.cells[at] ?? ''));
  const byName = pick(columns, pathNames, []) ?? (byContent === -1 ? null : byContent);
  const paths = named.length > 0 ? named : byName === null ? [] : [{ column: byName, input: null }];
  const taken = [...paths.map(({ column }) => column), ...steps.map(({ column }) => column)];
  const label = pick(columns, labelNames, taken) ?? (steps.length === 1 ? steps[0]!.column : null);
  return { paths, label, steps };
}

/** Label cells as class indices, or as texts; names of classes become indices into their sorted list. */
function readLabelColumn(cells: readonly string[], column: string): { labels: Label[]; classes: string[] | null } {
  const integers = !textColumns.includes(plain(column)) && cells.every((cell) => /^\s*-?\d+\s*$/.test(cell));
  if (integers) return { labels: cells.map(Number), classes: null };
  if (!classNameColumns.includes(plain(column))) return { labels: [...cells], classes: null };
  const classes = [...new Set(cells)].sort(byCodePoint);
  const index = new Map(classes.map((name, at) => [name, at]));
  return { labels: cells.map((cell) => index.get(cell)!), classes };
}

/** @throws CodedError with `options.code`: unreadable, malformed, or a row with a missing cell */
export async function readTable(file: string, options: ReadTableOptions): Promise<Table> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw fail(options.code, file, `it cannot be read (${(error as Error).message}).`, 'Check the path.');
  }
  const table = parseTable(text, file, options);
  if (table.rows.length === 0) throw fail(options.code, file, 'it has no rows.', 'Add a line per sample.');
  const meaning = interpret(table, options.inputs);
  const needed = [...meaning.paths.map(({ column }) => column), ...(meaning.label === null ? [] : [meaning.label])];
  for (const { cells, line } of table.rows) {
    const empty = needed.find((column) => (cells[column] ?? '').trim() === '');
    if (empty === undefined) continue;
    const name = table.columns[empty] ?? `column ${empty + 1}`;
    throw fail(
      options.code,
      file,
      `line ${line} has nothing in the column "${name}".`,
      'Fill the cell or remove the line.',
    );
  }
  const { label } = meaning;
  const { labels, classes } =
    label === null
      ? { labels: table.rows.map(() => null), classes: null }
      : readLabelColumn(
          table.rows.map(({ cells }) => cells[label]!),
          table.columns[label]!,
        );
  const rows = table.rows.map(({ cells, line }, at): TableRow => ({
    paths: meaning.paths.map(({ column, input }) => ({ input, path: cells[column]!.trim() })),
    label: labels[at]!,
    steps: meaning.steps.filter(({ column }) => isTrue(cells[column] ?? '')).map(({ step }) => step),
    line,
  }));
  return { columns: table.columns, rows, labelled: label !== null, classes };
}
