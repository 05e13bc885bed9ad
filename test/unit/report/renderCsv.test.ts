import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { renderCsv } from '../../../extension/report/renderCsv';
import { sampleReport, variantOf } from './sampleReport';

const rowsOf = (csv: string): Record<string, string>[] => parse(csv, { columns: true, record_delimiter: '\r\n' });

it('gives back every number of the report exactly, and nothing where nothing was measured', () => {
  const report = sampleReport();
  const rows = rowsOf(renderCsv(report));
  expect(rows.map((row) => row['variant'])).toEqual(report.variants.map(({ name }) => name));
  report.variants.forEach(({ accuracy, latency, artifacts }, i) => {
    const row = rows[i] ?? {};
    const expected = {
      top1: accuracy?.task?.top1,
      top1_low: accuracy?.task?.top1Low,
      agreement: accuracy?.task?.agreement,
      mcnemar_p: accuracy?.task?.mcnemarP,
      lowest_sqnr_db: accuracy?.outputs[0]?.sqnrDb,
      latency_median_ms: latency?.medianMs,
      latency_p99_ms: latency?.p99Ms,
      onnx_bytes: artifacts[0]?.bytes,
    };
    for (const [column, value] of Object.entries(expected)) {
      expect(row[column], column).toBe(value === null || value === undefined ? '' : String(value));
    }
  });
});

it('quotes commas, quotes and line breaks, so that the reason survives', () => {
  const report = sampleReport();
  const failed = variantOf(report, 'fp8');
  const reason = 'first, "second"\r\nthird';
  const variants = [{ ...failed, error: { code: 'ENGINE_BUILD', reason, fix: '' } }];
  expect(rowsOf(renderCsv({ ...report, variants }))[0]?.['error_reason']).toBe(reason);
});

it.each(['=HYPERLINK("x")', '+1', '-1', '@SUM(A1)'])('keeps %s a text in a spreadsheet', (name) => {
  const report = sampleReport();
  const variants = [{ ...variantOf(report, 'fp16'), name }];
  expect(rowsOf(renderCsv({ ...report, variants }))[0]?.['variant']).toBe(`'${name}`);
});
