/** Removes nodes that no graph output depends on, and initializers that nothing reads. Part of `prepareModel.ts`. */
import { capturedTensors } from '../../model/graphIndex';
import type { GraphProto } from '../../model/onnx.generated';

/** Edits the outer graph in place. Graph inputs stay, used or not: they are the interface. */
export function removeUnused(graph: GraphProto): void {
  const needed = new Set(graph.output.map((output) => output.name ?? ''));
  const kept = [];
  for (const node of graph.node.toReversed()) {
    if (!node.output.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const name of node.input) needed.add(name);
    for (const name of capturedTensors(node)) needed.add(name);
  }
  graph.node = kept.reverse();
  needed.delete('');
  graph.initializer = graph.initializer.filter((tensor) => needed.has(tensor.name ?? ''));
  graph.sparseInitializer = graph.sparseInitializer.filter((tensor) => needed.has(tensor.values?.name ?? ''));
}
