/**
 * What a precision would do to each node of the prepared model, by the same rules that write the variant.
 *
 * Used by `inspect`, usually before any data was seen: ranges then play no part, and neither do scales.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import type { Precision } from '../contract/plan';
import type { Decision } from '../contract/report';
import { flatGraph } from '../model/flatGraph';
import { describeNode } from '../model/graphIndex';
import type { Model } from '../model/model';
import { quantizedTypeOf, restOf, type PlanChoices } from './applyPlan';
import { decidePrecisions, type PrecisionDecisions } from './decidePrecisions';
import { defaultBlock, placeInt4 } from './int4/placeInt4';
import { placeQuantization } from './placeQuantization';

export interface ExplainOptions {
  readonly plan?: Pick<PlanChoices, 'keep'>;
  readonly ranges?: TensorRanges | null;
}

/** One entry per node, in graph order, those of a body before the node that carries it. Nodes that touch no float have precision `none`. */
export function explainPlan(prepared: Model, precision: Precision, options: ExplainOptions = {}): Decision[] {
  const { node: nodes } = flatGraph(prepared.proto.graph);
  if (precision === 'fp32') {
    return nodes.map((node) => decision(node, 'fp32', 'the baseline'));
  }
  const keep = options.plan?.keep ?? [];
  const ranges = options.ranges ?? null;
  const rest = restOf(precision);
  const decided = decidePrecisions(prepared, { low: rest === 'bf16' ? 'bf16' : 'fp16', keep, ranges });
  const layers = quantizedLayers(prepared, precision, decided, { keep, ranges });
  return nodes.map((node) => {
    const own = decided.nodes.get(node);
    if (own === undefined) return decision(node, 'none', 'computes on integers or booleans only');
    if (own.reason !== null) return decision(node, own.dtype, own.reason);
    const layer = layers.get(node);
    return layer === undefined ? decision(node, own.dtype, `safe in ${own.dtype}`) : decision(node, ...layer);
  });
}

/** Precision and reason of the nodes that could read 8 bits or weights of 4; empty for precisions without. */
function quantizedLayers(
  prepared: Model,
  precision: Precision,
  decided: PrecisionDecisions,
  { keep, ranges }: { keep: PlanChoices['keep']; ranges: TensorRanges | null },
): Map<object, [string, string]> {
  const dtype = quantizedTypeOf(precision);
  const layers = new Map<object, [string, string]>();
  if (precision === 'int4') {
    const placement = placeInt4(prepared, decided, { keep, block: defaultBlock });
    for (const { node, block } of placement.weights)
      layers.set(node, [precision, `reads weights of 4 bits in blocks of ${block}`]);
    for (const [node, reason] of placement.exclusions) layers.set(node, [restOf(precision), reason]);
    return layers;
  }
  if (dtype === null) return layers;
  const placement = placeQuantization(prepared, decided, { dtype, keep, ranges });
  for (const { node } of placement.edges) layers.set(node, [precision, 'reads its input in 8 bits']);
  for (const { node } of placement.weights) layers.set(node, [precision, 'reads input and weights in 8 bits']);
  for (const [node, reason] of placement.exclusions) layers.set(node, [restOf(precision), reason]);
  return layers;
}

function decision(node: Parameters<typeof describeNode>[0], precision: string, reason: string): Decision {
  return { node: describeNode(node), opType: node.opType ?? '', precision, reason };
}
