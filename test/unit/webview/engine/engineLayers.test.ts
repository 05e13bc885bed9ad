import { expect, it } from 'vitest';
import type { PassportLayer } from '../../../../extension/contract/enginePassport';
import { orderLayers, searchLayers, sharesByPrecision, totalMs } from '../../../../webview/engine/engineLayers';

const layer = (
  name: string,
  precision: string,
  ms: number | null,
  more: Partial<PassportLayer> = {},
): PassportLayer => ({
  name,
  type: 'Conv',
  precision,
  tactic: null,
  inputs: [],
  outputs: [],
  nodes: [],
  ms,
  ...more,
});
const layers = [
  layer('a', 'int8', 0.1),
  layer('b', 'fp16', null),
  layer('c', 'fp16', 0.3, { nodes: ['/head/Gemm'], tactic: 'sm80_xmma' }),
];

it('orders by time, slowest first, untimed last', () => {
  expect(orderLayers(layers, 'time').map(({ name }) => name)).toEqual(['c', 'a', 'b']);
  expect(orderLayers(layers, 'engine')).toBe(layers);
});

it('finds by ONNX node and tactic', () => {
  expect(searchLayers(layers, 'gemm xmma').map(({ name }) => name)).toEqual(['c']);
  expect(searchLayers(layers, ' ')).toBe(layers);
});

it('sums by precision; nothing timed is null, not zero', () => {
  expect(sharesByPrecision(layers)).toEqual([
    { precision: 'fp16', layers: 2, ms: 0.3 },
    { precision: 'int8', layers: 1, ms: 0.1 },
  ]);
  expect(totalMs(layers)).toBeCloseTo(0.4);
  const untimed = [layer('a', 'fp16', null)];
  expect(sharesByPrecision(untimed)).toEqual([{ precision: 'fp16', layers: 1, ms: null }]);
  expect(totalMs(untimed)).toBeNull();
});
