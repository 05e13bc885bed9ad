/**
 * A model and all bodies of its If, Loop and Scan nodes, seen as one graph.
 *
 * Bodies read what encloses them by name, so where no name has two meanings (`plan/prepare/uniqueNames.ts` sees to it) one
 * list of nodes answers all questions about who makes and who reads a tensor, across bodies too. Used by the precision rules
 * and the rewrites behind them; the view shares its nodes with the model, and is a snapshot as `GraphIndex` is.
 */
import { getInt } from './attributes';
import { GraphIndex, subgraphs } from './graphIndex';
import { newGraph, type GraphProto, type NodeProto } from './onnx.generated';

/**
 * Inputs and outputs of the view are those of the graph and of all bodies: the tensors whose type an interface fixes. Nodes
 * of bodies come before the node that carries them, so that the order is topological over the whole.
 */
export function flatGraph(graph: GraphProto): GraphProto {
  const flat = newGraph({ name: graph.name ?? '' });
  gather(graph, flat);
  return flat;
}

/** Who makes and reads which tensor, over the graph and its bodies; `outerUses` is empty, as captures are uses like others. */
export function flatIndex(graph: GraphProto): GraphIndex {
  return new GraphIndex(flatGraph(graph), { captures: false });
}

function gather(graph: GraphProto, into: GraphProto): void {
  for (const input of graph.input) into.input.push(input);
  for (const tensor of graph.initializer) into.initializer.push(tensor);
  for (const sparse of graph.sparseInitializer) into.sparseInitializer.push(sparse);
  for (const node of graph.node) {
    for (const body of subgraphs(node)) gather(body, into);
    into.node.push(node);
  }
  for (const value of graph.valueInfo) into.valueInfo.push(value);
  for (const output of graph.output) into.output.push(output);
}

/** For every node of a body, however deep: the node that carries the body. */
export function bodyOwners(graph: GraphProto): Map<NodeProto, NodeProto> {
  const owners = new Map<NodeProto, NodeProto>();
  for (const node of graph.node) {
    for (const body of subgraphs(node)) {
      for (const inner of body.node) owners.set(inner, node);
      for (const [inner, owner] of bodyOwners(body)) owners.set(inner, owner);
    }
  }
  return owners;
}

/**
 * Where tensors of an interface come from: a body's input is the node's input, or the state of the iteration before; the
 * node's output is what its bodies give out. Names that nothing hands over have no entry.
 */
export function bodyLinks(nodes: readonly NodeProto[]): Map<string, string[]> {
  const links = new Map<string, string[]>();
  const link = (to: string | undefined, from: string | undefined): void => {
    if (to === undefined || to === '' || from === undefined || from === '') return;
    const known = links.get(to);
    if (known === undefined) links.set(to, [from]);
    else known.push(from);
  };
  for (const node of nodes) {
    const isLoop = node.opType === 'Loop';
    // A loop's body begins with iteration number and condition, and gives out the condition first.
    const [firstInput, firstOutput] = isLoop ? [2, 1] : [0, 0];
    for (const body of subgraphs(node)) {
      node.output.forEach((name, position) => link(name, body.output[position + firstOutput]?.name));
      if (!isLoop && node.opType !== 'Scan') continue;
      body.input.slice(firstInput).forEach(({ name }, position) => link(name, node.input[position + firstInput]));
      const states = isLoop ? body.input.length - 2 : body.input.length - getInt(node, 'num_scan_inputs', 0);
      for (let state = 0; state < states; state++) {
        link(body.input[state + firstInput]?.name, body.output[state + firstOutput]?.name);
      }
    }
  }
  return links;
}
