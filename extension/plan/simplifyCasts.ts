/**
 * Removes casts that do nothing: to the type a tensor has, behind a widening cast, or made twice.
 *
 * A narrowing cast followed by a widening one rounds, so it stays. Runs last in `prepareModel.ts` and `applyPlan.ts`.
 */
import type { DType } from '../contract/tensor';
import { getInt } from '../model/attributes';
import { dtypeOrNull } from '../model/dtype';
import { flatGraph, flatIndex } from '../model/flatGraph';
import { subgraphs, walkGraphs, type GraphIndex } from '../model/graphIndex';
import { opsetVersion, type Model } from '../model/model';
import type { GraphProto, NodeProto } from '../model/onnx.generated';
import { inferTypes } from './inferTypes';
import { removeIdentities } from './prepare/removeIdentities';

/** Edits the graph and its bodies in place; nodes must be in topological order and names unique. */
export function simplifyCasts(model: Model): void {
  const { graph } = model.proto;
  const flat = flatGraph(graph);
  const removed = new Set<NodeProto>();
  const simplifier: Simplifier = {
    types: inferTypes(flat, opsetVersion(model.proto)),
    index: flatIndex(graph),
    renames: new Map(),
    removed,
  };
  simplifyGraph(graph, new Map(), simplifier);
  for (const one of walkGraphs(graph)) one.node = one.node.filter((node) => !removed.has(node));
  removeUnread(graph);
  removeIdentities(model);
}

interface Simplifier {
  readonly types: ReadonlyMap<string, DType>;
  readonly index: GraphIndex;
  readonly renames: Map<string, string>;
  readonly removed: Set<NodeProto>;
}

/** @param made casts that exist where the graph stands, by source and type: a body can use those before it */
function simplifyGraph(graph: GraphProto, made: Map<string, string>, simplifier: Simplifier): void {
  const { types, index, renames, removed } = simplifier;
  for (const node of graph.node) {
    node.input = node.input.map((name) => renames.get(name) ?? name);
    for (const body of subgraphs(node)) simplifyGraph(body, new Map(made), simplifier);
    if (node.opType !== 'Cast') continue;
    const [output = ''] = node.output;
    const target = dtypeOrNull(getInt(node, 'to', 0));
    if (target === null) continue;
    skipWidening(node, index, types, removed);
    const [source = ''] = node.input;
    const key = `${source}|${target}`;
    const existing = types.get(source) === target ? source : made.get(key);
    if (existing === undefined) {
      made.set(key, output);
    } else if (!index.isGraphOutput(output)) {
      renames.set(output, existing);
      removed.add(node);
    } else if (existing === source) {
      // Its name belongs to an output: whether the maker of the source can take it over, `removeIdentities` knows.
      node.opType = 'Identity';
      node.attribute = [];
    }
  }
}

/** Reads from before a cast that lost nothing: fp16 → fp32 → bf16 is fp16 → bf16. */
function skipWidening(
  node: NodeProto,
  index: GraphIndex,
  types: ReadonlyMap<string, DType>,
  removed: ReadonlySet<NodeProto>,
): void {
  for (;;) {
    const before = index.producer(node.input[0] ?? '');
    if (before?.opType !== 'Cast' || removed.has(before)) return;
    const from = types.get(before.input[0] ?? '');
    const through = types.get(before.output[0] ?? '');
    if (from === undefined || through === undefined || !isLossless(from, through)) return;
    node.input = [before.input[0]!];
  }
}

const widenings: Partial<Record<DType, readonly DType[]>> = {
  fp16: ['fp32', 'fp64'],
  bf16: ['fp32', 'fp64'],
  fp32: ['fp64'],
  bool: ['fp16', 'bf16', 'fp32', 'fp64', 'int8', 'uint8', 'int16', 'int32', 'int64'],
  int8: ['int16', 'int32', 'int64', 'fp32', 'fp64'],
  uint8: ['int16', 'int32', 'int64', 'fp32', 'fp64'],
  int32: ['int64', 'fp64'],
};

function isLossless(from: DType, to: DType): boolean {
  return from === to || (widenings[from]?.includes(to) ?? false);
}

/** Casts that nothing reads any more. */
function removeUnread(graph: GraphProto): void {
  for (let changed = true; changed;) {
    const index = flatIndex(graph);
    const unread = (name: string) => index.consumers(name).length === 0 && !index.isGraphOutput(name);
    changed = false;
    for (const one of walkGraphs(graph)) {
      const kept = one.node.filter((node) => node.opType !== 'Cast' || !node.output.every(unread));
      if (kept.length < one.node.length) changed = true;
      one.node = kept;
    }
  }
}
