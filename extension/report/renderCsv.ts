/**
 * A report as CSV (RFC 4180: CRLF, quotes doubled), one row a variant, for spreadsheets and scripts.
 *
 * Numbers are written in full; a number that was not measured is an empty field.
 */
import { engineArtifacts, lowestSqnr, onnxArtifact } from '../contract/reportQueries';
import type { Report, Variant } from '../contract/report';

type Field = string | number | boolean | null | undefined;

const columns: readonly [string, (variant: Variant, report: Report) => Field][] = [
  ['model', (_variant, report) => report.model.path],
  ['variant', ({ name }) => name],
  ['precision', ({ precision }) => precision],
  ['status', ({ status }) => status],
  ['recommended', ({ name }, report) => name === report.verdict.recommended],
  ['representative', (_variant, report) => report.data.representative],
  ['samples', ({ accuracy }) => accuracy?.samples],
  ['simulated', ({ accuracy }) => accuracy?.simulated],
  ['task', ({ accuracy }) => accuracy?.task?.kind],
  ['labelled', ({ accuracy }) => accuracy?.task?.labelled],
  ['top1', ({ accuracy }) => accuracy?.task?.top1],
  ['top1_low', ({ accuracy }) => accuracy?.task?.top1Low],
  ['top1_high', ({ accuracy }) => accuracy?.task?.top1High],
  ['top5', ({ accuracy }) => accuracy?.task?.top5],
  ['agreement', ({ accuracy }) => accuracy?.task?.agreement],
  ['agreement_low', ({ accuracy }) => accuracy?.task?.agreementLow],
  ['agreement_high', ({ accuracy }) => accuracy?.task?.agreementHigh],
  ['lost', ({ accuracy }) => accuracy?.task?.lost],
  ['gained', ({ accuracy }) => accuracy?.task?.gained],
  ['mcnemar_p', ({ accuracy }) => accuracy?.task?.mcnemarP],
  ['lowest_sqnr_db', ({ accuracy }) => lowestSqnr(accuracy).sqnrDb],
  ['identical', ({ accuracy }) => (accuracy === null ? null : lowestSqnr(accuracy).identical)],
  ['non_finite', ({ accuracy }) => accuracy?.outputs.reduce((sum, { nonFinite }) => sum + nonFinite, 0)],
  ['latency_backend', ({ latency }) => latency?.backend],
  ['latency_device', ({ latency }) => latency?.device],
  ['latency_batch', ({ latency }) => latency?.batch],
  ['latency_iterations', ({ latency }) => latency?.iterations],
  ['latency_median_ms', ({ latency }) => latency?.medianMs],
  ['latency_mean_ms', ({ latency }) => latency?.meanMs],
  ['latency_p90_ms', ({ latency }) => latency?.p90Ms],
  ['latency_p95_ms', ({ latency }) => latency?.p95Ms],
  ['latency_p99_ms', ({ latency }) => latency?.p99Ms],
  ['latency_cov', ({ latency }) => latency?.cov],
  ['latency_ratio', ({ latency }) => latency?.versusBaseline?.ratio],
  ['latency_ratio_low', ({ latency }) => latency?.versusBaseline?.low],
  ['latency_ratio_high', ({ latency }) => latency?.versusBaseline?.high],
  ['throughput_per_second', ({ latency }) => latency?.throughputPerSecond],
  ['speedup', ({ speedup }) => speedup],
  ['onnx_bytes', (variant) => onnxArtifact(variant)?.bytes],
  ['onnx_sha256', (variant) => onnxArtifact(variant)?.sha256],
  ['size_ratio', ({ sizeRatio }) => sizeRatio],
  [
    'engines',
    (variant) =>
      engineArtifacts(variant)
        .map(({ path }) => path)
        .join(' '),
  ],
  ['engine_bytes', (variant) => engineArtifacts(variant)[0]?.bytes],
  ['nodes_kept', ({ decisions }) => decisions.length],
  ['calibration', ({ calibration }) => calibration?.algorithm],
  ['calibration_samples', ({ calibration }) => calibration?.samples],
  ['error_code', ({ error }) => error?.code],
  ['error_reason', ({ error }) => error?.reason],
];

/** Spreadsheets execute a text that starts like a formula; an apostrophe keeps it a text. */
function safeText(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function fieldText(field: Field): string {
  if (field === null || field === undefined) return '';
  const text = typeof field === 'string' ? safeText(field) : String(field);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @returns the header and one line a variant, each ended by CRLF */
export function renderCsv(report: Report): string {
  const header = columns.map(([name]) => name);
  const rows = report.variants.map((variant) => columns.map(([, field]) => fieldText(field(variant, report))));
  return [header, ...rows].map((fields) => `${fields.join(',')}\r\n`).join('');
}
