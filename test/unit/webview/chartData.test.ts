import { expect, it } from 'vitest';
import { engineSizePoints, latencyBars, latencyPoints } from '../../../webview/common/chartData';
import { sampleReport, variantOf } from '../report/sampleReport';

it('draws only what was measured on the device asked for', () => {
  const { variants } = sampleReport();
  expect(latencyBars(variants, 'cpu').map(({ name }) => name)).toEqual(['fp32', 'fp16', 'int8']);
  expect(latencyBars(variants, 'NVIDIA L4')).toEqual([]);
});

it('carries the numbers of the report unchanged', () => {
  const report = sampleReport();
  const { accuracy, latency, artifacts } = variantOf(report, 'int8');
  const { top1, top1Low, top1High } = accuracy?.task ?? {};
  const y = { value: top1, low: top1Low, high: top1High };
  const common = { name: 'int8', precision: 'int8', y };
  expect(latencyPoints(report.variants, 'cpu').at(-1)).toEqual({ ...common, x: latency?.medianMs });
  const engine = artifacts.find(({ kind }) => kind === 'engine');
  expect(engineSizePoints(report.variants).at(-1)).toEqual({ ...common, x: engine?.bytes });
});
