import { describe, expect, it } from 'vitest';
import { elementValues } from '../../../extension/compare/elementValues';

describe('elementValues', () => {
  it('passes float arrays through without a copy', () => {
    const data = new Float32Array([1, 2]);
    expect(elementValues({ dtype: 'fp32', dims: [2], data })).toBe(data);
  });

  it('reads binary16 patterns: subnormal, largest, infinities, NaN, signed zero', () => {
    const data = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000]);
    const values = elementValues({ dtype: 'fp16', dims: [8], data });
    expect([...(values ?? [])]).toEqual([1, -2, 2 ** -24, 65504, Infinity, -Infinity, NaN, -0]);
  });

  it('reads bfloat16 patterns as the upper half of float32', () => {
    const data = new Uint16Array([0x3f80, 0xc049, 0x7f80, 0x7fc0]);
    expect([...(elementValues({ dtype: 'bf16', dims: [4], data }) ?? [])]).toEqual([1, -3.140625, Infinity, NaN]);
  });

  it('turns integers of any width into numbers', () => {
    expect([...(elementValues({ dtype: 'int64', dims: [2], data: new BigInt64Array([-5n, 7n]) }) ?? [])]).toEqual([
      -5, 7,
    ]);
    expect([...(elementValues({ dtype: 'bool', dims: [2], data: new Uint8Array([0, 1]) }) ?? [])]).toEqual([0, 1]);
  });

  it('refuses packed types', () => {
    expect(elementValues({ dtype: 'int4', dims: [2], data: new Uint8Array([0x21]) })).toBeNull();
  });
});
