/**
 * Says so where a model draws random numbers: two runs of it differ, and every comparison with them.
 *
 * Speech synthesis draws noise for its decoder; Dropout left in training mode draws masks. With a `seed`, a run repeats. Shown by
 * `inspect` and `convert`.
 */
import { hasAttribute } from '../model/attributes';
import { describeNode, walkGraphs } from '../model/graphIndex';
import { normalDomain, type Model } from '../model/model';
import type { NodeProto } from '../model/onnx.generated';
import { Constants } from './constants';

const drawing: ReadonlySet<string> = new Set(
  'RandomNormal RandomNormalLike RandomUniform RandomUniformLike Multinomial Bernoulli'.split(' '),
);

/** @returns a warning, or nothing */
export function randomOperators(model: Model): string[] {
  for (const graph of walkGraphs(model.proto.graph)) {
    const constants = new Constants(graph, model);
    const node = graph.node.find((candidate) => draws(candidate, constants));
    if (node === undefined) continue;
    return [
      `The model draws random numbers (${node.opType} in node "${describeNode(node)}"). Two runs of it differ, so all differences from FP32 ` +
        'hold that of two draws, too. Give the node a seed, or data that turn the noise off, to compare precisions.',
    ];
  }
  return [];
}

function draws(node: NodeProto, constants: Constants): boolean {
  if (normalDomain(node.domain) !== '' || hasAttribute(node, 'seed')) return false;
  if (drawing.has(node.opType ?? '')) return true;
  // Since opset 12, Dropout is told by its third input; without it, it passes its input on.
  const training = node.opType === 'Dropout' ? constants.tensor(node.input[2] ?? '') : undefined;
  return training !== undefined && Number(training.data[0]) !== 0;
}
