/**
 * The elements of any comparable tensor as floating-point numbers, whatever type the binding has.
 *
 * First step of every comparison: a variant may deliver fp16 where fp32 delivers fp32. Float arrays pass through as they
 * are, nothing is copied for them.
 */
import type { Tensor } from '../contract/tensor';

export type Elements = Float32Array | Float64Array;

/** bfloat16 is the upper half of a float32. */
function bfloat16Elements(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] ?? 0) << 16;
  return new Float32Array(words.buffer);
}

/** One IEEE-754 binary16 pattern as a number. */
function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

let float16Table: Float32Array | null = null;

/** All 65536 values are tabulated once: an output can hold tens of millions of elements. */
function float16Elements(bits: Uint16Array): Float32Array {
  float16Table ??= Float32Array.from({ length: 0x10000 }, (_, pattern) => float16Value(pattern));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = float16Table[bits[i] ?? 0] ?? NaN;
  return values;
}

/**
 * @returns the elements in row-major order, or null for types that hold no plain numbers (strings, packed or fp8
 *   patterns, which no runtime delivers as a graph output)
 */
export function elementValues(tensor: Tensor): Elements | null {
  const { data } = tensor;
  switch (tensor.dtype) {
    case 'fp32':
    case 'fp64':
      return data as Elements;
    case 'fp16':
      return float16Elements(data as Uint16Array);
    case 'bf16':
      return bfloat16Elements(data as Uint16Array);
    case 'int4':
    case 'uint4':
    case 'fp8e4m3':
    case 'fp8e5m2':
    case 'string':
      return null;
    default:
      return Float64Array.from(data as ArrayLike<number | bigint>, Number);
  }
}
