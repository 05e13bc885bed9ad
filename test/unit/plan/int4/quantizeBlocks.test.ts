import { describe, expect, it } from 'vitest';
import { fromFloat16, toFloat16 } from '../../../../extension/model/float16';
import { quantizeBlocks, type BlockShape, type QuantizedBlocks } from '../../../../extension/plan/int4/quantizeBlocks';
import { noise } from '../planModels';

const matrix = (rows: number, columns: number, block: number, matrices = 1): BlockShape => ({
  ...{ matrices, rows, columns, block },
});

/** The weights that the integers and scales stand for, by the definition of blocked DequantizeLinear. */
function dequantized({ values, scales }: QuantizedBlocks, { rows, columns, block }: BlockShape): Float32Array {
  return Float32Array.from(values, (value, i) => {
    const row = Math.floor(i / columns);
    const inMatrix = row % rows;
    const blocks = Math.floor(row / rows) * (rows / block) + Math.floor(inMatrix / block);
    return value * scales[blocks * columns + (i % columns)]!;
  });
}

function squaredError(weights: Float32Array, shape: BlockShape, choice: 'search' | 'absmax'): number {
  const found = dequantized(quantizeBlocks(weights, shape, choice), shape);
  return weights.reduce((sum, weight, i) => sum + (weight - found[i]!) ** 2, 0);
}

/** Sums of noise: bell-shaped, as trained weights are. */
const bell = (count: number) => {
  const parts = [1, 2, 3, 4, 5, 6].map((seed) => noise(count, seed));
  return Float32Array.from({ length: count }, (_, i) => parts.reduce((sum, part) => sum + part[i]!, 0) / 10);
};

describe('INT4 blocks', () => {
  it('have absmax / 7 as the usual scale, one for each block of a column', () => {
    const shape = matrix(4, 2, 2);
    const weights = Float32Array.of(7, 1, -3.4, 2, 14, -4, 2, 28);
    const { values, scales } = quantizeBlocks(weights, shape, 'absmax');
    expect([...scales]).toEqual([1, fromFloat16(toFloat16(2 / 7)), 2, 4]);
    expect([...values]).toEqual([7, 4, -3, 7, 7, -1, 1, 7]);
  });

  it('find exactly what 4 bits hold, −8 included', () => {
    const weights = Float32Array.from({ length: 16 }, (_, i) => (i - 8) / 4);
    const shape = matrix(16, 1, 16);
    const { values, scales } = quantizeBlocks(weights, shape);
    expect([...scales]).toEqual([0.25]);
    expect([...values]).toEqual([-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it.each([64, 128])('are closer to bell-shaped weights by the search than by absmax / 7, blocks of %i', (block) => {
    const shape = matrix(256, 8, block);
    const weights = bell(256 * 8);
    const ratio = squaredError(weights, shape, 'search') / squaredError(weights, shape, 'absmax');
    expect(ratio).toBeLessThan(0.9);
  });

  it('are never worse in any block than with the usual scale', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const shape = matrix(64, 1, 64);
      const weights = noise(64, seed).map((value, i) => value ** 3 * (i % 7));
      expect(squaredError(weights, shape, 'search')).toBeLessThanOrEqual(squaredError(weights, shape, 'absmax'));
    }
  });

  it('give a block of zeros scale 1, and tiny weights a scale above zero', () => {
    const weights = new Float32Array(4);
    weights[1] = 1e-9;
    const { values, scales } = quantizeBlocks(weights, matrix(2, 2, 2));
    expect([...scales]).toEqual([1, 2 ** -24]);
    expect([...values]).toEqual([0, 0, 0, 0]);
  });

  it('keep −8 · scale finite in FP16', () => {
    const weights = Float32Array.of(-65504, 65504, 60000, -61000);
    const { scales } = quantizeBlocks(weights, matrix(4, 1, 4));
    expect(scales[0]! * 8).toBeLessThanOrEqual(65504);
  });

  it('of stacked matrices are those of each', () => {
    const weights = noise(2 * 8 * 4, 3);
    const both = quantizeBlocks(weights, matrix(8, 4, 4, 2));
    const second = quantizeBlocks(weights.slice(32), matrix(8, 4, 4));
    expect(both.values.slice(32)).toEqual(second.values);
    expect(both.scales.slice(8)).toEqual(second.scales);
  });
});
