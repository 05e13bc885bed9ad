/**
 * The elements of a float tensor as float32, the type in which calibration observes them.
 *
 * Graph inputs reach `observeTensors.ts` in their own type; tensors from inside a graph are cast by the graph.
 */
import type { Tensor } from '../contract/tensor';
import { fromBfloat16Array, fromFloat16Array } from '../model/float16';

/** fp32 is returned as it is; fp64 is rounded. Throws on a tensor that is not of a float type. */
export function toFloat32({ dtype, data }: Tensor): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  if (dtype === 'fp16' && data instanceof Uint16Array) return fromFloat16Array(data);
  if (dtype === 'bf16' && data instanceof Uint16Array) return fromBfloat16Array(data);
  throw new Error(`A tensor of type ${dtype} has no float values.`);
}
