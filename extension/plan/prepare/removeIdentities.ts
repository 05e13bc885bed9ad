/**
 * Removes nodes that pass their input on: Identity, Dropout in inference, Cast to the type it has is `simplifyCasts.ts`'s.
 *
 * Names of graph inputs and outputs never change. Where the only way to remove a node would be to rename one of them (an
 * input, a constant or, in a body, an outer tensor passed straight to an output), it stays. Part of `prepareModel.ts`.
 */
import { getInt } from '../../model/attributes';
import { flatIndex } from '../../model/flatGraph';
import { walkGraphs, type GraphIndex } from '../../model/graphIndex';
import type { GraphProto, NodeProto } from '../../model/onnx.generated';
import { readTensor } from '../../model/tensorValues';
import type { Model } from '../../model/model';

/** Edits the graph and its bodies in place; names must be unique. */
export function removeIdentities(model: Model): void {
  const outer = model.proto.graph;
  const index = flatIndex(outer);
  const renames = new Map<string, string>();
  const removed = new Set<NodeProto>();
  for (const graph of walkGraphs(outer)) markIdentities(graph, { index, model, renames, removed });
  if (removed.size === 0) return;
  for (const graph of walkGraphs(outer)) {
    graph.node = graph.node.filter((node) => !removed.has(node));
    renameUses(graph, renames);
  }
}

interface Marking {
  readonly index: GraphIndex;
  readonly model: Model;
  readonly renames: Map<string, string>;
  readonly removed: Set<NodeProto>;
}

/** Finds what can go from one graph or body; the graphs around it come first. */
function markIdentities(graph: GraphProto, { index, model, renames, removed }: Marking): void {
  const resolve = (name: string) => renames.get(name) ?? name;
  // Nodes of this graph that make a tensor, by its name after the renames so far.
  const makers = new Map<string, NodeProto>();
  for (const node of graph.node) {
    node.input = node.input.map(resolve);
    const [source = ''] = node.input;
    const [output = ''] = node.output;
    if (passesOn(node, index, model) && source !== '') {
      if (!index.isGraphOutput(output)) {
        renames.set(output, source);
        removed.add(node);
        continue;
      }
      const maker = makers.get(source);
      if (maker !== undefined && !index.isGraphOutput(source)) {
        maker.output = maker.output.map((name) => (name === source ? output : name));
        makers.set(output, maker);
        for (const [from, to] of renames) if (to === source) renames.set(from, output);
        renames.set(source, output);
        removed.add(node);
        continue;
      }
    }
    for (const name of node.output) if (name !== '') makers.set(name, node);
  }
}

function renameUses(graph: GraphProto, renames: ReadonlyMap<string, string>): void {
  for (const node of graph.node) node.input = node.input.map((name) => renames.get(name) ?? name);
  graph.valueInfo = graph.valueInfo.filter((value) => !renames.has(value.name ?? ''));
}

function passesOn(node: NodeProto, index: GraphIndex, model: Model): boolean {
  if (node.opType === 'Identity') return true;
  if (node.opType !== 'Dropout') return false;
  const mask = node.output[1] ?? '';
  const maskUsed = mask !== '' && (index.consumers(mask).length > 0 || index.isGraphOutput(mask));
  return !maskUsed && !trains(node, index, model);
}

/** Dropout drops only when told to train: by an attribute before opset 12, by the third input since. */
function trains(node: NodeProto, index: GraphIndex, model: Model): boolean {
  const training = node.input[2] ?? '';
  if (training === '') return getInt(node, 'is_test', 1) === 0;
  const constant = index.initializer(training);
  return constant === undefined || Number(readTensor(constant, model).data[0]) !== 0;
}
