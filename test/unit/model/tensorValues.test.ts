import { describe, expect, it } from 'vitest';
import { dtypes, type DType, type TensorData } from '../../../extension/contract/tensor';
import { bytesFor, dtypeOf, dtypeOrNull, onnxType } from '../../../extension/model/dtype';
import { dataType, newTensor } from '../../../extension/model/onnx.generated';
import { makeInt64, makeTensor, readTensor, toNumbers } from '../../../extension/model/tensorValues';

const model = { path: 'none.onnx' };

const examples: Record<Exclude<DType, 'string'>, TensorData> = {
  fp32: Float32Array.of(1.5, -2, 3),
  fp64: Float64Array.of(1.5, -2, 1e300),
  fp16: Uint16Array.of(0x3c00, 0xfc00, 1),
  bf16: Uint16Array.of(0x3f80, 0xff80, 1),
  fp8e4m3: Uint8Array.of(0x38, 0x7f, 0),
  fp8e5m2: Uint8Array.of(0x3c, 0x7c, 0),
  int4: Uint8Array.of(0x87, 0x01),
  uint4: Uint8Array.of(0xf0, 0x01),
  int8: Int8Array.of(-128, 127, 0),
  uint8: Uint8Array.of(255, 0, 1),
  int16: Int16Array.of(-32768, 32767, 0),
  uint16: Uint16Array.of(65535, 0, 1),
  int32: Int32Array.of(-(2 ** 31), 5, 0),
  uint32: Uint32Array.of(2 ** 32 - 1, 5, 0),
  int64: BigInt64Array.of(-(2n ** 63n), 5n, 0n),
  uint64: BigUint64Array.of(2n ** 64n - 1n, 5n, 0n),
  bool: Uint8Array.of(1, 0, 1),
};

describe('readTensor', () => {
  it.each(Object.entries(examples) as [Exclude<DType, 'string'>, TensorData][])('%s from raw_data', (dtype, data) => {
    const tensor = { dtype, dims: [3], data };
    expect(readTensor(makeTensor('t', tensor), model)).toEqual(tensor);
  });

  it.each<[DType, Parameters<typeof newTensor>[0]]>([
    ['fp32', { floatData: examples.fp32 as Float32Array }],
    ['fp64', { doubleData: examples.fp64 as Float64Array }],
    ['int64', { int64Data: examples.int64 as BigInt64Array }],
    ['uint64', { uint64Data: examples.uint64 as BigUint64Array }],
    ['uint32', { uint64Data: BigUint64Array.of(2n ** 32n - 1n, 5n, 0n) }],
    ['int32', { int32Data: examples.int32 as Int32Array }],
    ['fp16', { int32Data: Int32Array.of(0x3c00, 0xfc00, 1) }],
    ['bf16', { int32Data: Int32Array.of(0x3f80, 0xff80, 1) }],
    ['int8', { int32Data: Int32Array.of(-128, 127, 0) }],
    ['uint8', { int32Data: Int32Array.of(255, 0, 1) }],
    ['int16', { int32Data: Int32Array.of(-32768, 32767, 0) }],
    ['uint16', { int32Data: Int32Array.of(65535, 0, 1) }],
    ['bool', { int32Data: Int32Array.of(1, 0, 1) }],
    ['fp8e4m3', { int32Data: Int32Array.of(0x38, 0x7f, 0) }],
    ['int4', { int32Data: Int32Array.of(0x87, 0x01) }],
  ])('%s from its typed field', (dtype, fields) => {
    const tensor = newTensor({ name: 't', dims: [3], dataType: onnxType(dtype), ...fields });
    expect(readTensor(tensor, model)).toEqual({ dtype, dims: [3], data: examples[dtype as 'fp32'] });
  });

  it('from bytes that are not aligned, in plain arrays and in Buffers', () => {
    const raw = new Uint8Array(13);
    raw.set(new Uint8Array(Float32Array.of(1, 2, 3).buffer), 1);
    for (const rawData of [raw.subarray(1), Buffer.from(raw.buffer, 1, 12)]) {
      expect(readTensor(newTensor({ dims: [3], dataType: 1, rawData }), model).data).toEqual(Float32Array.of(1, 2, 3));
    }
  });

  it('a scalar and an empty tensor', () => {
    expect(toNumbers(readTensor(makeInt64('s', [7], []), model))).toEqual([7]);
    expect(readTensor(newTensor({ dims: [0], dataType: 1 }), model).data).toHaveLength(0);
  });

  it('refuses values that do not fill the shape, strings and unknown types', () => {
    const short = newTensor({ name: 'w', dims: [2, 2], dataType: 1, floatData: Float32Array.of(1) });
    expect(() => readTensor(short, model)).toThrow(/MODEL_INVALID.*w has 1 values.*\[2, 2\] needs 4/);
    expect(() => readTensor(newTensor({ dims: [1], dataType: dataType.STRING }), model)).toThrow(/strings/);
    expect(() => readTensor(newTensor({ dims: [1], dataType: dataType.COMPLEX64 }), model)).toThrow(/COMPLEX64/);
  });

  it('makeTensor refuses data of another size', () => {
    expect(() => makeTensor('t', { dtype: 'fp32', dims: [3], data: new Float32Array(2) })).toThrow(RangeError);
  });
});

describe('dtype', () => {
  it('numbers and names belong to each other', () => {
    for (const dtype of dtypes) expect(dtypeOf(onnxType(dtype))).toBe(dtype);
    expect(dtypeOrNull(dataType.UNDEFINED)).toBeNull();
    expect(() => dtypeOf(undefined)).toThrow(/MODEL_INVALID.*UNDEFINED/);
  });

  it('sizes round up to whole bytes', () => {
    expect([bytesFor('int4', 3), bytesFor('fp16', 3), bytesFor('int64', 3)]).toEqual([2, 6, 24]);
  });
});
