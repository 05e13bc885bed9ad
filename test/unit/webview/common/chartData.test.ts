import { expect, it } from 'vitest';
import {
  engineSizePoints,
  latencyBars,
  latencyPoints,
  paretoFront,
  type ScatterPoint,
} from '../../../../webview/common/chartData';
import { sampleReport, variantOf } from '../../report/sampleReport';

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

const point = (name: string, x: number, value: number): ScatterPoint => ({
  name,
  precision: 'fp16',
  x,
  y: { value, low: null, high: null },
});

it('joins the points that nothing beats in both, cheapest first', () => {
  const points = [point('fp32', 20, 0.9), point('int8', 5, 0.7), point('slow', 12, 0.6), point('fp16', 10, 0.9)];
  expect(paretoFront(points).map(({ name }) => name)).toEqual(['int8', 'fp16']);
});

it('takes the better of two points of one cost', () => {
  const points = [point('worse', 5, 0.7), point('better', 5, 0.8)];
  expect(paretoFront(points).map(({ name }) => name)).toEqual(['better']);
  expect(paretoFront([])).toEqual([]);
});
