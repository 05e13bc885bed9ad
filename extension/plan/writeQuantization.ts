/**
 * Writes the Q/DQ pairs of a placement into the graph.
 *
 * Runs on the FP32 graph: scales are FP32 constants here, already rounded to the type that `writeCasts.ts` stores them in,
 * so that values are quantized with exactly the scale they are read back with. The form is the one that TensorRT's own tools
 * write: every DequantizeLinear feeds its layer directly, in the type that the layer computes in; a QuantizeLinear reads its
 * tensor in the type that the tensor is made in, so that no cast stands before it; zero points are written out.
 *
 * Weights are 8-bit constants behind a DequantizeLinear (the file shrinks) or floats behind a pair. TensorRT before 10 takes
 * floats only. TensorRT 10 takes both, but where it finds no 8-bit kernel it can fold the float form only; so `auto` stores
 * dense layers in 8 bits, and as floats what may lack a kernel: grouped, transposed, one- and three-dimensional convolutions.
 */
import type { WeightStorage } from '../contract/plan';
import type { Tensor } from '../contract/tensor';
import { getInt, setInt } from '../model/attributes';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { newNode, type GraphProto, type NodeProto } from '../model/onnx.generated';
import { makeTensor, readTensor } from '../model/tensorValues';
import type { ActivationScales } from './activationScales';
import type { QuantizationPlacement, QuantizedEdge, QuantizedType, QuantizedWeight } from './placeQuantization';
import type { ComputeType } from './precisionRules';
import { dequantize, quantizeWeight, zeroPoint } from './quantizeWeight';

export interface WriteQuantizationRequest {
  readonly placement: QuantizationPlacement;
  /** Without faults for this placement. */
  readonly scales: ActivationScales;
  readonly dtype: QuantizedType;
  /** Precision of the layers around the pairs; their scales are stored in it. */
  readonly rest: ComputeType;
  /** The type in which a tensor is made: by its node, or as a graph input. */
  readonly madeIn: (tensor: string) => ComputeType;
  readonly weightStorage: WeightStorage;
}

export interface WrittenQuantization {
  /** Compute types of the new nodes, for the cast writer. */
  readonly precisions: Map<NodeProto, ComputeType>;
  readonly quantized: ReadonlySet<NodeProto>;
}

/** Inserts the pairs in place. */
export function writeQuantization(model: Model, request: WriteQuantizationRequest): WrittenQuantization {
  return new QuantizationWriter(model, request).write();
}

interface Pair {
  readonly tensor: string;
  readonly scale: string;
  readonly zero: string;
  readonly axis: number | null;
  /** Compute types of the two nodes. */
  readonly quantizeIn: ComputeType;
  readonly dequantizeTo: ComputeType;
}

class QuantizationWriter {
  private readonly graph: GraphProto;
  private readonly index: GraphIndex;
  private readonly precisions = new Map<NodeProto, ComputeType>();
  private readonly quantized = new Set<NodeProto>();
  /** New nodes by the tensor behind whose maker they go; weights' nodes go first. */
  private readonly behind = new Map<string, NodeProto[]>();
  private readonly first: NodeProto[] = [];
  private readonly pairs = new Map<string, string>();
  private readonly weightReads = new Map<string, string>();
  private readonly zeros = new Map<number | null, string>();

  constructor(
    private readonly model: Model,
    private readonly request: WriteQuantizationRequest,
  ) {
    this.graph = model.proto.graph;
    this.index = new GraphIndex(this.graph);
  }

  write(): WrittenQuantization {
    const { edges, weights } = this.request.placement;
    for (const edge of edges) this.readThroughPair(edge);
    for (const weight of weights) this.readQuantizedWeight(weight);
    this.placeNodes();
    return { precisions: this.precisions, quantized: this.quantized };
  }

  private readThroughPair(edge: QuantizedEdge): void {
    edge.node.input[edge.inputIndex] = this.pairFor(edge.tensor);
    this.quantized.add(edge.node);
  }

  /** The name behind a tensor's Q/DQ pair, one pair per tensor. */
  private pairFor(tensor: string): string {
    let result = this.pairs.get(tensor);
    if (result === undefined) {
      result = this.addPair(tensor);
      this.pairs.set(tensor, result);
    }
    return result;
  }

  private addPair(tensor: string): string {
    const { rest, madeIn, scales } = this.request;
    const scale = this.addConstant(`${tensor}_scale`, { dtype: 'fp32', dims: [], data: scales.scale(tensor) });
    const zero = this.zeroFor(null);
    const pair = this.newPair({ tensor, scale, zero, axis: null, quantizeIn: madeIn(tensor), dequantizeTo: rest });
    const nodes = this.behind.get(tensor) ?? [];
    nodes.push(...pair.nodes);
    this.behind.set(tensor, nodes);
    return pair.output;
  }

