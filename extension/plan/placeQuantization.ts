/**
 * Decides where Q/DQ pairs go: which inputs of which nodes are read through 8 bits, and which tensors share a scale.
 *
 * Placement follows what TensorRT fuses (ALGORITHMS §2): inputs only, never outputs; weights per channel; fused epilogues
 * raw; of a residual sum what does not end in a layer; one scale for what a Concat joins and a Split divides. No layer is
 * left half quantized: TensorRT's grouped convolutions take 8 bits only if they give 8 bits. Knows nothing of scale values:
 * `scaleTargets.ts` tells calibration which tensors need one and `writeQuantization.ts` writes the pairs.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import { getInt } from '../model/attributes';
import { bodyOwners } from '../model/flatGraph';
import { describeNode, GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import type { NodeProto } from '../model/onnx.generated';
import { Constants } from './constants';
import type { PrecisionDecisions } from './decidePrecisions';
import { FusedKernels } from './fusedKernels';
import { keepRuleFor, type KeepRule } from './keepRules';
import { quantizableLayer, quantizableTypes } from './quantizableLayers';
import { residualInputs } from './residualSums';
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
  /** Nodes of any kind to leave out, and why. */
  readonly excluded?: ReadonlyMap<NodeProto, string> | undefined;
}

export function placeQuantization(
  model: Model,
  decisions: PrecisionDecisions,
  options: PlaceOptions,
): QuantizationPlacement {
  const index = new GraphIndex(model.proto.graph);
  const constants = new Constants(model.proto.graph, model);
  const kernels = new FusedKernels(index, model.proto.graph.node);
  const excluded = new Map(options.excluded);
  // Leaving a layer out can leave the one before it with an output that nobody reads in 8 bits: until all are whole.
  for (;;) {
    const placer = new Placer(model, decisions, { ...options, excluded }, index, constants, kernels);
    const placement = placer.place();
    const half = placer.halfQuantized();
    if (half.length === 0) return placement;
    for (const node of half) excluded.set(node, halfQuantizedReason);
  }
}

/**
 * Seen on an H200 with TensorRT 10.6: for a depthwise convolution with 8-bit inputs and an FP16 output there is no kernel, and
 * the builder dequantizes its weights at run time into an FP16 kernel that reads them in another layout. The engine builds and
 * answers nonsense (docs/measurements/h200-trt10.6).
 */
const halfQuantizedReason =
  'TensorRT has no grouped convolution from 8 bits to more, and its output is not read in 8 bits';

class Placer {
  private readonly edges = new Map<string, QuantizedEdge>();
  private readonly weights: QuantizedWeight[] = [];
  private readonly exclusions = new Map<NodeProto, string>();
  private readonly quantized = new Set<NodeProto>();
  private readonly shared = new UnionFind();
  /** Tensors that scales which are shared are taken of: outputs of concatenations, inputs of splits. */
  private readonly scaled = new Set<string>();

  constructor(
    private readonly model: Model,
    private readonly decisions: PrecisionDecisions,
    private readonly options: PlaceOptions,
    private readonly index: GraphIndex,
    private readonly constants: Constants,
    private readonly kernels: FusedKernels,
  ) {}

  place(): QuantizationPlacement {
    const { node: nodes } = this.model.proto.graph;
    for (const node of nodes) this.placeLayer(node);
    this.excludeBodies();
    // From the back: what is worth reading in 8 bits depends on who reads the result.
    for (const node of nodes.toReversed()) this.placeBetween(node);
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
    const reason = decision.reason ?? guarded ?? this.options.excluded?.get(node);
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

  /** Layers of If, Loop and Scan bodies have no place for scales yet: they compute in the precision of the rest. */
  private excludeBodies(): void {
    for (const [node, owner] of bodyOwners(this.model.proto.graph)) {
      if (!quantizableTypes.has(node.opType ?? '') || this.decisions.nodes.get(node)?.reason !== null) continue;
      this.exclusions.set(
        node,
        `lies in a body of ${describeNode(owner)} (${owner.opType}), where no layer is quantized`,
      );
    }
  }

  /** What lies between layers. */
  private placeBetween(node: NodeProto): void {
    if (!this.isLow(node)) return;
    if (node.opType === 'Add') this.placeResidual(node);
    if (this.options.dtype !== 'int8' || !node.output.every((name) => name === '' || this.isQuantizedTensor(name)))
      return;
    if (node.opType === 'AveragePool') this.placePool(node);
    if (node.opType === 'Concat') this.placeConcat(node);
    if (node.opType === 'Split') this.placeSplit(node);
  }

  private placeResidual(node: NodeProto): void {
    const { index, constants, kernels, quantized } = this;
    const isQuantized = this.options.dtype === 'int8' && this.isQuantizedTensor(node.output[0] ?? '');
    const inputs = residualInputs(node, { index, constants, kernels, layers: quantized, isQuantized });
    for (const position of inputs) this.addEdge(node, position);
  }

  /** A pool between quantized layers runs in 8 bits; max pools need nothing, rounding commutes with them. */
  private placePool(node: NodeProto): void {
    if (this.madeByLayer(node.input[0] ?? '')) this.addEdge(node, 0);
  }

  /** What a Concat joins for quantized readers is joined in 8 bits, at one scale. */
  private placeConcat(node: NodeProto): void {
    if (node.input.some((name) => this.constants.has(name) || this.decisions.types.get(name) !== 'fp32')) return;
    const output = node.output[0] ?? '';
    this.scaled.add(output);
    node.input.forEach((name, position) => {
      this.addEdge(node, position);
      this.shared.union(output, name);
    });
  }

  /**
   * What a Split divides for quantized readers comes in 8 bits from the layer in front of it, at one scale. Quantized behind the Split, it
   * would leave that layer in 16 bits, its activation for kernels of their own.
   */
  private placeSplit(node: NodeProto): void {
    const input = node.input[0] ?? '';
    if (this.decisions.types.get(input) !== 'fp32' || !this.madeByLayer(input)) return;
    this.scaled.add(input);
    this.addEdge(node, 0);
    for (const name of node.output) if (name !== '') this.shared.union(input, name);
  }

  /** Quantized layers that TensorRT would not run in 8 bits, because what reads their output does not read it in 8 bits. */
  halfQuantized(): NodeProto[] {
    return [...this.quantized].filter((node) => getInt(node, 'group', 1) > 1 && !this.isRequantized(node));
  }

  /** Is the output, behind an activation that fuses, read through Q/DQ pairs only? */
  private isRequantized(node: NodeProto): boolean {
    const output = node.output[0] ?? '';
    if (this.index.isGraphOutput(output) || this.index.outerUses(output).length > 0) return false;
    const [first, ...others] = this.index.consumers(output);
    if (first !== undefined && others.length === 0 && fusedActivations.has(first.node.opType ?? '')) {
      return this.isRequantized(first.node);
    }
    return this.isQuantizedTensor(output);
  }

  private scaleSources(): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (const tensor of this.scaled) {
      const root = this.shared.find(tensor);
      groups.set(root, [...(groups.get(root) ?? []), tensor]);
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
    const left = keepRuleFor(node, this.options.keep) !== undefined || this.options.excluded?.has(node) === true;
    return decision !== undefined && decision.reason === null && !left;
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

/** Activations that are part of INT8 convolution kernels. */
const fusedActivations = new Set(['Relu', 'Clip']);

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
