/**
 * Replaces an If whose condition is the same in every run by the branch that it takes.
 *
 * Exporters leave such nodes behind: a scripted squeeze asks whether a dimension is 1, a flag of the module decides between two
 * heads. Once the branch is part of the graph around it every precision can reach it, INT8 included. What decides is
 * `staticValues.ts`. Part of `prepareModel.ts`.
 */
import { getGraph } from '../../model/attributes';
import { flatGraph } from '../../model/flatGraph';
import { walkGraphs } from '../../model/graphIndex';
import { normalDomain, type Model } from '../../model/model';
import { newNode, type GraphProto, type NodeProto } from '../../model/onnx.generated';
import { StaticValues } from './staticValues';

/**
 * Edits the graph and its bodies in place; names must be unique.
 * @returns whether any branch was inlined: its Identity nodes, and what becomes constant by it, are then left to the caller
 */
export function inlineBranches(model: Model): boolean {
  const carriers = flatGraph(model.proto.graph).node;
  if (!carriers.some(({ opType }) => opType === 'If')) return false;
  const known = new StaticValues(model);
  let inlined = false;
  for (const graph of walkGraphs(model.proto.graph)) {
    graph.node = graph.node.flatMap((node) => {
      const nodes = takenBranch(node, graph, known);
      if (nodes !== null) inlined = true;
      return nodes ?? [node];
    });
  }
  return inlined;
}

/** The nodes that stand for an If, or null where it is none or depends on data. What else the branch holds joins the graph. */
function takenBranch(node: NodeProto, graph: GraphProto, known: StaticValues): NodeProto[] | null {
  if (node.opType !== 'If' || normalDomain(node.domain) !== '') return null;
  const condition = known.condition(node.input[0] ?? '');
  if (condition === undefined) return null;
  const branch = getGraph(node, condition ? 'then_branch' : 'else_branch');
  if (branch === undefined) return null;
  for (const tensor of branch.initializer) graph.initializer.push(tensor);
  for (const tensor of branch.sparseInitializer) graph.sparseInitializer.push(tensor);
  for (const value of branch.valueInfo) graph.valueInfo.push(value);
  const results = node.output.flatMap((output, position) => {
    const source = branch.output[position]?.name ?? '';
    return output === '' || source === ''
      ? []
      : [newNode({ opType: 'Identity', name: `${node.name ?? ''}/${output}`, input: [source], output: [output] })];
  });
  return [...branch.node, ...results];
}
