/**
 * What a rewrite of one node may ask about its surroundings, and how it adds constants and nodes.
 *
 * Given by `upgradeOpset.ts` to the rules in `opsetRules.ts`, one scope per graph or function body. Ranks and types are
 * inferred only as far as rules need them; "unknown" is an ordinary answer.
 */
import type { DType, Tensor } from '../contract/tensor';
import { getInt, getInts, getTensor, hasAttribute } from './attributes';
import { dtypeOrNull } from './dtype';
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from './onnx.generated';
import { attributeType, newAttribute, newNode } from './onnx.generated';
import { makeTensor, readTensor } from './tensorValues';

/** Names that one model uses; shared by all scopes so that none is given twice. */
export class NamePool {
  constructor(private readonly used: Set<string>) {}

  unique(base: string): string {
    let name = base;
    for (let i = 1; this.used.has(name); i++) name = `${base}_${i}`;
    this.used.add(name);
    return name;
  }
}

export interface ScopeOptions {
  readonly nodes: readonly NodeProto[];
  /** Absent for a function body, whose constants become nodes. */
  readonly graph?: GraphProto;
  readonly values: readonly ValueInfoProto[];
  /** Names that the body returns. */
  readonly results: readonly string[];
  readonly outer?: UpgradeScope;
  readonly names: NamePool;
  /** For external data; see `readTensor`. */
  readonly path: string;
  /** The opset that the nodes will have. */
  readonly target: number;
}

/** How far back types and ranks are followed. */
const inferenceDepth = 64;

export class UpgradeScope {
  /** Nodes to put before and after the one being rewritten. */
  readonly before: NodeProto[] = [];
  readonly after: NodeProto[] = [];
  readonly target: number;
  private readonly producers = new Map<string, NodeProto>();
  private readonly constants = new Map<string, TensorProto>();
  private readonly declared: Map<string, ValueInfoProto>;
  private readonly read = new Set<string>();

  constructor(private readonly options: ScopeOptions) {
    this.target = options.target;
    this.declared = new Map(options.values.map((value) => [value.name ?? '', value]));
    for (const tensor of options.graph?.initializer ?? []) this.constants.set(tensor.name ?? '', tensor);
    for (const node of options.nodes) this.learn(node);
    options.results.forEach((name) => this.read.add(name));
  }

  /** Registers a node that a rewrite made or changed. */
  learn(node: NodeProto): void {
    for (const output of node.output) this.producers.set(output, node);
    node.input.forEach((name) => this.read.add(name));
  }

  /** Marks names that subgraphs read. */
  addReads(names: Iterable<string>): void {
    for (const name of names) this.read.add(name);
  }

  isRead(tensor: string): boolean {
    return tensor !== '' && this.read.has(tensor);
  }

  unique(base: string): string {
    return this.options.names.unique(base);
  }

  /** Stores a constant and gives its name. */
  constant(base: string, tensor: Tensor): string {
    const name = this.unique(base);
    const stored = makeTensor(name, tensor);
    const { graph } = this.options;
    if (graph === undefined) {
      const value = newAttribute({ name: 'value', type: attributeType.TENSOR, t: stored });
      this.insertBefore(newNode({ name, opType: 'Constant', output: [name], attribute: [value] }));
    } else graph.initializer.push(stored);
    this.constants.set(name, stored);
    return name;
  }

  insertBefore(node: NodeProto): void {
    this.before.push(node);
    this.learn(node);
  }

  insertAfter(node: NodeProto): void {
    this.after.push(node);
    this.learn(node);
  }

  /** The values of a constant: an initializer or the result of a Constant node, here or in an enclosing graph. */
  constantValue(name: string): Tensor | null {
    const stored = this.constants.get(name) ?? this.constantNode(name);
    if (stored !== undefined) return readTensor(stored, { path: this.options.path });
    if (this.producers.has(name)) return null;
    return this.options.outer?.constantValue(name) ?? null;
  }

  private constantNode(name: string): TensorProto | undefined {
    const node = this.producers.get(name);
    return node?.opType === 'Constant' ? getTensor(node, 'value') : undefined;
  }