  private readQuantizedWeight(weight: QuantizedWeight): void {
    const asFloats = this.isStoredAsFloats(weight);
    const key = `${weight.tensor}|${weight.axis}|${asFloats}`;
    let name = this.weightReads.get(key);
    if (name === undefined) {
      name = this.addWeight(weight, asFloats);
      this.weightReads.set(key, name);
    }
    weight.node.input[weight.inputIndex] = name;
    this.quantized.add(weight.node);
  }

  private isStoredAsFloats({ node, tensor }: QuantizedWeight): boolean {
    const { weightStorage, dtype } = this.request;
    if (weightStorage !== 'auto') return weightStorage === 'float';
    if (dtype !== 'int8') return false;
    if (node.opType === 'ConvTranspose') return true;
    const rank = this.index.initializer(tensor)?.dims.length;
    return node.opType === 'Conv' && (getInt(node, 'group', 1) > 1 || rank !== 4);
  }

  private addWeight({ tensor, axis }: QuantizedWeight, asFloats: boolean): string {
    const { dtype, rest } = this.request;
    const initializer = this.index.initializer(tensor)!;
    const { values, scales } = quantizeWeight(readTensor(initializer, this.model), { dtype, axis, rest });
    const scale = this.addConstant(`${tensor}_scale`, scales);
    const zero = this.zeroFor(axis === null ? null : (scales.dims[0] ?? 1));
    if (asFloats) {
      // Multiples of the scale: TensorRT's own rounding gives back the integers chosen here.
      const rounded = this.addConstant(`${tensor}_rounded`, dequantize(values, scales, axis));
      const pair = this.newPair({ tensor: rounded, scale, zero, axis, quantizeIn: rest, dequantizeTo: rest });
      this.first.push(...pair.nodes);
      return pair.output;
    }
    const stored = this.addConstant(`${tensor}_${dtype}`, values);
    const output = this.index.uniqueName(`${tensor}_dequantized`);
    this.first.push(this.newNode('DequantizeLinear', output, [stored, scale, zero], axis, rest));
    return output;
  }

  private newPair(pair: Pair): { nodes: NodeProto[]; output: string } {
    const { tensor, scale, zero, axis } = pair;
    const middle = this.index.uniqueName(`${tensor}_quantized`);
    const output = this.index.uniqueName(`${tensor}_dequantized`);
    const nodes = [
      this.newNode('QuantizeLinear', middle, [tensor, scale, zero], axis, pair.quantizeIn),
      this.newNode('DequantizeLinear', output, [middle, scale, zero], axis, pair.dequantizeTo),
    ];
    return { nodes, output };
  }

  private newNode(
    opType: 'QuantizeLinear' | 'DequantizeLinear',
    output: string,
    input: readonly string[],
    axis: number | null,
    precision: ComputeType,
  ): NodeProto {
    const subject = opType === 'QuantizeLinear' ? (input[0] ?? '') : output;
    const name = this.index.uniqueName(`${opType}_${subject}`);
    const node = newNode({ opType, name, input: [...input], output: [output] });
    if (axis !== null) setInt(node, 'axis', axis);
    this.precisions.set(node, precision);
    return node;
  }

  /** The zero point that gives QuantizeLinear its output type, shared by all pairs with as many scales; null: one scale. */
  private zeroFor(channels: number | null): string {
    let zero = this.zeros.get(channels);
    if (zero === undefined) {
      const { dtype } = this.request;
      const base = channels === null ? `zero_${dtype}` : `zero_${dtype}_${channels}`;
      zero = this.addConstant(base, zeroPoint(dtype, channels === null ? [] : [channels]));
      this.zeros.set(channels, zero);
    }
    return zero;
  }

  private addConstant(base: string, tensor: Tensor): string {
    const name = this.index.uniqueName(base);
    this.graph.initializer.push(makeTensor(name, tensor));
    return name;
  }

  private placeNodes(): void {
    const nodes = [...this.first];
    const place = (tensor: string) => {
      nodes.push(...(this.behind.get(tensor) ?? []));
      this.behind.delete(tensor);
    };
    for (const input of this.graph.input) place(input.name ?? '');
    for (const tensor of this.graph.initializer) place(tensor.name ?? '');
    for (const node of this.graph.node) {
      nodes.push(node);
      node.output.forEach(place);
    }
    this.graph.node = nodes;
  }
}
