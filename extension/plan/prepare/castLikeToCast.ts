/**
 * Writes CastLike as the Cast that it stands for.
 *
 * A CastLike takes its target type from a tensor that a variant retypes, so its meaning would move with the rewrite; ONNX
 * Runtime 1.30 also loses track of the types where that tensor is FP16. Part of `prepareModel.ts`, after the opset upgrade.
 */
import { setInt } from '../../model/attributes';
import { onnxType } from '../../model/dtype';
import { flatGraph } from '../../model/flatGraph';
import { normalDomain, opsetVersion, type Model } from '../../model/model';
import { inferTypes } from '../inferTypes';

/** Edits the graph and its bodies in place; nodes must be in topological order and names unique. */
export function castLikeToCast(model: Model): void {
  const graph = flatGraph(model.proto.graph);
  const types = inferTypes(graph, opsetVersion(model.proto));
  for (const node of graph.node) {
    if (node.opType !== 'CastLike' || normalDomain(node.domain) !== '') continue;
    const target = types.get(node.input[1] ?? '');
    if (target === undefined) continue;
    // `saturate` and `round_mode` came to both operators in the same versions.
    node.opType = 'Cast';
    node.input = [node.input[0] ?? ''];
    setInt(node, 'to', onnxType(target));
  }
}
