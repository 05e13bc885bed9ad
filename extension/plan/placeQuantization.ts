/**
 * Decides where Q/DQ pairs go: which inputs of which nodes are read through 8 bits, and which tensors share a scale.
 *
 * Placement follows what TensorRT fuses (ALGORITHMS §2): inputs only, never outputs; weights per channel; fused epilogues
 * raw; of a residual sum only the skip input; one scale for what a Concat joins. Knows nothing of scale values:
 * `scaleTargets.ts` tells calibration which tensors need one and `writeQuantization.ts` writes the pairs.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import type { NodeProto } from '../model/onnx.generated';
import { Constants } from './constants';
import type { PrecisionDecisions } from './decidePrecisions';
import { keepRuleFor, type KeepRule } from './keepRules';
import { quantizableLayer, quantizableTypes } from './quantizableLayers';
import { residualSkipInput } from './residualSums';
import { UnionFind } from './unionFind';

export type QuantizedType = 'int8' | 'fp8e4m3';

/** An activation that a node reads through a Q/DQ pair. */
export interface QuantizedEdge {
  readonly node: NodeProto;
  readonly inputIndex: number;
  readonly tensor: string;
}

/** A constant stored in 8 bits for one node. */
export interface QuantizedWeight {
  readonly node: NodeProto;
  readonly inputIndex: number;
  readonly tensor: string;
  /** The axis with a scale per element; null for one scale. */
  readonly axis: number | null;
}

export interface QuantizationPlacement {
  readonly edges: readonly QuantizedEdge[];
  readonly weights: readonly QuantizedWeight[];
  /** For a tensor of `edges`: the tensors whose largest threshold it takes. Itself, unless it shares a scale. */
  readonly scaleSources: ReadonlyMap<string, readonly string[]>;
  /** Layers of a kind that could be quantized, and why they are not. */
  readonly exclusions: ReadonlyMap<NodeProto, string>;
}

export interface PlaceOptions {
  readonly dtype: QuantizedType;
  readonly keep: readonly KeepRule[];
  readonly ranges: TensorRanges | null;
  /** Layers to leave out, by node name, and why. */
  readonly guarded?: Readonly<Record<string, string>> | undefined;
}

export function placeQuantization(
  model: Model,
  decisions: PrecisionDecisions,
  options: PlaceOptions,
): QuantizationPlacement {
  return new Placer(model, decisions, options).place();
}

class Placer {
  private readonly index: GraphIndex;
  private readonly constants: Constants;
  private readonly edges = new Map<string, QuantizedEdge>();
  private readonly weights: QuantizedWeight[] = [];
  private readonly exclusions = new Map<NodeProto, string>();
  private readonly quantized = new Set<NodeProto>();
  private readonly shared = new UnionFind();
  /** Outputs of concatenations that take part in a shared scale. */
  private readonly joined = new Set<string>();

  constructor(
    private readonly model: Model,
    private readonly decisions: PrecisionDecisions,
    private readonly options: PlaceOptions,
  ) {
    this.index = new GraphIndex(model.proto.graph);
    this.constants = new Constants(model.proto.graph, model);
  }

  place(): QuantizationPlacement {
    const { node: nodes } = this.model.proto.graph;
    for (const node of nodes) this.placeLayer(node);
    for (const node of nodes) this.placeResidual(node);
    if (this.options.dtype === 'int8') {
      for (const node of nodes) this.placePool(node);
      for (const node of nodes.toReversed()) this.placeConcat(node);
    }
    return {
      edges: [...this.edges.values()],
      weights: this.weights,
      scaleSources: this.scaleSources(),
      exclusions: this.exclusions,
    };
  }

