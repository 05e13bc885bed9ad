/** Renames tensors that subgraphs capture. Used by every rewrite that changes the name of an outer tensor. */
import { freeTensors, subgraphs } from '../model/graphIndex';
import type { GraphProto } from '../model/onnx.generated';

/** Renames what a body takes from outside; inner definitions of the same name are left alone. */
export function renameCaptured(body: GraphProto, renames: ReadonlyMap<string, string>): void {
  const free = freeTensors(body);
  const active = new Map([...renames].filter(([name]) => free.has(name)));
  if (active.size === 0) return;
  for (const node of body.node) {
    node.input = node.input.map((name) => active.get(name) ?? name);
    for (const inner of subgraphs(node)) renameCaptured(inner, active);
  }
  for (const output of body.output) {
    if (output.name !== undefined) output.name = active.get(output.name) ?? output.name;
  }
}
