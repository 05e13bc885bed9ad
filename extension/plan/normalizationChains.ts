/**
 * Finds normalizations spelled out in single operators: squares, their mean, the root, the division.
 *
 * Squares overflow FP16 from 256 on and vanish below 2.4e-4, and a small epsilon is lost in the sum; so the nodes from the
 * centring to the division stay FP32 as one island with a cast on each side. Magnitudes (STFT) have the same form, and so
 * has a softmax written as Sub, Exp, ReduceSum, Div.
 */
import type { GraphIndex } from '../model/graphIndex';
import type { GraphProto, NodeProto } from '../model/onnx.generated';
import type { Constants } from './constants';
import { copyOperators } from './precisionRules';

const reductions = new Set(['ReduceMean', 'ReduceSum', 'ReduceSumSquare', 'GlobalAveragePool']);
/** Between the squares and the root. */
const inner = new Set(['Add', 'Sub', 'Max', 'Clip', 'Sum', 'Abs', 'Cast', ...reductions, ...copyOperators]);
/** Between the root and the division. */
const outer = new Set(['Add', 'Max', 'Clip', 'Reciprocal', 'Cast', ...copyOperators]);

/** Nodes of all such chains of a graph. */
export function normalizationNodes(graph: GraphProto, index: GraphIndex, constants: Constants): Set<NodeProto> {
  const walk = new ChainWalk(index, constants);
  for (const node of graph.node) {
    if (node.opType === 'Sqrt' || walk.isRootPower(node)) walk.addRoot(node);
    else if (node.opType === 'ReduceL2') walk.addDivisions(node);
    else if (node.opType === 'Exp') walk.addExponential(node);
    else if (reductions.has(node.opType ?? '')) walk.addVariance(node);
  }
  return walk.found;
}

/** Is a node `x²`, as a power or as a product of a tensor with itself? */
export function isSquare(node: NodeProto, constants: Constants): boolean {
  if (node.opType === 'Pow') return constants.scalar(node.input[1]) === 2;
  return node.opType === 'Mul' && node.input[0] === node.input[1];
}

class ChainWalk {
  readonly found = new Set<NodeProto>();

  constructor(
    private readonly index: GraphIndex,
    private readonly constants: Constants,
  ) {}

  isRootPower(node: NodeProto): boolean {
    return node.opType === 'Pow' && Math.abs(this.constants.scalar(node.input[1]) ?? 0) === 0.5;
  }

  /** A root over squares, with everything between them and the division after it. */
  addRoot(root: NodeProto): void {
    if (!this.leadsToSquares(root.input[0], new Set())) return;
    this.found.add(root);
    this.addDivisions(root);
  }

  /** A mean of squares without a root (a variance that is used as such). */
  addVariance(reduction: NodeProto): void {
    const square = this.producer(reduction, 0);
    if (square === undefined || !isSquare(square, this.constants)) return;
    this.found.add(reduction);
    this.addSquare(square);
  }

  /** `exp(x − max) / sum`: the difference before the exponential and the division after its sum. */
  addExponential(exponential: NodeProto): void {
    const difference = this.producer(exponential, 0);
    if (difference?.opType === 'Sub') this.found.add(difference);
    for (const name of exponential.output) {
      for (const { node } of this.index.consumers(name)) if (node.opType === 'ReduceSum') this.addDivisions(node);
    }
  }

  /** From a root, norm or sum forward to the divisions (or products with the reciprocal) that use it. */
  addDivisions(root: NodeProto): void {
    for (const name of root.output) {
      for (const { node } of this.index.consumers(name)) {
        if (this.found.has(node)) continue;
        const divides = node.opType === 'Div' || node.opType === 'Mul';
        if (!divides && !outer.has(node.opType ?? '')) continue;
        this.found.add(node);
        if (!divides) this.addDivisions(node);
      }
    }
  }

  /** Marks the nodes on the paths from a name back to squares; false, and nothing marked, where there are none. */
  private leadsToSquares(name: string | undefined, visited: Set<NodeProto>): boolean {
    const node = name === undefined || name === '' ? undefined : this.index.producer(name);
    if (node === undefined || visited.has(node)) return node !== undefined && this.found.has(node);
    visited.add(node);
    if (isSquare(node, this.constants)) {
      this.addSquare(node);
      return true;
    }
    if (!inner.has(node.opType ?? '') && !this.isScaling(node)) return false;
    let leads = node.opType === 'ReduceSumSquare';
    if (!leads) for (const input of node.input) leads = this.leadsToSquares(input, visited) || leads;
    if (leads) this.found.add(node);
    return leads;
  }

  /** A sum that a constant turns into a mean: the variance `E[x²] − E[x]²` loses the digits that the mean was rounded to. */
  private isScaling(node: NodeProto): boolean {
    if (node.opType === 'Div') return this.constants.scalar(node.input[1]) !== undefined;
    return node.opType === 'Mul' && node.input.some((name) => this.constants.scalar(name) !== undefined);
  }

  /** A square with what it squares: the centring `x − mean(x)`, or the mean itself. */
  private addSquare(square: NodeProto): void {
    this.found.add(square);
    const base = this.producer(square, 0);
    this.addMean(base);
    if (base?.opType !== 'Sub') return;
    this.found.add(base);
    this.addMean(this.producer(base, 1));
  }

  /** A reduction, with the scaling and the reshaping behind it. */
  private addMean(node: NodeProto | undefined): void {
    const path: NodeProto[] = [];
    for (let at = node; at !== undefined; at = this.dataProducer(at)) {
      path.push(at);
      if (reductions.has(at.opType ?? '')) for (const found of path) this.found.add(found);
      if (!copyOperators.has(at.opType ?? '') && !this.isScaling(at)) return;
    }
  }

  private dataProducer(node: NodeProto): NodeProto | undefined {
    return this.producer(node, this.constants.has(node.input[0]) ? 1 : 0);
  }

  private producer(node: NodeProto, position: number): NodeProto | undefined {
    const name = node.input[position];
    return name === undefined || name === '' ? undefined : this.index.producer(name);
  }
}
