/**
 * Decides for every node of the prepared model whether it computes in the variant's precision or stays FP32, and why.
 *
 * Range-driven AutoCast (ALGORITHMS §1): operator rules, shape arithmetic, constants and the ranges seen on the user's data.
 * `writeCasts.ts` turns the decisions into a graph; `explainPlan.ts` shows them. Nothing is changed here.
 */
import type { TensorRange, TensorRanges } from '../contract/calibrationTable';
import { elementCount, type DType } from '../contract/tensor';
import { getInt, getString } from '../model/attributes';
import { bodyOwners, flatGraph, flatIndex } from '../model/flatGraph';
import { subgraphs, walkGraphs, type GraphIndex } from '../model/graphIndex';
import { opsetVersion, type Model } from '../model/model';
import type { NodeProto } from '../model/onnx.generated';
import { findAttentionMasks, type AttentionMasks } from './attentionMasks';
import { Constants } from './constants';
import { followSurroundings } from './followSurroundings';
import { halfNormalizations } from './halfNormalizations';
import { boundType, inferTypes, type TensorTypes } from './inferTypes';
import { keepRuleFor, type KeepRule } from './keepRules';
import { logSpectrumNodes } from './logSpectra';
import { idleBodyNodes, stateNodes } from './loopStates';
import { normalizationNodes } from './normalizationChains';
import { admits, opSchema, slotAt, type OpSchema } from './opSchema';
import * as rules from './precisionRules';
import type { ComputeType } from './precisionRules';
import { positionNodes, scoreNodes } from './sensitiveNodes';
import { shapeArithmeticNodes } from './shapeArithmetic';
import { UnseenValues } from './unseenValues';

export interface NodePrecision {
  readonly dtype: ComputeType;
  /** Why the node is not in the variant's precision; null when it is. */
  readonly reason: string | null;
}

export interface DecideOptions {
  /** The reduced precision of the variant. */
  readonly low: Extract<ComputeType, 'fp16' | 'bf16'>;
  readonly keep: readonly KeepRule[];
  /** Null: structure and constants decide alone. */
  readonly ranges: TensorRanges | null;
}

export interface PrecisionDecisions {
  readonly options: DecideOptions;
  /** Nodes of the graph and its bodies that compute on FP32 tensors; the others have no decision to make. */
  readonly nodes: Map<NodeProto, NodePrecision>;
  readonly types: TensorTypes;
  readonly masks: AttentionMasks;
  /** Nodes of bodies that compute (not only move) in FP16 by structure alone: there are ranges, but their values were not seen. */
  readonly unseen: readonly NodeProto[];
}

/** @returns a decision for every node, those of bodies too, that reads or makes an FP32 tensor */
export function decidePrecisions(model: Model, options: DecideOptions): PrecisionDecisions {
  const decider = new Decider(model, options);
  const nodes = new Map<NodeProto, NodePrecision>();
  for (const node of decider.nodes) {
    const decision = decider.decide(node);
    if (decision !== null) nodes.set(node, decision);
  }
  followSurroundings(decider.index, decider.floatBodyInputs(model), nodes, options);
  const { types, masks } = decider;
  const unseen = decider.unseen.filter(
    (node) => nodes.get(node)?.dtype !== 'fp32' && !rules.copyOperators.has(node.opType ?? ''),
  );
  return { options, nodes, types, masks, unseen };
}

class Decider {
  /** Of the graph and its bodies, in topological order. */
  readonly nodes: readonly NodeProto[];
  readonly index: GraphIndex;
  readonly types: TensorTypes;
  readonly masks: AttentionMasks;
  readonly unseen: NodeProto[] = [];
  private readonly owners: ReadonlyMap<NodeProto, NodeProto>;
  private readonly states: ReadonlySet<NodeProto>;
  private readonly idle: ReadonlySet<NodeProto>;
  private readonly unseenValues: UnseenValues;
  private readonly constants: Constants;
  private readonly opset: number;
  private readonly shapeNodes: ReadonlySet<NodeProto>;
  private readonly positionNodes: ReadonlySet<NodeProto>;
  private readonly spectra: ReadonlySet<NodeProto>;
  private readonly normalizations: ReadonlySet<NodeProto>;
  private readonly halfNormalizations: ReadonlySet<NodeProto>;
  private readonly scores: ReadonlySet<NodeProto>;

