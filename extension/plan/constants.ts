/**
 * Values of the constants of a graph, read on demand and once: the rules look at exponents, epsilons and weight ranges.
 */
import { elementCount, type Tensor } from '../contract/tensor';
import { fromBfloat16Array, fromFloat16Array } from '../model/float16';
import type { Bytes } from '../model/fileRange';
import type { Model } from '../model/model';
import type { GraphProto, TensorProto } from '../model/onnx.generated';
import { readTensor } from '../model/tensorValues';

/** Magnitudes of a constant, over its finite elements. */
export interface ConstantRange {
  readonly min: number;
  readonly max: number;
  readonly absMax: number;
  /** Smallest magnitude that is not zero; Infinity when all are zero. */
  readonly absMinNonZero: number;
  readonly nonFinite: number;
}

export class Constants {
  private readonly tensors = new Map<string, TensorProto>();
  private readonly ranges = new Map<string, ConstantRange | undefined>();

  constructor(
    graph: GraphProto,
    private readonly model: Model,
  ) {
    for (const tensor of graph.initializer) if (tensor.name !== undefined) this.tensors.set(tensor.name, tensor);
  }

  has(name: string | undefined): boolean {
    return name !== undefined && this.tensors.has(name);
  }

  dims(name: string): readonly number[] | undefined {
    return this.tensors.get(name)?.dims;
  }

  /** All elements, or undefined if the name is no constant. */
  tensor(name: string): Tensor | undefined {
    const tensor = this.tensors.get(name);
    return tensor === undefined ? undefined : readTensor(tensor, this.model);
  }

  /** Elements as 32-bit floats, or undefined if the name is no constant of a float type. */
  floats(name: string): Float32Array | undefined {
    const tensor = this.tensor(name);
    return tensor === undefined ? undefined : toFloats(tensor);
  }

  /** The one number that a constant of a numeric type holds, or undefined. */
  scalar(name: string | undefined): number | undefined {
    if (name === undefined) return undefined;
    const dims = this.dims(name);
    if (dims === undefined || elementCount(dims) !== 1) return undefined;
    const tensor = this.tensor(name);
    if (tensor === undefined) return undefined;
    const floats = toFloats(tensor);
    return Number(floats === undefined ? tensor.data[0] : floats[0]);
  }

  /** Range of a float constant, or undefined for anything else. */
  range(name: string): ConstantRange | undefined {
    if (!this.ranges.has(name)) this.ranges.set(name, this.findRange(name));
    return this.ranges.get(name);
  }

  private findRange(name: string): ConstantRange | undefined {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) return undefined;
    const known = tensor.rawData === undefined ? undefined : rangesOfPayloads.get(tensor.rawData);
    if (known?.dataType === tensor.dataType) return known?.range;
    const values = this.floats(name);
    const range = values === undefined ? undefined : rangeOf(values);
    if (tensor.rawData !== undefined) rangesOfPayloads.set(tensor.rawData, { dataType: tensor.dataType, range });
    return range;
  }
}

/**
 * Of payloads seen before: every decision about a model asks for the ranges of all weights, and clones of a model share
 * payloads, which never change.
 */
const rangesOfPayloads = new WeakMap<
  Bytes,
  { readonly dataType: TensorProto['dataType']; readonly range: ConstantRange | undefined }
>();

function toFloats(tensor: Tensor): Float32Array | undefined {
  switch (tensor.dtype) {
    case 'fp32':
      return tensor.data as Float32Array;
    case 'fp64':
      return Float32Array.from(tensor.data as Float64Array);
    case 'fp16':
      return fromFloat16Array(tensor.data as Uint16Array);
    case 'bf16':
      return fromBfloat16Array(tensor.data as Uint16Array);
    default:
      return undefined;
  }
}

function rangeOf(values: Float32Array): ConstantRange {
  let min = Infinity;
  let max = -Infinity;
  let absMinNonZero = Infinity;
  let nonFinite = 0;
  // Indexed, as weights have millions of elements: for…of over a typed array is three times slower.
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      nonFinite++;
      continue;
    }
    if (value < min) min = value;
    if (value > max) max = value;
    const magnitude = Math.abs(value);
    if (magnitude !== 0 && magnitude < absMinNonZero) absMinNonZero = magnitude;
  }
  if (min > max) return { min: 0, max: 0, absMax: 0, absMinNonZero, nonFinite };
  return { min, max, absMax: Math.max(Math.abs(min), Math.abs(max)), absMinNonZero, nonFinite };
}
