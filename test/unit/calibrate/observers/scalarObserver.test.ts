import { describe, expect, it } from 'vitest';
import { scalarObserver } from '../../../../extension/calibrate/observers/scalarObserver';

describe('scalarObserver.observeRange', () => {
  it('looks at finite values only and counts the others', () => {
    const values = Float32Array.of(NaN, -2, Infinity, 0.5, -Infinity, NaN);
    expect(scalarObserver.observeRange(values)).toEqual({ min: -2, max: 0.5, absMax: 2, nonFinite: 4 });
  });

  it.each([
    ['no element', Float32Array.of()],
    ['no finite element', Float32Array.of(NaN, Infinity)],
  ])('has an empty range for %s', (_, values) => {
    expect(scalarObserver.observeRange(values)).toEqual({
      min: Infinity,
      max: -Infinity,
      absMax: 0,
      nonFinite: values.length,
    });
  });
});

describe('scalarObserver.accumulateHistogram', () => {
  it('counts magnitudes, the last bin also what lies beyond', () => {
    const counts = new Float64Array(4);
    const values = Float32Array.of(0, -0, 0.249, 0.25, -0.25, 0.999, 1, -1000, NaN, -Infinity);
    expect(scalarObserver.accumulateHistogram(values, counts, 0.25)).toBe(2);
    expect([...counts]).toEqual([3, 2, 0, 3]);
    scalarObserver.accumulateHistogram(Float32Array.of(0.5), counts, 0.25);
    expect([...counts]).toEqual([3, 2, 1, 3]);
  });
});
