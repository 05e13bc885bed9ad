/**
 * A report for the terminal: the comparison table, the verdict, the warnings.
 *
 * Pure text in, pure text out; the command line says how wide the terminal is and whether it shows color.
 */
import { bytesText, intervalText, millisecondsText, notMeasured, percentText, ratioText } from '../contract/quantities';
import {
  engineArtifacts,
  fileName,
  isGpuLatency,
  latencyDeviceText,
  lowestSqnrText,
  onnxArtifact,
  taskMetricName,
} from '../contract/reportQueries';
import type { Report, Variant } from '../contract/report';

export interface TableOptions {
  /** ANSI colors; the caller honors NO_COLOR and terminals. */
  readonly color: boolean;
  /** Columns of the terminal; the least important table columns are left out to fit. */
  readonly width: number;
}

interface Column {
  readonly title: string;
  readonly cell: (variant: Variant) => string;
  /** Columns with the largest number go first when there is no room; 0 always stays. */
  readonly expendable: number;
  readonly left?: boolean;
}

type Paint = (text: string) => string;
interface Palette {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warn: Paint;
}

const gap = '  ';
const dash = '–';

function palette(color: boolean): Palette {
  const sgr =
    (open: number, close: number): Paint =>
    (text) =>
      color ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return { bold: sgr(1, 22), dim: sgr(2, 22), good: sgr(32, 39), bad: sgr(31, 39), warn: sgr(33, 39) };
}

/** Names come from files: control characters in them must not steer the terminal. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}

/** Width in code points, which is what the table aligns by. */
const widthOf = (text: string): number => [...text].length;

function pad(text: string, width: number, left: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return left ? text + blanks : blanks + text;
}

function shareCell(share: number | null, low: number | null, high: number | null): string {
  if (share === null) return dash;
  const bounds = intervalText(low, high);
  return bounds === '' ? percentText(share) : `${percentText(share)} [${bounds}]`;
}

function latencyTitle(report: Report): string {
  const devices = new Set(
    report.variants.flatMap(({ latency }) => (latency === null ? [] : [latencyDeviceText(latency)])),
  );
  return devices.size === 1 ? `${[...devices].join('')} latency, p99` : 'latency, p99';
}

function latencyCell({ latency }: Variant): string {
  return latency === null ? dash : `${millisecondsText(latency.medianMs)}, ${millisecondsText(latency.p99Ms)}`;
}

function engineCell(variant: Variant): string {
  const engines = engineArtifacts(variant);
  const [first] = engines;
  if (first === undefined) return dash;
  const targets = engines.map(({ target }) => target ?? 'this GPU').join(' ');
  return `${targets} ${bytesText(first.bytes)}`;
}

function columnsOf(report: Report): Column[] {
  const sized = (variant: Variant): string => bytesText(onnxArtifact(variant)?.bytes);
  return [
    { title: 'variant', expendable: 0, left: true, cell: ({ name }) => plain(name) },
    { title: 'status', expendable: 0, left: true, cell: ({ status }) => status },
    {
      title: `${taskMetricName(report.variants)} [95%]`,
      expendable: 0,
      cell: ({ accuracy }) =>
        shareCell(accuracy?.task?.top1 ?? null, accuracy?.task?.top1Low ?? null, accuracy?.task?.top1High ?? null),
    },
    {
      title: 'agreement',
      expendable: 1,
      cell: ({ accuracy }) => shareCell(accuracy?.task?.agreement ?? null, null, null),
    },
    { title: 'SQNR', expendable: 2, cell: ({ accuracy }) => lowestSqnrText(accuracy).replace(notMeasured, dash) },
    { title: latencyTitle(report), expendable: 3, cell: latencyCell },
    {
      title: 'speed-up',
      expendable: 5,
      cell: ({ latency, speedup }) => (isGpuLatency(latency) && speedup !== null ? ratioText(speedup) : dash),
    },
    { title: 'ONNX', expendable: 4, cell: (variant) => sized(variant).replace(notMeasured, dash) },
    { title: 'engine', expendable: 6, left: true, cell: engineCell },
  ];
}

