/**
 * The elements of any comparable tensor as floating-point numbers, whatever type the binding has.
 *
 * First step of every comparison: a variant may deliver fp16 where fp32 delivers fp32. Float arrays pass through as they
 * are, nothing is copied for them.
 */
import type { Tensor } from '../contract/tensor';
import { fromBfloat16Array, fromFloat16Array } from '../model/float16';

export type Elements = Float32Array | Float64Array;

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
      return fromFloat16Array(data as Uint16Array);
    case 'bf16':
      return fromBfloat16Array(data as Uint16Array);
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
