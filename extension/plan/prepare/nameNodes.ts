/** Gives every node of the outer graph a name of its own: reports, `keep` rules and engine layers refer to nodes by name. */
import type { GraphProto } from '../../model/onnx.generated';

/** Edits the graph in place; the first of equal names keeps it. Part of `prepareModel.ts`. */
export function nameNodes(graph: GraphProto): void {
  const taken = new Set<string>(graph.node.map((node) => node.name ?? ''));
  const used = new Set<string>(['']);
  for (const node of graph.node) {
    const own = node.name ?? '';
    if (!used.has(own)) {
      used.add(own);
      continue;
    }
    const output = node.output.find((name) => name !== '') ?? '';
    const base = own !== '' ? own : `${node.opType ?? 'Node'}_${output}`;
    let name = base;
    for (let i = 1; taken.has(name); i++) name = `${base}_${i}`;
    node.name = name;
    taken.add(name);
    used.add(name);
  }
}
