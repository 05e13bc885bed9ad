/**
 * The addon's observers against plain JavaScript, bit for bit. `native/test/observe_test.cpp` covers the rest
 * (threads, instruction sets) without Node.
 */
import { describe, expect, test } from 'vitest';
import { nativeAddonState } from '../../extension/backends/nativeAddon';

const { addon } = nativeAddonState();
const required = process.env['CI'] === 'true';

if (addon === null && !required) console.warn('Skipped: the native module is not built (npm run native).');

/** Numbers of many magnitudes from a small generator, with zeros, NaN and infinities among them. */
function sample(length: number): Float32Array {
  let state = 12345;
  return Float32Array.from({ length }, (_, index) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    if (index % 501 === 7) return [NaN, Infinity, -Infinity][index % 3]!;
    if (index % 2 === 0) return 0;
    return (state / 2 ** 31) * 10 ** (index % 5);
  });
}

describe.skipIf(addon === null && !required)('native observers', () => {
  const native = addon!;

  test.each([0, 1, 1000, 40_000, 700_000])('histogram of %i elements equals the plain loop', (length) => {
    const values = sample(length);
    const binWidth = 1234.5 / 2048;
    const expected = new Float64Array(2048);
    let leftOut = 0;
    for (const value of values) {
      if (!Number.isFinite(value)) leftOut++;
      else expected[Math.min(2047, Math.floor(Math.abs(value) / binWidth))]! += 1;
    }
    const counts = new Float64Array(2048);
    expect(native.accumulateHistogram(values, counts, binWidth)).toBe(leftOut);
    expect(counts).toEqual(expected);
  });

  test('the same elements in other batches give the same histogram', () => {
    const values = sample(100_000);
    const whole = new Float64Array(512);
    const pieces = new Float64Array(512);
    native.accumulateHistogram(values, whole, 0.7);
    for (let at = 0; at < values.length; at += 7919)
      native.accumulateHistogram(values.subarray(at, at + 7919), pieces, 0.7);
    expect(pieces).toEqual(whole);
  });

  test('range skips what is not finite', () => {
    expect(native.observeRange(Float32Array.of(NaN, 2, -3, Infinity))).toEqual({
      min: -3,
      max: 2,
      absMax: 3,
      nonFinite: 2,
    });
    expect(native.observeRange(new Float32Array(0))).toEqual({
      min: Infinity,
      max: -Infinity,
      absMax: 0,
      nonFinite: 0,
    });
    expect(Object.is(native.observeRange(Float32Array.of(-0)).min, 0)).toBe(true);
  });

  test('wrong arguments are refused', () => {
    expect(() => native.observeRange(new Float64Array(2) as never)).toThrow(/Float32Array/);
    expect(() => native.accumulateHistogram(new Float32Array(2), new Float64Array(0), 1)).toThrow(/bins/);
    for (const width of [0, -1, NaN, Infinity]) {
      expect(() => native.accumulateHistogram(new Float32Array(2), new Float64Array(4), width)).toThrow(/bin width/);
    }
  });
});
