/**
 * Writes ONNX nodes in the words of any opset from 7 to 22: the same operation has its axes in an attribute here and in an
 * input there. `randomGraph.ts` composes graphs with it. Sizes are known while building, as the random blocks need them.
 */
import { elementCount, type DType, type Tensor } from '../../extension/contract/tensor';
import { onnxType } from '../../extension/model/dtype';
import {
  attributeType,
  newAttribute,
  newGraph,
  newNode,
  newTensorShape,
  newTensorShapeDimension,
  newType,
  newTypeTensor,
  newValueInfo,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../extension/model/onnx.generated';
import { makeTensor } from '../../extension/model/tensorValues';
import type { RandomNumbers } from './randomNumbers';

/** A float tensor of known size. */
export interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly tensor: Tensor }
  | { readonly graph: GraphProto };

export type Attributes = Readonly<Record<string, AttributeValue>>;

export class GraphBuilder {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly functions: FunctionProto[] = [];
  private count = 0;
  private readonly shared = new Map<string, string>();

  constructor(
    readonly random: RandomNumbers,
    readonly opset: number,
    private readonly naming: (base: string, index: number) => string,
    /** Bodies have no inputs to list their initializers among, as IR version 3 demands. */
    private readonly isBody = false,
  ) {}

  /** Shares no constant made so far with what follows: nodes were taken back. */
  forget(): void {
    this.shared.clear();
  }

  unique(base: string): string {
    return this.naming(base, this.count++);
  }

  /** A node with one output; its name. */
  op(opType: string, input: readonly string[], attributes: Attributes = {}): string {
    return this.ops(opType, input, 1, attributes)[0]!;
  }

  /** A node with several outputs; their names. */
  ops(
    opType: string,
    input: readonly string[],
    outputs: number,
    attributes: Attributes = {},
    domain?: string,
  ): string[] {
    const output = Array.from({ length: outputs }, () => this.unique(opType.toLowerCase()));
    this.nodes.push(
      newNode({
        // Names are optional, and many exporters leave them out.
        ...(this.random.chance(0.8) ? { name: this.unique(`node_${opType}`) } : {}),
        ...(domain === undefined ? {} : { domain }),
        opType,
        input: [...input],
        output,
        attribute: attributesOf(attributes),
      }),
    );
    return output;
  }

  /** A constant: an initializer, or a Constant node as exporters also write it. */
  constant(tensor: Tensor, base = 'const'): string {
    const asNode = this.random.chance(0.3) || (this.isBody && this.opset < 9);
    if (asNode) return this.op('Constant', [], { value: { tensor } });
    return this.initializer(tensor, base);
  }

  initializer(tensor: Tensor, base = 'weight'): string {
    const name = this.unique(base);
    this.initializers.push(makeTensor(name, tensor));
    return name;
  }

  floats(dims: readonly number[], data: Float32Array | readonly number[], base?: string): string {
    return this.constant({ dtype: 'fp32', dims, data: Float32Array.from(data) }, base);
  }

  /** Normally distributed weights, scaled so that the output of a product has the size of its input. */
  weights(dims: readonly number[], depth: number): string {
    const data = this.random.normals(elementCount(dims), 1 / Math.sqrt(depth));
    return this.initializer({ dtype: 'fp32', dims, data });
  }

  /** A scalar that all its users share. */
  scalar(value: number): string {
    const known = this.shared.get(`f${value}`);
    if (known !== undefined && this.random.chance(0.7)) return known;
    const name = this.floats([], [value], 'scalar');
    this.shared.set(`f${value}`, name);
    return name;
  }

  ints(values: readonly number[], dims: readonly number[] = [values.length]): string {
    const key = `i${dims.join()}:${values.join()}`;
    const known = this.shared.get(key);
    if (known !== undefined && this.random.chance(0.7)) return known;
    const name = this.constant({ dtype: 'int64', dims, data: BigInt64Array.from(values, BigInt) }, 'ints');
    this.shared.set(key, name);
    return name;
  }

  // One operation, in the words of the opset.

  cast(x: string, to: DType): string {
    return this.op('Cast', [x], { to: onnxType(to) });
  }

  unsqueeze(x: string, axes: readonly number[]): string {
    return this.opset >= 13 ? this.op('Unsqueeze', [x, this.ints(axes)]) : this.op('Unsqueeze', [x], { axes });
  }

  squeeze(x: string, axes: readonly number[]): string {
    return this.opset >= 13 ? this.op('Squeeze', [x, this.ints(axes)]) : this.op('Squeeze', [x], { axes });
  }

  reduce(opType: string, x: string, axes: readonly number[], keepdims: 0 | 1): string {
    const asInput = this.opset >= 18 || (opType === 'ReduceSum' && this.opset >= 13);
    return asInput ? this.op(opType, [x, this.ints(axes)], { keepdims }) : this.op(opType, [x], { axes, keepdims });
  }

  reshape(x: string, dims: readonly number[]): string {
    return this.op('Reshape', [x, this.ints(dims)]);
  }

