/**
 * INT4 tensors as they lie in a file: two elements to a byte, the first in the low nibble, in two's complement; of an odd number the
 * last high nibble is zero (ONNX, "IR", 4 bit integer types).
 *
 * Used by the writer of INT4 weights; `tensorValues.ts` reads and writes the packed bytes.
 */

/** @param values from −8 to 7 @returns ⌈n / 2⌉ bytes */
export function packInt4(values: Int8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) packed[i >> 1]! |= (values[i]! & 0xf) << ((i & 1) * 4);
  return packed;
}

/** @param count elements of the tensor @returns values from −8 to 7 */
export function unpackInt4(packed: Uint8Array, count: number): Int8Array {
  const values = new Int8Array(count);
  // Up to the sign bit of 32 and back down again: the shift copies the sign.
  for (let i = 0; i < count; i++) values[i] = (packed[i >> 1]! << (28 - (i & 1) * 4)) >> 28;
  return values;
}
