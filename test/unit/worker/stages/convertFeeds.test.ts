import { describe, expect, it } from 'vitest';
import type { DType, Tensor, TensorData } from '../../../../extension/contract/tensor';
import { toFloat16Array } from '../../../../extension/model/float16';
import { convertFeeds } from '../../../../extension/worker/stages/convertFeeds';

const input = (dtype: DType) => ({ inputs: [{ name: 'x', dtype, shape: [1, 2] }] });
const tensor = (dtype: DType, data: TensorData): Tensor => ({ dtype, dims: [1, 2], data });
const single = tensor('fp32', Float32Array.of(1.5, -2));

describe('convertFeeds', () => {
  it('passes on what fits, and leaves out what the session does not take', () => {
    const feeds = convertFeeds({ x: single, unused: single }, input('fp32'));
    expect(feeds).toEqual({ x: single });
    expect(feeds['x']).toBe(single);
  });

  it.each([
    ['fp32', 'fp16', single, toFloat16Array([1.5, -2])],
    ['fp16', 'fp32', tensor('fp16', toFloat16Array([1.5, -2])), Float32Array.of(1.5, -2)],
    ['fp64', 'fp16', tensor('fp64', Float64Array.of(1.5, -2)), toFloat16Array([1.5, -2])],
    ['bf16', 'fp32', tensor('bf16', Uint16Array.of(0x3fc0, 0xc000)), Float32Array.of(1.5, -2)],
  ] as const)('%s becomes %s', (_, dtype, given, data) => {
    expect(convertFeeds({ x: given }, input(dtype))).toEqual({ x: { dtype, dims: [1, 2], data } });
  });

  it('quantizes for an INT8 input with a scale as QuantizeLinear does: ties to even, saturating', () => {
    const given = tensor('fp32', Float32Array.of(0.25, 0.75, -0.25, 1.24, 1000, -1000));
    expect(convertFeeds({ x: given }, input('int8'), { x: 0.5 })['x']?.data).toEqual(
      Int8Array.of(0, 2, -0, 2, 127, -128),
    );
  });

  it('integers that a type without a scale holds are fed as they are', () => {
    const pixels = tensor('fp32', Float32Array.of(0, 255));
    expect(convertFeeds({ x: pixels }, input('uint8'))['x']?.data).toEqual(Uint8Array.of(0, 255));
    expect(() => convertFeeds({ x: pixels }, input('int8'))).toThrow(/255 does not fit int8/);
    expect(convertFeeds({ x: tensor('fp32', Float32Array.of(1, -2)) }, input('bf16'))['x']?.data).toEqual(
      Uint16Array.of(0x3f80, 0xc000),
    );
  });

  it.each([
    [single, 'int8'],
    [tensor('int64', BigInt64Array.of(1n, 2n)), 'fp32'],
  ] as const)('refuses what would change its meaning', (given, dtype) => {
    expect(() => convertFeeds({ x: given }, input(dtype))).toThrow(
      expect.objectContaining({ code: 'RUNTIME_FAILED', place: { field: 'x' } }),
    );
  });
});
