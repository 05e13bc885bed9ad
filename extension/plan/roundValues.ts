/**
 * Constants in a reduced precision: rounded to nearest even, with nothing lost that a later division would miss.
 *
 * A value that is not zero must not become zero, or an epsilon turns a division into infinity; so FP16 keeps the smallest
 * subnormal instead, *with its sign* (ModelOpt's AutoCast loses it). Finite values beyond the largest FP16 are clamped to
 * it; the rules send them to FP32 nodes, except attention masks. Infinities and NaN stay.
 */
import type { Tensor } from '../contract/tensor';
import { fromBfloat16Array, fromFloat16Array, toBfloat16Array, toFloat16Array } from '../model/float16';
import { fp16Max, type ComputeType } from './precisionRules';

/** Smallest positive FP16 number, 2^-24. */
const fp16Min = 2 ** -24;
/** Largest finite BF16 number; FLT_MAX, a common mask value, would round to infinity. */
const bf16Max = (2 - 2 ** -7) * 2 ** 127;

/** An FP32 tensor in another compute type. */
export function roundValues(tensor: Tensor, dtype: ComputeType): Tensor {
  const values = tensor.data as Float32Array;
  if (dtype === 'fp32') return tensor;
  const data =
    dtype === 'bf16' ? toBfloat16Array(values.map(intoBfloat16Range)) : toFloat16Array(values.map(intoFloat16Range));
  return { dtype, dims: tensor.dims, data };
}

/** What the compute type keeps of FP32 values, as FP32 again. */
export function roundedFloats(values: Float32Array, dtype: ComputeType): Float32Array {
  if (dtype === 'fp32') return values;
  if (dtype === 'bf16') return fromBfloat16Array(toBfloat16Array(values.map(intoBfloat16Range)));
  return fromFloat16Array(toFloat16Array(values.map(intoFloat16Range)));
}

function intoFloat16Range(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude > fp16Max && magnitude !== Infinity) return Math.sign(value) * fp16Max;
  if (magnitude < fp16Min && magnitude !== 0) return Math.sign(value) * fp16Min;
  return value;
}

function intoBfloat16Range(value: number): number {
  const magnitude = Math.abs(value);
  return magnitude > bf16Max && magnitude !== Infinity ? Math.sign(value) * bf16Max : value;
}