  /** Null leaves a bound open: an empty name before the last input. */
  clip(x: string, min: number | null, max: number | null): string {
    if (this.opset < 11) {
      return this.op('Clip', [x], {
        ...(min === null ? {} : { min: { float: min } }),
        ...(max === null ? {} : { max: { float: max } }),
      });
    }
    const bounds = [min === null ? '' : this.scalar(min), ...(max === null ? [] : [this.scalar(max)])];
    return this.op('Clip', [x, ...bounds]);
  }

  slice(x: string, starts: readonly number[], ends: readonly number[], axes: readonly number[]): string {
    if (this.opset < 10) return this.op('Slice', [x], { starts, ends, axes });
    return this.op('Slice', [x, this.ints(starts), this.ints(ends), this.ints(axes)]);
  }

  pad(x: string, pads: readonly number[], mode: string, value: number): string {
    if (this.opset < 11) return this.op('Pad', [x], { pads, mode, value: { float: value } });
    const fill = mode === 'constant' && value !== 0 ? [this.scalar(value)] : [];
    return this.op('Pad', [x, this.ints(pads), ...fill], { mode });
  }

  split(x: string, axis: number, sizes: readonly number[]): string[] {
    if (this.opset < 13) return this.ops('Split', [x], sizes.length, { axis, split: sizes });
    return this.ops('Split', [x, this.ints(sizes)], sizes.length, { axis });
  }

  /** Along the last axis. */
  softmax(x: string, rank: number, opType = 'Softmax'): string {
    return this.op(opType, [x], { axis: this.opset >= 13 && this.random.chance(0.5) ? -1 : rank - 1 });
  }

  /** Enlarges a feature map by whole factors. */
  enlarge(x: Value, factor: number): string {
    const mode = this.random.pick(['nearest', 'linear']);
    const [, , height = 0, width = 0] = x.dims;
    const scales = [1, 1, factor, factor];
    if (this.opset < 9)
      return this.op('Upsample', [x.name], {
        mode,
        scales: { tensor: { dtype: 'fp32', dims: [4], data: Float32Array.from(scales) } },
      });
    if (this.opset === 9) return this.op('Upsample', [x.name, this.floats([4], scales)], { mode });
    if (this.opset === 10) return this.op('Resize', [x.name, this.floats([4], scales)], { mode });
    const coordinates = this.random.pick(['half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel']);
    const attributes = {
      mode,
      coordinate_transformation_mode: coordinates,
      ...(mode === 'nearest' ? { nearest_mode: 'floor' } : {}),
    };
    // Opset 11 demands a roi, later it may be absent.
    const roi = this.opset < 13 ? this.floats([0], []) : '';
    if (this.random.chance(0.5)) return this.op('Resize', [x.name, roi, this.floats([4], scales)], attributes);
    const noScales = this.opset < 13 ? this.floats([0], []) : '';
    const spatial = this.op('Concat', [this.shapePart(x.name, [0, 1]), this.ints([height * factor, width * factor])], {
      axis: 0,
    });
    return this.op('Resize', [x.name, roi, noScales, spatial], attributes);
  }

  /** Some sizes of a tensor, as a vector. */
  shapePart(x: string, axes: readonly number[]): string {
    return this.op('Gather', [this.op('Shape', [x]), this.ints(axes)], { axis: 0 });
  }
}

export function attributesOf(attributes: Attributes): AttributeProto[] {
  return Object.entries(attributes).map(([name, value]) => {
    if (typeof value === 'number') return newAttribute({ name, type: attributeType.INT, i: BigInt(value) });
    if (typeof value === 'string')
      return newAttribute({ name, type: attributeType.STRING, s: new Uint8Array(Buffer.from(value)) });
    if ('float' in value) return newAttribute({ name, type: attributeType.FLOAT, f: value.float });
    if ('graph' in value) return newAttribute({ name, type: attributeType.GRAPH, g: value.graph });
    if (!('tensor' in value)) return newAttribute({ name, type: attributeType.INTS, ints: value.map(BigInt) });
    // Upsample 7 alone carries its tensor as a list of floats.
    if (name === 'scales')
      return newAttribute({ name, type: attributeType.FLOATS, floats: Array.from(value.tensor.data as Float32Array) });
    return newAttribute({ name, type: attributeType.TENSOR, t: makeTensor('', value.tensor) });
  });
}

/** A graph input or output; strings are symbols, null is a size without a name, and no shape leaves the rank open. */
export function declared(
  name: string,
  shape: readonly (number | string | null)[] | null,
  dtype: DType = 'fp32',
): ValueInfoProto {
  const dim = shape?.map((size) =>
    newTensorShapeDimension(typeof size === 'number' ? { dimValue: size } : size === null ? {} : { dimParam: size }),
  );
  const tensorType = newTypeTensor({
    elemType: onnxType(dtype),
    ...(dim === undefined ? {} : { shape: newTensorShape({ dim }) }),
  });
  return newValueInfo({ name, type: newType({ tensorType }) });
}

export function bodyGraph(
  name: string,
  builder: GraphBuilder,
  input: readonly ValueInfoProto[],
  output: readonly ValueInfoProto[],
): GraphProto {
  return newGraph({
    name,
    node: builder.nodes,
    initializer: builder.initializers,
    input: [...input],
    output: [...output],
  });
}