  /** The element type of a tensor where it can be told. */
  dtype(name: string, depth = 0): DType | null {
    const stored = this.constants.get(name);
    if (stored !== undefined) return dtypeOrNull(stored.dataType);
    const declared = this.declared.get(name)?.type?.tensorType?.elemType;
    if (declared !== undefined) return dtypeOrNull(declared);
    const node = this.producers.get(name);
    if (node === undefined) return this.options.outer?.dtype(name, depth) ?? null;
    if (depth > inferenceDepth) return null;
    if (node.opType === 'Constant') return dtypeOrNull(getTensor(node, 'value')?.dataType);
    if (node.opType === 'Cast') return dtypeOrNull(getInt(node, 'to', 0));
    if (!keepsType.has(node.opType ?? '')) return null;
    const source = node.opType === 'Where' ? node.input[1] : node.input[0];
    return source === undefined ? null : this.dtype(source, depth + 1);
  }

  /** The rank of a tensor where it can be told. */
  rank(name: string, depth = 0): number | null {
    const stored = this.constants.get(name);
    if (stored !== undefined) return stored.dims.length;
    const declared = this.declared.get(name)?.type?.tensorType?.shape;
    if (declared !== undefined) return declared.dim.length;
    const node = this.producers.get(name);
    if (node === undefined) return this.options.outer?.rank(name, depth) ?? null;
    if (depth > inferenceDepth) return null;
    return this.rankOfResult(node, depth + 1);
  }

  private rankOfResult(node: NodeProto, depth: number): number | null {
    const op = node.opType ?? '';
    const [first = '', second = ''] = node.input;
    if (keepsRank.has(op)) return this.rank(first, depth);
    if (broadcasts.has(op)) return maximum(node.input.map((input) => this.rank(input, depth)));
    switch (op) {
      case 'Conv':
      case 'ConvTranspose':
        return this.rank(first, depth) ?? this.rank(second, depth);
      case 'Gemm':
      case 'Flatten':
        return 2;
      case 'MatMul': {
        const ranks = [this.rank(first, depth), this.rank(second, depth)];
        return ranks.some((rank) => rank === 1) ? null : maximum(ranks);
      }
      case 'Transpose':
        return getInts(node, 'perm')?.length ?? this.rank(first, depth);
      case 'Reshape':
        return this.constantValue(second)?.data.length ?? null;
      case 'Constant':
        return getTensor(node, 'value')?.dims.length ?? null;
      default:
        if (op.startsWith('Reduce')) return hasAttribute(node, 'keepdims') ? null : this.rank(first, depth);
        return null;
    }
  }
}

function maximum(ranks: readonly (number | null)[]): number | null {
  let largest = 0;
  for (const rank of ranks) {
    if (rank === null) return null;
    largest = Math.max(largest, rank);
  }
  return largest;
}

/** Operators whose first output has the type of their first input (Where: of the second). */
const keepsType = new Set(
  (
    'Abs Add AveragePool BatchNormalization Ceil Clip Concat Conv ConvTranspose DepthToSpace Div Dropout Elu Erf Exp Expand ' +
    'Flatten Floor Gather GatherElements GatherND Gemm GlobalAveragePool GlobalMaxPool HardSigmoid Identity ' +
    'InstanceNormalization LRN LeakyRelu Log LogSoftmax LpNormalization MatMul Max MaxPool Mean Min Mod Mul Neg PRelu Pad ' +
    'Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ' +
    'ReduceSumSquare Relu Reshape Resize Round Scatter ScatterElements ScatterND Selu Sigmoid Sign Slice Softmax Softplus ' +
    'Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Where'
  ).split(' '),
);

/** Operators whose first output has the rank of their first input. */
const keepsRank = new Set(
  (
    'Abs AveragePool BatchNormalization Cast Ceil Clip Concat CumSum DepthToSpace Dropout Elu Erf Exp Floor ' +
    'GlobalAveragePool GlobalMaxPool HardSigmoid Hardmax Identity InstanceNormalization LRN LeakyRelu Log LogSoftmax ' +
    'LpNormalization LpPool MaxPool Neg Pad Reciprocal Relu Resize Round Scatter ScatterElements ScatterND Selu Sigmoid ' +
    'Sign Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Tanh ThresholdedRelu Tile TopK Upsample'
  ).split(' '),
);

const broadcasts = new Set('Add Sub Mul Div Pow Max Min Mean Sum Mod PRelu Where And Or Equal Greater Less'.split(' '));