/** Drops whole columns, the most expendable first, until the line fits; a column with nothing in it goes at once. */
function fittingColumns(columns: readonly Column[], variants: readonly Variant[], width: number): Column[] {
  const size = ({ title, cell }: Column): number =>
    Math.max(widthOf(title), ...variants.map((variant) => widthOf(cell(variant))));
  const used = columns.filter(
    (column) => column.expendable === 0 || variants.some((variant) => column.cell(variant) !== dash),
  );
  const total = (list: readonly Column[]): number =>
    list.reduce((sum, column) => sum + size(column) + gap.length, gap.length);
  while (total(used) > width) {
    const last = Math.max(...used.map(({ expendable }) => expendable));
    if (last === 0) break;
    used.splice(
      used.findIndex(({ expendable }) => expendable === last),
      1,
    );
  }
  return used;
}

function paintStatus(cell: string, status: Variant['status'], paint: Palette): string {
  if (status === 'ok') return paint.good(cell);
  return status === 'failed' ? paint.bad(cell) : paint.warn(cell);
}

function tableLines(report: Report, options: TableOptions, paint: Palette): string[] {
  const { variants, verdict } = report;
  const columns = fittingColumns(columnsOf(report), variants, options.width);
  const widths = columns.map(({ title, cell }) =>
    Math.max(widthOf(title), ...variants.map((variant) => widthOf(cell(variant)))),
  );
  const header = columns.map(({ title, left }, i) => pad(title, widths[i] ?? 0, left ?? false)).join(gap);
  const rows = variants.map((variant) => {
    const cells = columns.map((column, i) => {
      const text = pad(column.cell(variant), widths[i] ?? 0, column.left ?? false);
      if (column.title === 'status') return paintStatus(text, variant.status, paint);
      return column.title === 'variant' && variant.name === verdict.recommended ? paint.bold(text) : text;
    });
    const marker = variant.name === verdict.recommended ? paint.good('›') : ' ';
    return `${marker} ${cells.join(gap)}`.trimEnd();
  });
  return [paint.dim(`  ${header}`.trimEnd()), ...rows];
}

/** Breaks a sentence at blanks; later lines are indented under the first. */
function wrap(text: string, bullet: string, width: number): string[] {
  const indent = ' '.repeat(4);
  const lines: string[] = [];
  let line = bullet;
  for (const word of plain(text).split(' ')) {
    const started = line !== bullet && line !== indent;
    if (started && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line = started ? `${line} ${word}` : line + word;
    }
  }
  return [...lines, line];
}

function errorLines(report: Report, width: number, paint: Palette): string[] {
  return report.variants.flatMap(({ name, status, error }) =>
    error === null
      ? []
      : wrap(`${name} ${status} (${error.code}): ${error.reason} ${error.fix}`, '  ', width).map(paint.bad),
  );
}

function headline(report: Report): string {
  const { evaluation, representative } = report.data;
  const labelled = evaluation?.labelled === true ? 'labelled' : 'unlabelled';
  const samples = evaluation === null ? 'no evaluation data' : `${evaluation.samples} ${labelled} samples`;
  return `${plain(fileName(report.model.path))}, ${samples}${representative ? '' : ', NOT REPRESENTATIVE'}`;
}

/** @returns lines ended by line feeds */
export function renderTable(report: Report, options: TableOptions): string {
  const paint = palette(options.color);
  const { recommended, reasons, warnings } = report.verdict;
  const width = Math.max(40, options.width);
  const hasCpuLatency = report.variants.some(({ latency }) => latency !== null && !isGpuLatency(latency));
  const lines = [paint.bold(headline(report)), '', ...tableLines(report, options, paint)];
  if (hasCpuLatency) lines.push(paint.dim('  CPU latency is that of the embedded runtime, not of TensorRT.'));
  const errors = errorLines(report, width, paint);
  if (errors.length > 0) lines.push('', ...errors);
  lines.push('', paint.bold(recommended === null ? 'No recommendation' : `Recommended: ${plain(recommended)}`));
  for (const reason of reasons) lines.push(...wrap(reason, '  • ', width));
  if (warnings.length > 0) {
    lines.push('', paint.warn(`Warnings (${warnings.length})`));
    for (const warning of warnings) lines.push(...wrap(warning, '  ! ', width));
  }
  return lines.map((line) => `${line}\n`).join('');
}
