/**
 * Which tensors calibration has to find a scale for: those that a Q/DQ pair of the variant will read.
 *
 * Called between the two calibration passes, with the ranges of the first; `applyPlan.ts` later places the pairs by the same
 * rules on the same model.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import type { Precision } from '../contract/plan';
import type { Model } from '../model/model';
import { quantizedTypeOf, type PlanChoices } from './applyPlan';
import { decidePrecisions } from './decidePrecisions';
import { placeQuantization } from './placeQuantization';

export interface ScaleTargetsRequest {
  readonly precision: Precision;
  readonly plan: PlanChoices;
  readonly ranges: TensorRanges | null;
}

/** Tensor names without repetition, in graph order; empty for precisions without scales. */
export function scaleTargets(prepared: Model, { precision, plan, ranges }: ScaleTargetsRequest): string[] {
  const dtype = quantizedTypeOf(precision);
  if (dtype === null) return [];
  const keep = plan.keep;
  const decisions = decidePrecisions(prepared, { low: 'fp16', keep, ranges });
  const { scaleSources } = placeQuantization(prepared, decisions, { dtype, keep, ranges });
  const targets = new Set([...scaleSources.values()].flat());
  for (const [name, bound] of Object.entries(plan.bindings)) {
    if (bound === 'int8' && decisions.types.get(name) === 'fp32') targets.add(name);
  }
  return [...targets];
}
