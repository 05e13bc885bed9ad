/**
 * Gives Range the scalars that it asks for.
 *
 * Runtimes take a vector of one element where a node computes it, and refuse it as a constant; folding (`foldConstants.ts`) makes
 * one of the other. Part of `prepareModel.ts`, behind the folding.
 */
import { elementCount } from '../../contract/tensor';
import { flatIndex } from '../../model/flatGraph';
import { walkGraphs } from '../../model/graphIndex';
import { normalDomain, type Model } from '../../model/model';
import { makeTensor, readTensor } from '../../model/tensorValues';

/** Edits the graph and its bodies in place; names must be unique. */
export function scalarRanges(model: Model): void {
  const { graph } = model.proto;
  const index = flatIndex(graph);
  const scalars = new Map<string, string>();
  const scalarOf = (name: string): string => {
    const known = scalars.get(name);
    if (known !== undefined) return known;
    const constant = index.initializer(name);
    if (constant === undefined || constant.dims.length === 0 || elementCount(constant.dims) !== 1) return name;
    const scalar = index.uniqueName(`${name}_scalar`);
    graph.initializer.push(makeTensor(scalar, { ...readTensor(constant, model), dims: [] }));
    scalars.set(name, scalar);
    return scalar;
  };
  for (const one of walkGraphs(graph)) {
    for (const node of one.node) {
      if (node.opType === 'Range' && normalDomain(node.domain) === '') node.input = node.input.map(scalarOf);
    }
  }
}
