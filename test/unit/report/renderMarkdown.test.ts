import { expect, it } from 'vitest';
import { renderMarkdown } from '../../../extension/report/renderMarkdown';
import { sampleReport, variantOf } from './sampleReport';

it('keeps every table rectangular, whatever the names hold', () => {
  const report = sampleReport();
  const variants = [{ ...variantOf(report, 'fp16'), name: 'a|b\n| c |' }, ...report.variants];
  const lines = renderMarkdown({ ...report, variants }).split('\n');
  let width = 0;
  let tables = 0;
  for (const line of lines) {
    if (!line.startsWith('|')) {
      width = 0;
      continue;
    }
    const cells = line.replaceAll('\\|', '').split('|').length;
    if (width === 0) tables++;
    else expect(cells, line).toBe(width);
    width = cells;
  }
  expect(tables).toBeGreaterThan(8);
});

it('lets no text become markup', () => {
  const text = renderMarkdown(sampleReport());
  // Outside of code spans and the fenced command an angle bracket is always escaped.
  const prose = text.replace(/```[\s\S]*?```/g, '').replace(/(`+)[^`][\s\S]*?\1/g, '');
  expect(prose).not.toMatch(/(?<!\\)</);
  expect(text).toContain('\\<img src=x');
});

it('fences a command that holds a fence', () => {
  const text = renderMarkdown({ ...sampleReport(), command: 'precision-bench convert "a```b"' });
  expect(text).toContain('````sh\nprecision-bench convert "a```b"\n````');
});

it('says what was not measured', () => {
  const row = renderMarkdown(sampleReport())
    .split('\n')
    .find((line) => line.startsWith('| fp8 |'));
  expect(row?.match(/not measured/g)?.length).toBeGreaterThanOrEqual(6);
});
