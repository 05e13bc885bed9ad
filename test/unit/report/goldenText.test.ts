/** Golden texts: the reports people read, byte for byte. After a wanted change: `npx vitest run test/unit/report --update`. */
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { decideVerdict } from '../../../extension/compare/verdict';
import { renderCsv } from '../../../extension/report/renderCsv';
import { renderMarkdown } from '../../../extension/report/renderMarkdown';
import { renderTable } from '../../../extension/report/renderTable';
import { onGpu, sampleReport } from './sampleReport';

const golden = (name: string): string => path.join(__dirname, '../../golden/report', name);

it.each([
  ['sample.md', () => renderMarkdown(sampleReport())],
  ['sample.csv', () => renderCsv(sampleReport())],
  ['sample.160.txt', () => renderTable(sampleReport(), { color: false, width: 160 })],
  ['sample.80.txt', () => renderTable(sampleReport(), { color: false, width: 80 })],
  ['sample.color.txt', () => renderTable(sampleReport(), { color: true, width: 120 })],
  ['sample.gpu.txt', () => renderTable(onGpu(sampleReport()), { color: false, width: 160 })],
])('%s', async (name, render) => {
  await expect(render()).toMatchFileSnapshot(golden(name));
});

it('the sample carries the verdict that the rules give it', () => {
  const { verdict, variants, plan, model, data } = sampleReport();
  const skippedSamples = data.evaluation?.skipped ?? 0;
  expect(decideVerdict({ variants, plan, model, representative: data.representative, skippedSamples })).toEqual(
    verdict,
  );
});
