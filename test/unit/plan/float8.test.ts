import { describe, expect, it } from 'vitest';
import { float8Array, fromFloat8, toFloat8 } from '../../../extension/plan/float8';

describe('FP8 E4M3', () => {
  it('every pattern survives the way to a number and back', () => {
    for (let pattern = 0; pattern < 256; pattern++) {
      const value = fromFloat8(pattern);
      if (Number.isNaN(value)) expect(pattern & 0x7f).toBe(0x7f);
      else expect(toFloat8(value)).toBe(pattern);
    }
  });

  it('rounds to the nearest of all values, ties to even patterns', () => {
    const all = Array.from({ length: 127 }, (_, pattern) => fromFloat8(pattern));
    for (let i = 0; i + 1 < all.length; i++) {
      const [low, high] = [all[i]!, all[i + 1]!];
      expect(toFloat8(low + (high - low) * 0.49)).toBe(i);
      expect(toFloat8(low + (high - low) * 0.51)).toBe(i + 1);
      expect(toFloat8((low + high) / 2)).toBe(i % 2 === 0 ? i : i + 1);
    }
  });

  it('saturates, keeps signs and NaN', () => {
    expect(Array.from(float8Array(Float32Array.of(1e9, -500, -0, NaN)), fromFloat8)).toEqual([448, -448, -0, NaN]);
  });
});
