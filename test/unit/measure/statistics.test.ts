import { describe, expect, test } from 'vitest';
import {
  coefficientOfVariation,
  mean,
  median,
  pairedRatio,
  quantile,
  speedVerdict,
} from '../../../extension/measure/statistics';

describe('quantile', () => {
  // numpy.quantile([1, 2, 4, 8, 16], q), method "linear".
  test.each([
    [0, 1],
    [0.25, 2],
    [0.5, 4],
    [0.9, 12.8],
    [0.99, 15.68],
    [1, 16],
  ])('q = %d of 1, 2, 4, 8, 16 is %d', (q, expected) => {
    expect(quantile([1, 2, 4, 8, 16], q)).toBeCloseTo(expected, 12);
  });

  test('a single value is all of its quantiles', () => {
    expect([0, 0.5, 0.99, 1].map((q) => quantile([3], q))).toEqual([3, 3, 3, 3]);
  });

  test('the median of an even number lies between', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test('no values have no statistics', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
    expect(() => mean([])).toThrow(RangeError);
  });
});

test('coefficient of variation uses the sample standard deviation', () => {
  // numpy.std([2, 4, 4, 4, 5, 5, 7, 9], ddof=1) / 5
  expect(coefficientOfVariation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(0.4276179870598791, 12);
  expect(coefficientOfVariation([3, 3, 3])).toBe(0);
  expect(coefficientOfVariation([3])).toBe(0);
});

describe('pairedRatio', () => {
  const ramp = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

  // Order statistics k and n + 1 − k of a 95 % interval of the median, from tables of the sign test.
  test.each([
    [6, 1],
    [8, 1],
    [9, 2],
    [15, 4],
    [20, 6],
    [50, 18],
  ])('%i pairs: order statistic %i', (n, k) => {
    expect(pairedRatio(ramp(n), new Array<number>(n).fill(1))).toEqual({ ratio: (n + 1) / 2, low: k, high: n + 1 - k });
  });

  test('five pairs are too few for 95 %', () => {
    const { ratio, low, high } = pairedRatio(ramp(5), [1, 1, 1, 1, 1]);
    expect([ratio, low, high]).toEqual([3, null, null]);
  });

  test('drift that hits both sides cancels', () => {
    const drift = ramp(15).map((i) => 1 + i / 10);
    const result = pairedRatio(
      drift.map((value) => value * 0.8),
      drift,
    );
    expect(result.ratio).toBeCloseTo(0.8, 12);
    expect(result.high).toBeCloseTo(0.8, 12);
  });

  test('series of different length are refused', () => {
    expect(() => pairedRatio([1, 2], [1])).toThrow(RangeError);
    expect(() => pairedRatio([], [])).toThrow(RangeError);
  });
});

describe('speedVerdict', () => {
  test.each([
    ['faster', { ratio: 0.8, low: 0.75, high: 0.9 }],
    ['slower', { ratio: 1.2, low: 1.1, high: 1.3 }],
    ['same', { ratio: 0.9, low: 0.7, high: 1.05 }],
    ['same', { ratio: 0.995, low: 0.994, high: 0.996 }],
    [null, { ratio: 0.5, low: null, high: null }],
  ])('%s for %o', (verdict, interval) => {
    expect(speedVerdict(interval)).toBe(verdict);
  });
});
