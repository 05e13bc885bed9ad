/**
 * The values of a tensor message, and tensor messages from values.
 *
 * ONNX stores values in `raw_data`, in one of five typed fields or in another file; here they come out the same. Used by
 * every stage that looks at weights or constants.
 */
import { CodedError } from '../contract/errors';
import { elementCount, type DType, type Tensor, type TensorData } from '../contract/tensor';
import { bytesFor, dtypeOf, onnxType } from './dtype';
import { ExternalData, isExternal } from './externalData';
import { byteLength, type Bytes, isFileRange, readBytes } from './fileRange';
import type { Model } from './model';
import { newTensor, type TensorProto } from './onnx.generated';

/**
 * A tensor's values, row-major: fp16 and bf16 as patterns, 4-bit types packed (see `TensorData`). May share memory with
 * the message; do not write into it.
 * @param model where a tensor with external data of its own finds its folder; only its `path` matters
 * @throws CodedError MODEL_INVALID when values and shape disagree or the type has no array; errors of external data
 */
export function readTensor(tensor: TensorProto, model: Pick<Model, 'path'>): Tensor {
  const dtype = dtypeOf(tensor.dataType);
  if (dtype === 'string') throw invalid(tensor, 'holds strings, which cannot be computed with');
  const elements = elementCount(tensor.dims);
  const raw = rawBytes(tensor, model);
  const data = raw === null ? typedValues(tensor, dtype, elements) : arrayOver(readBytes(raw), dtype);
  const expected = dtype === 'int4' || dtype === 'uint4' ? Math.ceil(elements / 2) : elements;
  if (data.length !== expected) {
    throw invalid(tensor, `has ${data.length} values where its shape [${tensor.dims.join(', ')}] needs ${expected}`);
  }
  return { dtype, dims: tensor.dims.slice(), data };
}

/** The payload that holds the values as bytes, or null when they are in a typed field. */
export function rawBytes(tensor: TensorProto, model: Pick<Model, 'path'>): Bytes | null {
  if (isExternal(tensor)) return new ExternalData(model.path).range(tensor);
  if (tensor.rawData !== undefined && (byteLength(tensor.rawData) > 0 || !hasTypedValues(tensor)))
    return tensor.rawData;
  if (isFileRange(tensor.floatData)) return tensor.floatData;
  if (isFileRange(tensor.doubleData)) return tensor.doubleData;
  return null;
}

/** A tensor message with its values in `raw_data`. Shares memory with `tensor.data`. */
export function makeTensor(name: string, tensor: Tensor): TensorProto {
  const { dtype, dims, data } = tensor;
  if (dtype === 'string') throw new TypeError('string tensors are not made from numbers');
  const expected = bytesFor(dtype, elementCount(dims));
  if (data.byteLength !== expected) {
    throw new RangeError(`${name}: ${data.byteLength} bytes where ${dtype} [${dims.join(', ')}] needs ${expected}`);
  }
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return newTensor({ name, dims: dims.slice(), dataType: onnxType(dtype), rawData });
}

/** Values as numbers, for shapes, axes and scalars. int64 beyond 2^53 loses precision. Not for packed 4-bit types. */
export function toNumbers(tensor: Tensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** An int64 vector, as shapes and axes are. */
export function makeInt64(name: string, values: readonly (number | bigint)[], dims = [values.length]): TensorProto {
  return makeTensor(name, { dtype: 'int64', dims, data: BigInt64Array.from(values, BigInt) });
}

function hasTypedValues(tensor: TensorProto): boolean {
  const fields = [tensor.floatData, tensor.int32Data, tensor.int64Data, tensor.doubleData, tensor.uint64Data];
  return fields.some((field) => field.length > 0);
}

/** Values from the typed field that ONNX assigns to the type (`onnx.proto`, TensorProto). */
function typedValues(tensor: TensorProto, dtype: DType, elements: number): TensorData {
  switch (dtype) {
    case 'fp32':
      return tensor.floatData as Float32Array;
    case 'fp64':
      return tensor.doubleData as Float64Array;
    case 'int64':
      return tensor.int64Data;
    case 'uint64':
      return tensor.uint64Data;
    case 'uint32':
      return Uint32Array.from(tensor.uint64Data, Number);
    case 'int32':
      return tensor.int32Data;
    case 'fp16':
    case 'bf16':
    case 'uint16':
      return Uint16Array.from(tensor.int32Data);
    case 'int16':
      return Int16Array.from(tensor.int32Data);
    case 'int8':
      return Int8Array.from(tensor.int32Data);
    case 'int4':
    case 'uint4':
      return Uint8Array.from(tensor.int32Data.subarray(0, Math.ceil(elements / 2)));
    default:
      return Uint8Array.from(tensor.int32Data);
  }
}

/** Bytes as the array of a type, without a copy where they are aligned. */
function arrayOver(bytes: Uint8Array, dtype: DType): TensorData {
  const ArrayType = arrayType(dtype);
  const size = ArrayType.BYTES_PER_ELEMENT;
  // A copied array starts at 0. Not `slice`, which gives a view where the bytes are a Buffer.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new ArrayType(aligned.buffer as ArrayBuffer, aligned.byteOffset, Math.floor(aligned.byteLength / size));
}

function arrayType(dtype: DType) {
  switch (dtype) {
    case 'fp32':
      return Float32Array;
    case 'fp64':
      return Float64Array;
    case 'fp16':
    case 'bf16':
    case 'uint16':
      return Uint16Array;
    case 'int16':
      return Int16Array;
    case 'int8':
      return Int8Array;
    case 'int32':
      return Int32Array;
    case 'uint32':
      return Uint32Array;
    case 'int64':
      return BigInt64Array;
    case 'uint64':
      return BigUint64Array;
    default:
      return Uint8Array;
  }
}

function invalid(tensor: TensorProto, what: string): CodedError {
  return new CodedError({
    code: 'MODEL_INVALID',
    reason: `Tensor ${tensor.name ?? '(no name)'} ${what}.`,
    fix: 'Export the model again, or run the ONNX checker on it to see what is wrong.',
    place: { field: tensor.name ?? '' },
  });
}
