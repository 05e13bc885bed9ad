/**
 * Gives every tensor of the model a name of its own, over all bodies of If, Loop and Scan.
 *
 * The two branches of an If may use the same names, and some exporters shadow outer ones. Ranges, decisions and casts are kept
 * by name, so each name must mean one tensor. Only names that are taken already change; those of the outer graph never do.
 * Part of `prepareModel.ts`, before everything that looks into bodies.
 */
import { definedTensors, GraphIndex, subgraphs } from '../../model/graphIndex';
import type { GraphProto } from '../../model/onnx.generated';
import { renameCaptured } from '../renameTensors';

/** Edits the bodies in place. */
export function uniqueNames(graph: GraphProto): void {
  const index = new GraphIndex(graph);
  const taken = new Set(definedTensors(graph));
  const visit = (outer: GraphProto): void => {
    for (const node of outer.node) {
      for (const body of subgraphs(node)) {
        const renames = new Map<string, string>();
        for (const name of new Set(definedTensors(body))) {
          if (name !== '' && taken.has(name)) renames.set(name, index.uniqueName(name));
          else taken.add(name);
        }
        if (renames.size > 0) renameDefined(body, renames);
        visit(body);
      }
    }
  };
  visit(graph);
}

/** Renames tensors that a graph defines, where they are made and everywhere that they are read. */
function renameDefined(graph: GraphProto, renames: ReadonlyMap<string, string>): void {
  const renamed = (name: string): string => renames.get(name) ?? name;
  const sparse = graph.sparseInitializer.flatMap(({ values }) => (values === undefined ? [] : [values]));
  for (const named of [...graph.input, ...graph.output, ...graph.valueInfo, ...graph.initializer, ...sparse]) {
    if (named.name !== undefined) named.name = renamed(named.name);
  }
  for (const node of graph.node) {
    node.input = node.input.map(renamed);
    node.output = node.output.map(renamed);
    for (const body of subgraphs(node)) renameCaptured(body, renames);
  }
}
