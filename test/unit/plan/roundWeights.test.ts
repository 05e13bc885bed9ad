import { describe, expect, it } from 'vitest';
import { quantizeWeight, roundUp } from '../../../extension/plan/quantizeWeight';
import { roundHalfEven, roundKeepingSums } from '../../../extension/plan/roundWeights';
import { noise } from './planModels';

const positions = (start: number, count: number) => Uint32Array.from({ length: count }, (_, i) => start + i);
const sumOfErrors = (values: Float32Array, rounded: Int8Array, from: number, to: number) => {
  let sum = 0;
  for (let i = from; i < to; i++) sum += rounded[i]! - values[i]!;
  return Math.abs(sum);
};

describe('roundKeepingSums', () => {
  const values = noise(4 * 32 * 9).map((v) => v * 100);
  const channels = [0, 1, 2, 3].map((channel) => positions(channel * 288, 288));
  const rounded = roundKeepingSums(values, channels, 9);

  it('moves no element by a whole step or more', () => {
    values.forEach((value, i) => expect(Math.abs(rounded[i]! - value)).toBeLessThan(1));
  });

  it('leaves the sum of the errors of every channel within half a step, and of every kernel within one and a half', () => {
    for (let channel = 0; channel < 4; channel++) {
      expect(sumOfErrors(values, rounded, channel * 288, (channel + 1) * 288)).toBeLessThanOrEqual(0.51);
      for (let kernel = 0; kernel < 32; kernel++) {
        const start = channel * 288 + kernel * 9;
        expect(sumOfErrors(values, rounded, start, start + 9)).toBeLessThanOrEqual(1.51);
      }
    }
  });

  it('rounds most elements to the nearest', () => {
    const turned = values.filter((value, i) => rounded[i] !== roundHalfEven(value)).length;
    expect(turned).toBeGreaterThan(0);
    expect(turned / values.length).toBeLessThan(0.15);
  });

  it('never leaves ±127', () => {
    const extreme = Float32Array.from([127, 127, 127, 126.6, 126.6, 126.6, -127, -127]);
    const result = roundKeepingSums(extreme, [positions(0, 8)], 1);
    expect(Math.max(...result)).toBeLessThanOrEqual(127);
    expect(Math.min(...result)).toBeGreaterThanOrEqual(-127);
  });

  it('with one element per channel is plain rounding, ties to even', () => {
    const ties = Float32Array.from([0.5, 1.5, -0.5, -2.5, 2.4]);
    const single = Array.from(ties, (_, i) => positions(i, 1));
    expect(Array.from(roundKeepingSums(ties, single, 1))).toEqual([0, 2, -0, -2, 2].map((v) => v + 0));
  });
});

describe('quantizeWeight', () => {
  it('takes scales along the last axis of stacked matrices', () => {
    const weight = { dtype: 'fp32', dims: [2, 3, 4], data: noise(24) } as const;
    const { scales, values } = quantizeWeight(weight, { dtype: 'int8', axis: 2, rest: 'fp32' });
    expect(scales.dims).toEqual([4]);
    for (let column = 0; column < 4; column++) {
      const largest = Math.max(...Array.from({ length: 6 }, (_, row) => Math.abs(weight.data[row * 4 + column]!)));
      expect(scales.data[column]).toBeCloseTo(largest / 127, 7);
    }
    expect(values.dims).toEqual([2, 3, 4]);
    expect(Math.max(...Array.from(values.data as Int8Array, Math.abs))).toBe(127);
  });

  it('rounds scales up to what their type holds, down to the smallest subnormal', () => {
    for (const value of [1, 0.1, 1e-3, 1e-6, 3e-8, 1e-12]) {
      expect(roundUp(value, 'fp16')).toBeGreaterThanOrEqual(value);
      expect(roundUp(value, 'bf16')).toBeGreaterThanOrEqual(value);
    }
    expect(roundUp(1, 'fp16')).toBe(1);
    expect(roundUp(1e-12, 'fp16')).toBe(2 ** -24);
    expect(roundUp(0.1, 'fp16')).toBeLessThan(0.1 * (1 + 2 ** -10));
  });

  it('FP8: the largest weight of a channel becomes 448', () => {
    const { values, scales } = quantizeWeight(
      { dtype: 'fp32', dims: [2, 2], data: Float32Array.of(1, 0.5, 0, 0) },
      { dtype: 'fp8e4m3', axis: 0, rest: 'fp32' },
    );
    expect(Array.from(values.data as Uint8Array)).toEqual([0x7e, 0x76, 0, 0]);
    expect(Array.from(scales.data as Float32Array)).toEqual([Math.fround(1 / 448), 1]);
  });
});
