import { describe, expect, it } from 'vitest';
import { renderTable } from '../../../extension/report/renderTable';
import { onGpu, sampleReport, variantOf } from './sampleReport';

const render = (width: number, report = sampleReport()): string => renderTable(report, { color: false, width });

describe('renderTable', () => {
  it.each([60, 80, 100, 140, 200])('fits its table into %i columns', (width) => {
    // Rows of the table: from the header to the note below it.
    const lines = render(width).split('\n');
    const first = lines.findIndex((line) => line.startsWith('  variant'));
    const rows = lines.slice(first, first + 6);
    for (const row of rows) expect([...row].length, row).toBeLessThanOrEqual(width);
    expect(rows[2]).toMatch(/^› fp16/);
  });

  it('keeps status and accuracy when all else has to go', () => {
    const header = render(40)
      .split('\n')
      .find((line) => line.startsWith('  variant'));
    expect(header).toContain('status');
    expect(header).toContain('top-1 [95%]');
    expect(header).not.toContain('engine');
  });

  it('labels CPU latency as such and never shows a speed-up for it', () => {
    const text = render(200);
    expect(text).toContain('CPU latency, p99');
    expect(text).toContain('not of TensorRT');
    expect(text).not.toContain('speed-up');
  });

  it('names the GPU and shows the speed-up when it was timed there', () => {
    const text = render(200, onGpu(sampleReport()));
    expect(text).toContain('NVIDIA L4 latency, p99');
    expect(text).toContain('1.32×');
    expect(text).not.toContain('not of TensorRT');
  });

  it('prints errors with code and fix', () => {
    expect(render(400)).toContain('fp8 failed (ENGINE_BUILD): ');
    expect(render(400)).toContain('Keep the node in FP16 with --keep');
  });

  it('does not let a name steer the terminal', () => {
    const report = sampleReport();
    const evil = { ...variantOf(report, 'fp16'), name: 'fp16\u001b[2J\u0007\r' };
    const text = render(120, { ...report, variants: [evil] });
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it('has escape codes only in color', () => {
    expect(render(120)).not.toContain('\u001b');
    expect(renderTable(sampleReport(), { color: true, width: 120 })).toContain('\u001b[32m');
  });

  it('says that data is not representative, and that nothing is recommended', () => {
    const report = sampleReport();
    const text = render(120, {
      ...report,
      data: { ...report.data, evaluation: null, representative: false },
      verdict: { recommended: null, reasons: ['Because.'], warnings: [] },
    });
    expect(text).toContain('no evaluation data, NOT REPRESENTATIVE');
    expect(text).toContain('No recommendation');
    expect(text).not.toContain('Warnings');
  });
});
