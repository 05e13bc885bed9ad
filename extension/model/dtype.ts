/**
 * Element types: ONNX's numbers against the names that users see.
 *
 * Used wherever a tensor is read, made or described.
 */
import { CodedError } from '../contract/errors';
import type { DType } from '../contract/tensor';
import { dataType } from './onnx.generated';

const numbers: Readonly<Record<DType, number>> = {
  fp32: dataType.FLOAT,
  fp64: dataType.DOUBLE,
  fp16: dataType.FLOAT16,
  bf16: dataType.BFLOAT16,
  fp8e4m3: dataType.FLOAT8E4M3FN,
  fp8e5m2: dataType.FLOAT8E5M2,
  int4: dataType.INT4,
  uint4: dataType.UINT4,
  int8: dataType.INT8,
  uint8: dataType.UINT8,
  int16: dataType.INT16,
  uint16: dataType.UINT16,
  int32: dataType.INT32,
  uint32: dataType.UINT32,
  int64: dataType.INT64,
  uint64: dataType.UINT64,
  bool: dataType.BOOL,
  string: dataType.STRING,
};

const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name as DType]));

/** ONNX's number of a type. */
export function onnxType(dtype: DType): number {
  return numbers[dtype];
}

/** The type, or null for one that nothing here computes with (complex, FP4, 2 bits, …). */
export function dtypeOrNull(onnxNumber: number | undefined): DType | null {
  return names.get(onnxNumber ?? dataType.UNDEFINED) ?? null;
}

/** @throws CodedError MODEL_INVALID for a number that is no type we know */
export function dtypeOf(onnxNumber: number | undefined): DType {
  const dtype = dtypeOrNull(onnxNumber);
  if (dtype !== null) return dtype;
  throw new CodedError({
    code: 'MODEL_INVALID',
    reason: `The model uses element type ${onnxTypeName(onnxNumber)}, which cannot be handled.`,
    fix: 'Export the model with FP32, FP16, BF16, integer or boolean tensors.',
  });
}

/** ONNX's own name of a type number, for messages. */
export function onnxTypeName(onnxNumber: number | undefined): string {
  const found = Object.entries(dataType).find(([, number]) => number === (onnxNumber ?? 0));
  return found === undefined ? `number ${onnxNumber}` : found[0];
}

/** Bits per element; 4 for the packed types, 0 for strings. */
export function bitsOf(dtype: DType): number {
  switch (dtype) {
    case 'string':
      return 0;
    case 'int4':
    case 'uint4':
      return 4;
    case 'fp8e4m3':
    case 'fp8e5m2':
    case 'int8':
    case 'uint8':
    case 'bool':
      return 8;
    case 'fp16':
    case 'bf16':
    case 'int16':
    case 'uint16':
      return 16;
    case 'fp32':
    case 'int32':
    case 'uint32':
      return 32;
    default:
      return 64;
  }
}

/** Bytes that a tensor of this type takes in `raw_data`. */
export function bytesFor(dtype: DType, elements: number): number {
  return Math.ceil((elements * bitsOf(dtype)) / 8);
}
