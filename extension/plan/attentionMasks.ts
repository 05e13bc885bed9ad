/**
 * Attention masks: constants such as −1e9 or −3.4e38 that end in a Softmax and may be clamped for FP16 without a change.
 *
 * A masked score only has to be so low that its exponential is zero. Clamping to −32768 is exact as long as real scores
 * stay within FP16's headroom, and leaves room for the sum of mask and score (−65504 would overflow to −inf, and a fully
 * masked row to NaN). −inf itself is kept. Only constants that reach nothing but a Softmax, through sums, selections and
 * moves, are touched; the FP16 decisions ignore the negative range of the tensors on the way.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import type { GraphIndex } from '../model/graphIndex';
import type { GraphProto, NodeProto } from '../model/onnx.generated';
import type { Constants } from './constants';
import { copyOperators, fp16Max } from './precisionRules';

export const maskFloor = -32768;

export interface AttentionMasks {
  /** Constants whose elements below `maskFloor` (−inf excepted) become `maskFloor`. */
  readonly constants: ReadonlySet<string>;
  /** Tensors between those constants and the softmax. */
  readonly tensors: ReadonlySet<string>;
}

export function findAttentionMasks(
  graph: GraphProto,
  index: GraphIndex,
  constants: Constants,
  ranges: TensorRanges | null,
): AttentionMasks {
  const path = scorePath(graph, index, ranges);
  const clamped = new Set<string>();
  const tensors = new Set<string>();
  for (const name of path.sources) {
    const range = constants.range(name);
    if (range === undefined || range.max > fp16Max || (range.min >= -fp16Max && range.nonFinite === 0)) continue;
    const downstream = onlyReachesSoftmax(name, index, path.nodes);
    if (downstream === null) continue;
    clamped.add(name);
    for (const tensor of downstream) tensors.add(tensor);
  }
  return { constants: clamped, tensors };
}

interface ScorePath {
  readonly nodes: ReadonlySet<NodeProto>;
  /** Tensors read on the way that nothing produces. */
  readonly sources: ReadonlySet<string>;
}

/** Walks back from every Softmax through what adds, selects or moves scores. */
function scorePath(graph: GraphProto, index: GraphIndex, ranges: TensorRanges | null): ScorePath {
  const nodes = new Set<NodeProto>();
  const sources = new Set<string>();
  const pending: string[] = [];
  for (const node of graph.node) {
    if (node.opType !== 'Softmax' && node.opType !== 'LogSoftmax') continue;
    nodes.add(node);
    pending.push(node.input[0] ?? '');
  }
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = index.producer(name);
    if (node === undefined) {
      if (name !== '') sources.add(name);
    } else if (!nodes.has(node)) {
      const inputs = scoreInputs(node, ranges);
      if (inputs.length > 0) nodes.add(node);
      pending.push(...inputs);
    }
  }
  return { nodes, sources };
}

/** The inputs through which a mask can reach the output unscaled; none if the operator is not of that kind. */
function scoreInputs(node: NodeProto, ranges: TensorRanges | null): string[] {
  const opType = node.opType ?? '';
  if (opType === 'Add' || opType === 'Concat') return node.input;
  if (opType === 'Where') return node.input.slice(1);
  if (opType === 'Mul') return node.input.some((name) => isUnitFactor(name, ranges)) ? node.input : [];
  return copyOperators.has(opType) ? node.input.slice(0, 1) : [];
}

/** Holds zeros and ones (or what lies between), as far as the data shows: `(1 − mask) · −1e9`. */
function isUnitFactor(name: string, ranges: TensorRanges | null): boolean {
  const range = ranges?.tensors.get(name);
  return range !== undefined && range.min !== null && range.max !== null && range.min >= 0 && range.max <= 1;
}

/** All tensors that depend on a name, up to the softmaxes; null if one of them is used for anything else. */
function onlyReachesSoftmax(name: string, index: GraphIndex, path: ReadonlySet<NodeProto>): Set<string> | null {
  const reached = new Set([name]);
  const pending = [name];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    if (index.isGraphOutput(tensor) || index.outerUses(tensor).length > 0) return null;
    for (const { node } of index.consumers(tensor)) {
      if (!path.has(node)) return null;
      if (node.opType === 'Softmax' || node.opType === 'LogSoftmax') continue;
      for (const output of node.output) {
        if (output === '' || reached.has(output)) continue;
        reached.add(output);
        pending.push(output);
      }
    }
  }
  return reached;
}