  constructor(
    model: Model,
    private readonly options: DecideOptions,
  ) {
    const graph = flatGraph(model.proto.graph);
    this.nodes = graph.node;
    this.index = flatIndex(model.proto.graph);
    this.owners = bodyOwners(model.proto.graph);
    this.states = stateNodes(graph.node, this.index);
    this.idle = idleBodyNodes(graph.node);
    this.constants = new Constants(graph, model);
    this.opset = opsetVersion(model.proto);
    this.types = typesOf(model, options.ranges);
    this.shapeNodes = shapeArithmeticNodes(graph, options.ranges);
    this.positionNodes = positionNodes(graph.node, this.index);
    this.spectra = logSpectrumNodes(graph, this.index);
    this.normalizations = normalizationNodes(graph, this.index, this.constants);
    this.halfNormalizations =
      options.low === 'fp16' ? halfNormalizations(graph, this.index, this.constants, options.ranges) : new Set();
    this.scores = scoreNodes(graph.node, this.index);
    this.masks =
      options.low === 'fp16'
        ? findAttentionMasks(graph, this.index, this.constants, options.ranges)
        : { constants: new Set(), tensors: new Set() };
    this.unseenValues = new UnseenValues(this.index, this.constants, this.types);
  }

  decide(node: NodeProto): NodePrecision | null {
    const schema = opSchema(node, this.opset);
    if (!this.touchesFloat(node)) return null;
    const kept = this.keepRule(node);
    const wanted = kept?.precision ?? this.options.low;
    const impossible = wanted === 'fp32' ? null : this.impossible(node, schema, wanted);
    if (impossible !== null) return { dtype: 'fp32', reason: impossible };
    if (kept !== undefined) {
      const reason = wanted === this.options.low ? null : `kept in ${wanted} by the rule "${kept.match}"`;
      return { dtype: wanted, reason };
    }
    const reason = this.reasonForFp32(node, schema!);
    return { dtype: reason === null ? this.options.low : 'fp32', reason };
  }

  /** Tensors that bodies are handed, always in FP32. */
  floatBodyInputs(model: Model): Set<string> {
    const bodies = [...walkGraphs(model.proto.graph)].slice(1);
    const names = bodies.flatMap(({ input }) => input.map(({ name }) => name ?? ''));
    return new Set(names.filter((name) => this.types.get(name) === 'fp32'));
  }

  private touchesFloat(node: NodeProto): boolean {
    return [...node.input, ...node.output].some((name) => this.types.get(name) === 'fp32');
  }

  /** The rule for a node itself, else one that keeps a node in FP32 whose body it belongs to. */
  private keepRule(node: NodeProto): KeepRule | undefined {
    const own = keepRuleFor(node, this.options.keep);
    if (own !== undefined) return own;
    for (let owner = this.owners.get(node); owner !== undefined; owner = this.owners.get(owner)) {
      const rule = keepRuleFor(owner, this.options.keep);
      if (rule?.precision === 'fp32') return rule;
    }
    return undefined;
  }

  /** Reasons that not even a `keep` rule can override. */
  private impossible(node: NodeProto, schema: OpSchema | undefined, low: ComputeType): string | null {
    if (subgraphs(node).length > 0) return `${node.opType} hands tensors to its bodies and back in FP32`;
    for (let owner = this.owners.get(node); owner !== undefined; owner = this.owners.get(owner)) {
      if (!rules.bodyOperators.has(owner.opType ?? '')) return `${owner.opType} runs its body in FP32`;
    }
    if (schema === undefined) return `${node.opType} is not a standard ONNX operator`;
    if (low === 'bf16' && rules.noBf16InTensorrt.has(node.opType ?? ''))
      return `TensorRT has no ${node.opType} in BF16`;
    if (rules.recurrentOperators.has(node.opType ?? '') && (node.input[4] ?? '') !== '')
      return `TensorRT has ${node.opType} with sequence lengths in FP32 only`;
    if (this.shapeNodes.has(node)) return 'computes a shape or an index, which must be exact';
    const variable = this.floatVariable(node, schema);
    if (variable === null)
      return rules.typeBlindOperators.has(node.opType ?? '') ? null : `${node.opType} is defined for FP32 only`;
    return admits(schema, variable, low)
      ? null
      : `${node.opType} does not admit ${low.toUpperCase()} at opset ${this.opset}`;
  }

  /** The type variable of the first FP32 input, or else of the first FP32 output; null if those slots are fixed to FP32. */
  private floatVariable(node: NodeProto, schema: OpSchema): string | null {
    for (const [index, name] of node.input.entries()) {
      if (this.types.get(name) === 'fp32') return slotAt(schema.inputs, index)?.variable ?? null;
    }
    for (const [index, name] of node.output.entries()) {
      if (this.types.get(name) === 'fp32') return slotAt(schema.outputs, index)?.variable ?? null;
    }
    return null;
  }

