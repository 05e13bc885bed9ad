/**
 * Nodes whose rounding shows out of proportion: what computes positions and values that are then rounded to integers, and the
 * scores before a softmax. Read by `decidePrecisions.ts`.
 */
import { getInt } from '../model/attributes';
import { dtypeOrNull } from '../model/dtype';
import { bodyLinks } from '../model/flatGraph';
import type { GraphIndex } from '../model/graphIndex';
import type { NodeProto } from '../model/onnx.generated';
import * as rules from './precisionRules';

/** What computes values that must be exact (positions, values before rounding), back to the layer that predicts them. */
export function positionNodes(nodes: readonly NodeProto[], index: GraphIndex): Set<NodeProto> {
  const starts = nodes.flatMap((node) =>
    (rules.positionInputs[node.opType ?? ''] ?? []).map((position) => node.input[position]),
  );
  for (const node of nodes) if (node.opType === 'Cast' && castsToInteger(node)) starts.push(node.input[0]);
  return producersOf(
    starts,
    index,
    (node) => positionArithmetic.has(node.opType ?? '') || rules.copyOperators.has(node.opType ?? ''),
    bodyLinks(nodes),
  );
}

const positionArithmetic = new Set(
  'Add Sub Mul Div Exp Clip Min Max Abs ReduceMax ReduceMin Round Floor Ceil Sigmoid Tanh Pow Cast Where Neg Sum Softmax'.split(
    ' ',
  ),
);

function castsToInteger(node: NodeProto): boolean {
  const target = dtypeOrNull(getInt(node, 'to', 0));
  return target !== null && target !== 'bool' && !target.startsWith('fp') && target !== 'bf16';
}

/** Every softmax and the nodes that compute its scores, back to and with the matrix product. */
export function scoreNodes(nodes: readonly NodeProto[], index: GraphIndex): Set<NodeProto> {
  const softmaxes = nodes.filter((node) => node.opType === 'Softmax' || node.opType === 'LogSoftmax');
  const found = producersOf(
    softmaxes.map((node) => node.input[0]),
    index,
    (node) => scoreArithmetic.has(node.opType ?? '') || rules.copyOperators.has(node.opType ?? ''),
  );
  for (const node of [...found, ...softmaxes]) {
    found.add(node);
    for (const name of node.input) {
      const producer = index.producer(name);
      if (producer?.opType === 'MatMul' || producer?.opType === 'Gemm') found.add(producer);
    }
  }
  return found;
}

const scoreArithmetic = new Set(['Add', 'Sub', 'Mul', 'Div', 'Where']);

/** The nodes before some tensors, as far back as a test holds; through the interfaces of bodies where `links` lead. */
function producersOf(
  names: readonly (string | undefined)[],
  index: GraphIndex,
  belongs: (node: NodeProto) => boolean,
  links: ReadonlyMap<string, readonly string[]> = new Map(),
): Set<NodeProto> {
  const found = new Set<NodeProto>();
  const passed = new Set<string>();
  const pending = [...names];
  while (pending.length > 0) {
    const name = pending.pop();
    if (name === undefined || name === '') continue;
    if (!passed.has(name)) {
      passed.add(name);
      pending.push(...(links.get(name) ?? []));
    }
    const node = index.producer(name);
    if (node === undefined || found.has(node) || !belongs(node)) continue;
    found.add(node);
    pending.push(...node.input);
  }
  return found;
}
