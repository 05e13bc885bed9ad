/**
 * Writes the Q/DQ pairs of a placement into the graph, with the scales of a calibration table.
 *
 * Runs on the FP32 graph: scales are FP32 constants here, already rounded to the type that `writeCasts.ts` stores them in,
 * so that values are quantized with exactly the scale they are read back with. Weights become 8-bit constants behind a
 * DequantizeLinear (the file shrinks); TensorRT 8 wants them as float → Q → DQ instead.
 */
import type { CalibrationTable } from '../contract/calibrationTable';
import type { Tensor } from '../contract/tensor';
import { setInt } from '../model/attributes';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { newNode, type GraphProto, type NodeProto } from '../model/onnx.generated';
import { makeTensor, readTensor } from '../model/tensorValues';
import type { QuantizationPlacement, QuantizedEdge, QuantizedType, QuantizedWeight } from './placeQuantization';
import { fp16MinNormal, type ComputeType } from './precisionRules';
import { dequantize, quantizeWeight, zeroPoint } from './quantizeWeight';
import { roundedFloats } from './roundValues';

/** Largest magnitude of the 8-bit types; INT8 is used symmetrically. */
export const quantizedMax: Readonly<Record<QuantizedType, number>> = { int8: 127, fp8e4m3: 448 };

export interface WriteQuantizationRequest {
  readonly placement: QuantizationPlacement;
  readonly table: Pick<CalibrationTable, 'tensors'>;
  readonly dtype: QuantizedType;
  /** Precision of the layers around the pairs; their scales are stored in it. */
  readonly rest: ComputeType;
  readonly weights: 'stored' | 'quantizedInGraph';
}

export interface WrittenQuantization {
  /** Compute types of the new nodes, for the cast writer. */
  readonly precisions: Map<NodeProto, ComputeType>;
  /** Layers that got no pair after all, and why. */
  readonly left: Map<NodeProto, string>;
  readonly quantized: ReadonlySet<NodeProto>;
}

/** Inserts the pairs in place. */
export function writeQuantization(model: Model, request: WriteQuantizationRequest): WrittenQuantization {
  return new QuantizationWriter(model, request).write();
}

class QuantizationWriter {
  private readonly graph: GraphProto;
  private readonly index: GraphIndex;
  private readonly precisions = new Map<NodeProto, ComputeType>();
  private readonly left = new Map<NodeProto, string>();
  private readonly quantized = new Set<NodeProto>();
  /** New nodes by the tensor behind whose maker they go; weights' nodes go first. */
  private readonly behind = new Map<string, NodeProto[]>();
  private readonly first: NodeProto[] = [];
  private readonly pairs = new Map<string, string>();
  private readonly weightReads = new Map<string, string>();

  constructor(
    private readonly model: Model,
    private readonly request: WriteQuantizationRequest,
  ) {
    this.graph = model.proto.graph;
    this.index = new GraphIndex(this.graph);
  }

  write(): WrittenQuantization {
    const { edges, weights } = this.request.placement;
    for (const edge of edges) {
      const fault = this.scaleFault(edge.tensor);
      if (fault !== null) this.left.set(edge.node, fault);
    }
    for (const edge of edges) if (!this.left.has(edge.node)) this.readThroughPair(edge);
    for (const weight of weights) if (!this.left.has(weight.node)) this.readQuantizedWeight(weight);
    this.placeNodes();
    return { precisions: this.precisions, left: this.left, quantized: this.quantized };
  }

  /** Why a tensor has no usable scale, or null if it has one. */
  private scaleFault(tensor: string): string | null {
    const sources = this.request.placement.scaleSources.get(tensor) ?? [tensor];
    for (const source of sources) {
      const entry = this.request.table.tensors[source];
      if (entry === undefined) return `calibration has no scale for its input ${source}`;
      const threshold = this.threshold(source);
      if (!Number.isFinite(threshold)) return `the calibrated range of its input ${source} is not finite`;
      if (threshold <= 0) return `its input ${source} was zero in every calibration sample`;
    }
    return null;
  }

