import { describe, expect, it } from 'vitest';
import {
  binCount,
  binWidthFor,
  newHistogram,
  totalCount,
  usedBins,
  widen,
  type Histogram,
} from '../../../extension/calibrate/histogram';
import { scalarObserver } from '../../../extension/calibrate/observers/scalarObserver';
import { randomNumbers } from './randomNumbers';

/** Fills a histogram as `observeTensors` does: one slice after the other. */
function filled(slices: readonly Float32Array[]): Histogram {
  const histogram = newHistogram();
  for (const slice of slices) {
    widen(histogram, scalarObserver.observeRange(slice).absMax);
    scalarObserver.accumulateHistogram(slice, histogram.counts, histogram.binWidth);
  }
  return histogram;
}

describe('binWidthFor', () => {
  it.each([1, 1.5, 2, 255, 1e-30, 3e38, 2 ** -20, 4095.9999, 0.1])(
    'holds %s in the upper half of its bins',
    (absMax) => {
      const width = binWidthFor(absMax);
      expect(Number.isInteger(Math.log2(width))).toBe(true);
      const bin = Math.floor(absMax / width);
      expect(bin).toBeLessThan(binCount);
      expect(bin).toBeGreaterThanOrEqual(binCount / 2);
    },
  );

  it('has a floor that float32 can divide by', () => {
    expect(binWidthFor(0)).toBe(2 ** -126);
    expect(binWidthFor(1e-45)).toBe(2 ** -126);
  });
});

describe('widen', () => {
  it('gives the same counts for every order and every grouping of the values', () => {
    const random = randomNumbers(7);
    // Magnitudes over 60 powers of two, so that the histogram has to widen often.
    const values = Float32Array.from({ length: 700 }, () => (random() - 0.5) * 2 ** Math.floor(random() * 60 - 30));
    const reversed = Float32Array.from(values).reverse();
    const sorted = Float32Array.from(values).sort();
    const expected = filled([values]);
    expect(totalCount(expected)).toBe(700);
    for (const [order, size] of [
      [values, 1],
      [values, 7],
      [values, 64],
      [reversed, 1],
      [reversed, 7],
      [sorted, 3],
    ] as const) {
      const slices: Float32Array[] = [];
      for (let start = 0; start < order.length; start += size) slices.push(order.subarray(start, start + size));
      expect(filled(slices)).toEqual(expected);
    }
  });

  it('puts each value into the bin that its magnitude says', () => {
    const histogram = filled([Float32Array.of(0.5, -0.5, 0, 3), Float32Array.of(100, -7.75)]);
    expect(histogram.binWidth).toBe(2 ** (7 - 12));
    const bins = [0, 0.5, 0.5, 3, 7.75, 100].map((value) => value / histogram.binWidth);
    for (const bin of bins)
      expect(histogram.counts[Math.floor(bin)]).toBe(bins.filter((other) => other === bin).length);
    expect(usedBins(histogram)).toBe(100 / histogram.binWidth + 1);
  });

  it('keeps counts beyond 32 bits', () => {
    const histogram = newHistogram();
    histogram.counts[0] = 2 ** 40 + 1;
    histogram.counts[1] = 2 ** 40;
    widen(histogram, 1);
    expect(histogram.counts[0]).toBe(2 ** 41 + 1);
  });
});
