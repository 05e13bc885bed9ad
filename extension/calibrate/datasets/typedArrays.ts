/** Raw bytes of a file or a pipe to the typed array that carries a dtype's elements (`TensorData`), copied and aligned. */
import type { DType, TensorData } from '../../contract/tensor';

const arrays: Partial<Record<DType, { new (buffer: ArrayBuffer): TensorData; readonly BYTES_PER_ELEMENT: number }>> = {
  fp32: Float32Array,
  fp64: Float64Array,
  fp16: Uint16Array,
  bf16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** @throws RangeError for a dtype without an array of whole bytes */
export function itemSize(dtype: DType): number {
  const array = arrays[dtype];
  if (array === undefined) throw new RangeError(`${dtype} has no array type`);
  return array.BYTES_PER_ELEMENT;
}

/** A copy of `bytes` as elements, in the machine's (little-endian) order. */
export function typedArray(bytes: Uint8Array, dtype: DType, bigEndian = false): TensorData {
  // Not `slice`: that of a Buffer shares memory.
  return arrayOver(Uint8Array.from(bytes), dtype, bigEndian);
}

/**
 * The same in place.
 * @param bytes all of their buffer, and not used by the caller any more
 */
export function arrayOver(bytes: Uint8Array<ArrayBuffer>, dtype: DType, bigEndian = false): TensorData {
  const size = itemSize(dtype);
  if (bigEndian && size > 1) for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
  return new arrays[dtype]!(bytes.buffer);
}