  /** Largest magnitude that the 8 bits must hold. FP8 keeps relative precision over its range and never clips. */
  private threshold(tensor: string): number {
    const entry = this.request.table.tensors[tensor];
    if (entry === undefined) return NaN;
    return this.request.dtype === 'fp8e4m3' ? Math.max(Math.abs(entry.min), Math.abs(entry.max)) : entry.threshold;
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
    const { dtype, placement } = this.request;
    const sources = placement.scaleSources.get(tensor) ?? [tensor];
    const exact = Math.max(...sources.map((source) => this.threshold(source))) / quantizedMax[dtype];
    // FP16 loses the precision of a scale below its normal numbers: such a pair computes in FP32.
    const precision = this.request.rest === 'fp16' && exact < fp16MinNormal ? 'fp32' : this.request.rest;
    const values = roundedFloats(Float32Array.of(exact), precision);
    const scale = this.addConstant(`${tensor}_scale`, { dtype: 'fp32', dims: [], data: values });
    const names = this.newPair(tensor, scale, this.addZeroPoint(), null, precision);
    const nodes = this.behind.get(tensor) ?? [];
    nodes.push(...names.nodes);
    this.behind.set(tensor, nodes);
    return names.output;
  }

  private readQuantizedWeight(weight: QuantizedWeight): void {
    const key = `${weight.tensor}|${weight.axis}`;
    let name = this.weightReads.get(key);
    if (name === undefined) {
      name = this.addWeight(weight);
      this.weightReads.set(key, name);
    }
    weight.node.input[weight.inputIndex] = name;
    this.quantized.add(weight.node);
  }

  private addWeight({ tensor, axis }: QuantizedWeight): string {
    const { dtype, rest } = this.request;
    const initializer = this.index.initializer(tensor)!;
    const { values, scales } = quantizeWeight(readTensor(initializer, this.model), { dtype, axis, rest });
    const scale = this.addConstant(`${tensor}_scale`, scales);
    if (this.request.weights === 'quantizedInGraph') {
      const zero = this.addConstant(`${tensor}_zero`, zeroPoint(dtype, scales.dims));
      // Multiples of the scale: TensorRT's own rounding gives back the integers chosen here.
      const rounded = this.addConstant(`${tensor}_rounded`, dequantize(values, scales, axis));
      const pair = this.newPair(rounded, scale, zero, axis, rest);
      this.first.push(...pair.nodes);
      return pair.output;
    }
    const stored = this.addConstant(`${tensor}_${dtype}`, values);
    const output = this.index.uniqueName(`${tensor}_dequantized`);
    this.first.push(this.newDequantize(stored, scale, output, axis, rest));
    return output;
  }

  private newPair(
    tensor: string,
    scale: string,
    zero: string,
    axis: number | null,
    precision: ComputeType,
  ): { nodes: NodeProto[]; output: string } {
    const middle = this.index.uniqueName(`${tensor}_quantized`);
    const output = this.index.uniqueName(`${tensor}_dequantized`);
    const quantize = newNode({
      opType: 'QuantizeLinear',
      name: this.index.uniqueName(`QuantizeLinear_${tensor}`),
      input: [tensor, scale, zero],
      output: [middle],
    });
    if (axis !== null) setInt(quantize, 'axis', axis);
    this.precisions.set(quantize, precision);
    return { nodes: [quantize, this.newDequantize(middle, scale, output, axis, precision)], output };
  }

  private newDequantize(
    input: string,
    scale: string,
    output: string,
    axis: number | null,
    precision: ComputeType,
  ): NodeProto {
    const node = newNode({
      opType: 'DequantizeLinear',
      name: this.index.uniqueName(`DequantizeLinear_${output}`),
      input: [input, scale],
      output: [output],
    });
    if (axis !== null) setInt(node, 'axis', axis);
    this.precisions.set(node, precision);
    return node;
  }

  private zero: string | undefined;

  /** The zero point that gives QuantizeLinear its output type; one for all activations. */
  private addZeroPoint(): string {
    this.zero ??= this.addConstant(`zero_${this.request.dtype}`, zeroPoint(this.request.dtype, []));
    return this.zero;
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
