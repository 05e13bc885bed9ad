/** Removes nodes that no output of their graph or body depends on, and initializers that nothing reads. Part of `prepareModel.ts`. */
import { capturedTensors, subgraphs } from '../../model/graphIndex';
import type { GraphProto } from '../../model/onnx.generated';

/** Edits the graph and its bodies in place. Inputs stay, used or not: they are the interface. */
export function removeUnused(graph: GraphProto): void {
  const needed = new Set(graph.output.map((output) => output.name ?? ''));
  const kept = [];
  for (const node of graph.node.toReversed()) {
    if (!node.output.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const body of subgraphs(node)) removeUnused(body);
    for (const name of node.input) needed.add(name);
    for (const name of capturedTensors(node)) needed.add(name);
  }
  graph.node = kept.reverse();
  needed.delete('');
  graph.initializer = graph.initializer.filter((tensor) => needed.has(tensor.name ?? ''));
  graph.sparseInitializer = graph.sparseInitializer.filter((tensor) => needed.has(tensor.values?.name ?? ''));
}
