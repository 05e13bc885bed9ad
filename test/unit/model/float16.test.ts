import { describe, expect, it } from 'vitest';
import {
  fromBfloat16,
  fromBfloat16Array,
  fromFloat16,
  fromFloat16Array,
  roundToBfloat16,
  roundToFloat16,
  toBfloat16,
  toBfloat16Array,
  toFloat16,
  toFloat16Array,
} from '../../../extension/model/float16';

const types = [
  { name: 'fp16', to: toFloat16, from: fromFloat16, largest: 0x7bff, infinity: 0x7c00 },
  { name: 'bf16', to: toBfloat16, from: fromBfloat16, largest: 0x7f7f, infinity: 0x7f80 },
] as const;

describe.each(types)('$name', ({ to, from, largest, infinity }) => {
  it('every pattern survives the way to FP32 and back', () => {
    for (let pattern = 0; pattern < 65536; pattern++) {
      if (Number.isNaN(from(pattern))) expect(from(to(from(pattern)))).toBeNaN();
      else if (to(from(pattern)) !== pattern) expect(to(from(pattern)), pattern.toString(16)).toBe(pattern);
    }
  });

  it('rounds to nearest, ties to even, at every gap of either sign', () => {
    const wrong: number[] = [];
    for (let pattern = 0; pattern < largest; pattern++) {
      const [low, high] = [from(pattern), from(pattern + 1)];
      const middle = (low + high) / 2;
      const even = pattern % 2 === 0 ? pattern : pattern + 1;
      // A quarter of the gap is exact in FP32, unlike the neighbor of the middle.
      const checks = [
        [middle, even],
        [low + (high - low) * 0.25, pattern],
        [low + (high - low) * 0.75, pattern + 1],
      ] as const;
      for (const [value, expected] of checks) {
        // Gaps among the smallest subnormals of bf16 have no middle in FP32.
        if (Math.fround(value) !== value) continue;
        if (to(value) !== expected || to(-value) !== (expected | 0x8000)) wrong.push(pattern);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('overflows to infinity from half a gap above the largest, and keeps the sign of zero', () => {
    const top = from(largest);
    const gap = top - from(largest - 1);
    expect(to(top + gap / 2)).toBe(infinity);
    expect(to(Math.fround(top + gap * 0.49))).toBe(largest);
    expect([to(Infinity), to(-Infinity)]).toEqual([infinity, infinity | 0x8000]);
    expect([to(0), to(-0)]).toEqual([0, 0x8000]);
    expect(from(to(NaN))).toBeNaN();
  });
});

describe('arrays', () => {
  const values = Float32Array.of(1, -0.1, 65504, 70000, 1e-8, -0, NaN, 3.14159);

  it('agree with single values', () => {
    expect(Array.from(toFloat16Array(values))).toEqual(Array.from(values, toFloat16));
    expect(Array.from(toBfloat16Array(values))).toEqual(Array.from(values, toBfloat16));
    expect(Array.from(fromFloat16Array(toFloat16Array(values)))).toEqual(Array.from(values, roundToFloat16));
    expect(Array.from(fromBfloat16Array(toBfloat16Array(values)))).toEqual(Array.from(values, roundToBfloat16));
  });

  it('take numbers of any array, doubles rounded to FP32 first', () => {
    expect(Array.from(toFloat16Array([0.1, 2]))).toEqual([toFloat16(0.1), 0x4000]);
    expect(Array.from(toBfloat16Array(new Float32Array([9, 1.5]).subarray(1)))).toEqual([0x3fc0]);
  });
});