  private placeLayer(node: NodeProto): void {
    if (!quantizableTypes.has(node.opType ?? '')) return;
    const decision = this.decisions.nodes.get(node);
    if (decision === undefined) return;
    const kept = keepRuleFor(node, this.options.keep);
    if (kept !== undefined) {
      this.exclusions.set(node, `kept in ${kept.precision} by the rule "${kept.match}"`);
      return;
    }
    const guarded = this.options.guarded?.[node.name ?? ''];
    const reason = decision.reason ?? guarded;
    if (reason !== undefined) {
      this.exclusions.set(node, reason);
      return;
    }
    const layer = quantizableLayer(node, {
      dtype: this.options.dtype,
      index: this.index,
      constants: this.constants,
      types: this.decisions.types,
      ranges: this.options.ranges,
    });
    if ('reason' in layer) {
      this.exclusions.set(node, layer.reason);
      return;
    }
    this.quantized.add(node);
    this.addEdge(node, layer.activation);
    this.weights.push({ node, inputIndex: layer.weight, tensor: node.input[layer.weight]!, axis: layer.axis });
  }

  private placeResidual(node: NodeProto): void {
    if (node.opType !== 'Add' || !this.isLow(node)) return;
    const skip = residualSkipInput(node, this.index, this.constants, this.quantized);
    if (skip !== null) this.addEdge(node, skip);
  }

  /** A pool between quantized layers runs in 8 bits; max pools need nothing, rounding commutes with them. */
  private placePool(node: NodeProto): void {
    if (node.opType !== 'AveragePool' || !this.isLow(node)) return;
    const output = node.output[0] ?? '';
    if (this.isQuantizedTensor(output) && this.madeByLayer(node.input[0] ?? '')) this.addEdge(node, 0);
  }

  /** What a Concat joins for a quantized reader is joined in 8 bits, at one scale. */
  private placeConcat(node: NodeProto): void {
    const output = node.output[0] ?? '';
    if (node.opType !== 'Concat' || !this.isLow(node) || !this.isQuantizedTensor(output)) return;
    if (node.input.some((name) => this.constants.has(name) || this.decisions.types.get(name) !== 'fp32')) return;
    this.joined.add(output);
    node.input.forEach((name, position) => {
      this.addEdge(node, position);
      this.shared.union(output, name);
    });
  }

  private scaleSources(): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (const output of this.joined) {
      const root = this.shared.find(output);
      groups.set(root, [...(groups.get(root) ?? []), output]);
    }
    const tensors = new Set([...this.edges.values()].map((edge) => edge.tensor));
    return new Map([...tensors].map((tensor) => [tensor, groups.get(this.shared.find(tensor)) ?? [tensor]]));
  }

  private addEdge(node: NodeProto, inputIndex: number): void {
    const tensor = node.input[inputIndex];
    if (tensor === undefined || tensor === '') return;
    this.edges.set(`${this.nodeNumber(node)}:${inputIndex}`, { node, inputIndex, tensor });
  }

  private isQuantizedTensor(tensor: string): boolean {
    const users = this.index.consumers(tensor);
    return users.length > 0 && users.every((use) => this.edges.has(`${this.nodeNumber(use.node)}:${use.inputIndex}`));
  }

  /** Made by a quantized layer, with at most an epilogue in between. */
  private madeByLayer(tensor: string): boolean {
    for (let node = this.index.producer(tensor); node !== undefined; node = this.index.producer(node.input[0] ?? '')) {
      if (this.quantized.has(node)) return true;
      if (!epilogue.has(node.opType ?? '')) return false;
    }
    return false;
  }

  private isLow(node: NodeProto): boolean {
    const decision = this.decisions.nodes.get(node);
    return decision !== undefined && decision.reason === null && keepRuleFor(node, this.options.keep) === undefined;
  }

  private readonly numbers = new Map<NodeProto, number>();

  private nodeNumber(node: NodeProto): number {
    let number = this.numbers.get(node);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(node, number);
    }
    return number;
  }
}

const epilogue = new Set([
  'Relu',
  'Clip',
  'LeakyRelu',
  'Add',
  'Mul',
  'BatchNormalization',
  'HardSwish',
  'Sigmoid',
  'MaxPool',
]);