  private reasonForFp32(node: NodeProto, schema: OpSchema): string | null {
    const opType = node.opType ?? '';
    const listed = rules.fp32Operators.get(opType);
    if (listed !== undefined) return `${opType} ${listed}`;
    if (this.positionNodes.has(node)) return 'computes positions, or values that are then rounded to integers';
    if (this.spectra.has(node)) return 'computes a spectrum whose logarithm shows the errors of what is quiet';
    if (this.normalizations.has(node) && !this.halfNormalizations.has(node))
      return 'is part of a normalization or root of squares';
    if (this.idle.has(node)) return 'runs in every iteration of a body without matrix products or convolutions';
    if (this.states.has(node)) return 'adds to what is carried from one iteration to the next, where rounding adds up';
    return (
      this.modeReason(node) ??
      this.typeReason(node, schema) ??
      this.powerReason(node) ??
      this.constantReason(node) ??
      this.rangeReason(node) ??
      this.unseenReason(node) ??
      this.sumReason(node) ??
      this.scoreReason(node) ??
      this.endReason(node)
    );
  }

  /** Operators that are sensitive in one of their modes only. */
  private modeReason(node: NodeProto): string | null {
    if (node.opType === 'ScatterElements' || node.opType === 'ScatterND') {
      return getString(node, 'reduction', 'none') === 'none'
        ? null
        : `${node.opType} reduces in the precision of its tensor`;
    }
    if (node.opType !== 'BatchNormalization') return null;
    return getInt(node, 'training_mode', 0) === 0 ? null : 'computes batch statistics';
  }

  /** Mixed or unknown types, and integers too large to be exact. */
  private typeReason(node: NodeProto, schema: OpSchema): string | null {
    const unknown = node.input.find((name) => name !== '' && !this.types.has(name));
    if (unknown !== undefined) return `the type of its input ${unknown} is not known`;
    if (node.opType === 'Cast' || node.opType === 'CastLike') return this.castReason(node);
    for (const variable of schema.variables.keys()) {
      const type = boundType(node, schema, variable, this.types);
      if (type === 'fp64') return 'computes in FP64 beside FP32';
    }
    return null;
  }

  private castReason(node: NodeProto): string | null {
    const source = node.input[0] ?? '';
    const type = this.types.get(source);
    if (this.types.get(node.output[0] ?? '') !== 'fp32' || type === undefined) return null;
    if (isReduced(type) || type === 'fp32' || type === 'bool') return null;
    const limit = rules.exactIntegers[this.options.low];
    const range = this.range(source) ?? this.range(node.output[0] ?? '');
    if (range?.absMax != null) {
      if (range.absMax <= limit) return null;
      return `converts integers up to ${format(range.absMax)}, exact in ${this.options.low.toUpperCase()} only to ${limit}`;
    }
    if ((type === 'int8' || type === 'uint8') && limit >= 256) return null;
    return 'converts integers of unknown size';
  }

  private powerReason(node: NodeProto): string | null {
    if (node.opType === 'Pow') {
      const exponent = this.constants.scalar(node.input[1]);
      if (exponent === undefined || exponent < 0 || !Number.isInteger(exponent))
        return 'raises to a power that amplifies errors';
    }
    if (node.opType === 'Sin' || node.opType === 'Cos' || node.opType === 'Tan') {
      const phase = this.range(node.input[0] ?? '')?.absMax ?? Infinity;
      if (phase > rules.largestPhase) return `${node.opType} of phases beyond ${rules.largestPhase}`;
    }
    return null;
  }

  /** Weights and other constants that FP16 cannot hold. */
  private constantReason(node: NodeProto): string | null {
    // A chain that is safe has a variance far above its epsilon, which may then be a subnormal number.
    if (this.options.low !== 'fp16' || this.halfNormalizations.has(node)) return null;
    for (const name of node.input) {
      if (this.types.get(name) !== 'fp32' || this.masks.constants.has(name)) continue;
      const range = this.constants.range(name);
      if (range === undefined) continue;
      const fits = range.absMax === 0 || (range.absMax <= rules.fp16Max && range.absMax >= rules.fp16MinNormal);
      if (!fits && this.isUnseen(node)) this.unseenValues.mark(node);
      if (range.absMax > rules.fp16Max) return `its constant ${name} reaches ${format(range.absMax)}, beyond FP16`;
      if (range.absMax > 0 && range.absMax < rules.fp16MinNormal) {
        return `its constant ${name} is at most ${format(range.absMax)}, below FP16's normal numbers`;
      }
    }
    return null;
  }

