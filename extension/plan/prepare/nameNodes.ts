/** Gives every node, those of bodies too, a name of its own: reports, `keep` rules and engine layers refer to nodes by name. */
import { walkGraphs } from '../../model/graphIndex';
import type { GraphProto } from '../../model/onnx.generated';

/** Edits the graph and its bodies in place; the first of equal names keeps it, outer ones first. Part of `prepareModel.ts`. */
export function nameNodes(graph: GraphProto): void {
  const nodes = [...walkGraphs(graph)].flatMap(({ node }) => node);
  const taken = new Set<string>(nodes.map((node) => node.name ?? ''));
  const used = new Set<string>(['']);
  for (const node of nodes) {
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
