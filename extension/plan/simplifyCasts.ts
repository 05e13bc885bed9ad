/**
 * Removes casts that do nothing: to the type a tensor has, behind a widening cast, or made twice.
 *
 * A narrowing cast followed by a widening one rounds, so it stays. Runs last in `prepareModel.ts` and `applyPlan.ts`.
 */
import type { DType } from '../contract/tensor';
import { getInt } from '../model/attributes';
import { dtypeOrNull } from '../model/dtype';
import { GraphIndex, subgraphs } from '../model/graphIndex';
import { opsetVersion, type Model } from '../model/model';
import type { GraphProto, NodeProto } from '../model/onnx.generated';
import { inferTypes } from './inferTypes';
import { removeIdentities } from './prepare/removeIdentities';
import { renameCaptured } from './renameTensors';

/** Edits the outer graph in place. */
export function simplifyCasts(model: Model): void {
  const { graph } = model.proto;
  const types = inferTypes(graph, opsetVersion(model.proto));
  const index = new GraphIndex(graph);
  const renames = new Map<string, string>();
  const made = new Map<string, string>();
  const removed = new Set<NodeProto>();
  for (const node of graph.node) {
    node.input = node.input.map((name) => renames.get(name) ?? name);
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
  if (renames.size > 0) {
    graph.node = graph.node.filter((node) => !removed.has(node));
    for (const node of graph.node) for (const body of subgraphs(node)) renameCaptured(body, renames);
  }
  removeUnread(graph);
  removeIdentities(model);
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
  for (;;) {
    const index = new GraphIndex(graph);
    const unread = (name: string) =>
      index.consumers(name).length === 0 && !index.isGraphOutput(name) && index.outerUses(name).length === 0;
    const kept = graph.node.filter((node) => node.opType !== 'Cast' || !node.output.every(unread));
    if (kept.length === graph.node.length) return;
    graph.node = kept;
  }
}