  private rangeReason(node: NodeProto): string | null {
    const { low, ranges } = this.options;
    if (low !== 'fp16' || ranges === null) return null;
    const headroom = ranges.representative ? rules.fp16Headroom.representative : rules.fp16Headroom.random;
    const limit = rules.fp16Max / headroom;
    for (const name of [...node.input, ...node.output]) {
      if (this.types.get(name) !== 'fp32' || this.constants.has(name)) continue;
      const magnitude = this.magnitude(name);
      if (magnitude > limit) {
        return `${name} reaches ${format(magnitude)}; FP16 ends at ${rules.fp16Max} and unseen data needs a margin of ${headroom}`;
      }
    }
    for (const name of node.output) {
      const magnitude = this.types.get(name) === 'fp32' ? this.magnitude(name) : 0;
      if (magnitude > 0 && magnitude < rules.fp16MinNormal) {
        return `${name} is at most ${format(magnitude)}, below FP16's normal numbers`;
      }
    }
    return null;
  }

  /** What may leave FP16 in a body whose values nobody saw (`unseenValues.ts`). */
  private unseenReason(node: NodeProto): string | null {
    if (this.options.low !== 'fp16' || !this.isUnseen(node)) return null;
    const reason = this.unseenValues.reason(node);
    if (reason === null) this.unseen.push(node);
    return reason === null ? null : `${reason}, and its values were not seen`;
  }

  /** Of a body, in a model with ranges, but without ranges of its own. */
  private isUnseen(node: NodeProto): boolean {
    if (this.options.ranges === null || !this.owners.has(node)) return false;
    return node.output.some((name) => this.types.get(name) === 'fp32' && this.range(name) === undefined);
  }

  /** A mean is small but the sum before its division may not be. */
  private sumReason(node: NodeProto): string | null {
    if (this.options.low !== 'fp16' || !rules.averagingOperators.has(node.opType ?? '')) return null;
    const input = this.range(node.input[0] ?? '');
    const output = this.range(node.output[0] ?? '');
    if (input === undefined || output?.absMax == null || node.opType === 'AveragePool') return null;
    const count = elementCount(input.dims) / Math.max(1, elementCount(output.dims));
    const sum = count * output.absMax;
    return sum <= rules.fp16Max ? null : `the sum of its ${count} elements reaches ${format(sum)}, beyond FP16`;
  }

  /** What computes scores, up to the softmax, where they are so large that rounding them changes the result. */
  private scoreReason(node: NodeProto): string | null {
    const limit = rules.largestScore[this.options.low];
    if (!this.scores.has(node)) return null;
    for (const name of node.opType === 'Softmax' || node.opType === 'LogSoftmax' ? node.input : node.output) {
      const largest = this.range(name)?.max ?? 0;
      if (largest > limit)
        return `scores before a softmax reach ${format(largest)}; rounded they would change its result`;
    }
    return null;
  }

  /** The cast to an FP32 output comes before the last activation rather than behind it. */
  private endReason(node: NodeProto): string | null {
    if (!rules.finalActivations.has(node.opType ?? '')) return null;
    const ends = node.output.every((name) => this.index.isGraphOutput(name) && this.index.consumers(name).length === 0);
    return ends ? 'is the last step before an output, which is FP32 anyway' : null;
  }

  /** Largest magnitude seen, without what an attention mask adds; 0 if not observed. */
  private magnitude(name: string): number {
    const range = this.range(name);
    if (range?.absMax == null) return 0;
    return this.masks.tensors.has(name) ? Math.max(0, range.max ?? 0) : range.absMax;
  }

  private range(name: string): TensorRange | undefined {
    return this.options.ranges?.tensors.get(name);
  }
}

/** Types by inference, and what the runtime saw of the tensors whose type no signature gives. */
export function typesOf(model: Model, ranges: TensorRanges | null): TensorTypes {
  const types = inferTypes(flatGraph(model.proto.graph), opsetVersion(model.proto));
  for (const [name, range] of ranges?.tensors ?? []) if (!types.has(name)) types.set(name, range.dtype);
  return types;
}

function isReduced(type: DType): boolean {
  return type === 'fp16' || type === 'bf16' || type === 'fp8e4m3' || type === 'fp8e5m2';
}

function format(value: number): string {
  return value >= 1e6 || value < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
