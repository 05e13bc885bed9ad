/**
 * Did a variant keep the accuracy of fp32? One word and the sentence that proves it.
 *
 * Comes after `comparison.ts` and `checkGates.ts`; `verdict.ts` chooses among the variants that kept it. The best evidence there
 * is decides alone:
 *
 * 1. New NaN or infinity, or a failed gate: lost.
 * 2. With labels: the loss of the task metric against the tolerance. A loss beyond it that the exact McNemar test confirms
 *    (p < 0.05) is lost; one it cannot confirm is unclear, for few samples prove nothing either way.
 * 3. Without labels: every changed answer could be a wrong one, so the share of changed answers bounds the loss. Within the
 *    tolerance is kept, beyond it is unclear.
 * 4. Without a task: SQNR of the worst output against a floor.
 */
import {
  countText,
  decibelsText,
  intervalText,
  percentText,
  pointsText,
  probabilityText,
  pluralText,
} from '../contract/quantities';
import { lowestSqnr } from '../contract/reportQueries';
import type { Plan } from '../contract/plan';
import type { Accuracy, TaskAccuracy, Variant } from '../contract/report';
import { checkGates } from './checkGates';
import { pairedLossInterval } from './statistics';

/** A loss of the task metric up to this is tolerated where the plan has no gate: one point. */
const defaultLossTolerance = 0.01;
/** 30 dB: the error's effective value is 3 % of the signal's. For outputs that no task metric vouches for. */
const defaultSqnrFloorDb = 30;
const significance = 0.05;

export interface Judgment {
  readonly outcome: 'kept' | 'lost' | 'unclear' | 'unmeasured';
  /** A clause with the numbers, to follow the variant's name and a colon. */
  readonly evidence: string;
}

function judgeLabelled(task: TaskAccuracy, metric: string, tolerance: number): Judgment {
  const lost = task.lost ?? 0;
  const gained = task.gained ?? 0;
  const loss = (lost - gained) / task.labelled;
  const interval = pairedLossInterval(lost, gained, task.labelled);
  const bounds = `95% interval of the change ${signedPoints(-(interval?.high ?? 0))} to ${signedPoints(-(interval?.low ?? 0))} points`;
  const p = probabilityText(task.mcnemarP);
  const change = loss === 0 ? `is unchanged at ${percentText(task.top1)}` : changeText(loss, task);
  const evidence = `${metric} ${change} on ${pluralText(task.labelled, 'labelled sample')} (${bounds}; McNemar ${p})`;
  if (loss <= tolerance + 1e-12) return { outcome: 'kept', evidence };
  return (task.mcnemarP ?? 1) < significance
    ? { outcome: 'lost', evidence }
    : { outcome: 'unclear', evidence: `${evidence}, which these samples cannot tell from chance` };
}

/**
 * Answers are counted as lost and gained against the model that the user gave, on the runtime that is the reference; the variant
 * fp32, perhaps an engine, may have a metric of its own.
 */
function changeText(loss: number, { top1 }: TaskAccuracy): string {
  const values = `from ${percentText(top1 === null ? null : top1 + loss)} to ${percentText(top1)}`;
  return `${loss > 0 ? 'falls' : 'rises'} by ${pointsText(loss)} ${values}`;
}

function signedPoints(share: number): string {
  const points = 100 * share;
  return `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(2)}`;
}

function judgeAgreement(task: TaskAccuracy, samples: number, tolerance: number): Judgment {
  const changed = 1 - (task.agreement ?? 0);
  const bounds = intervalText(task.agreementLow, task.agreementHigh);
  const evidence = `${percentText(task.agreement)} of ${countText(samples)} answers equal those of FP32 (95% interval ${bounds}); there are no labels to say which are right`;
  return { outcome: changed <= tolerance + 1e-12 ? 'kept' : 'unclear', evidence };
}

function judgeSqnr(accuracy: Accuracy, floorDb: number): Judgment {
  const { output, sqnrDb, identical, blind } = lowestSqnr(accuracy);
  if (identical) return { outcome: 'kept', evidence: 'all outputs are identical to those of FP32' };
  if (blind !== null || sqnrDb === null || output === null) {
    const evidence = `output "${blind ?? ''}" could not be compared with that of FP32 element by element`;
    return { outcome: 'unclear', evidence };
  }
  const evidence = `the lowest SQNR of an output is ${decibelsText(sqnrDb)} ("${output}"); no task metric is known for these outputs`;
  return sqnrDb >= floorDb
    ? { outcome: 'kept', evidence }
    : { outcome: 'unclear', evidence: `${evidence}, and ${decibelsText(floorDb)} would be needed to trust it blindly` };
}

/** NaN and infinite elements beyond those that fp32 has too. */
export function newNonFinite(accuracy: Accuracy, baseline: Accuracy | null): { output: string; count: number } | null {
  for (const { name, nonFinite } of accuracy.outputs) {
    const known = baseline?.outputs.find((output) => output.name === name)?.nonFinite ?? 0;
    if (nonFinite > known) return { output: name, count: nonFinite - known };
  }
  return null;
}

/**
 * @param variant a reduced variant with status `ok`
 * @param baseline the fp32 variant
 * @param metric what the task's first answer is called
 */
export function judgeAccuracy(variant: Variant, baseline: Variant, gates: Plan['gates'], metric: string): Judgment {
  const { accuracy } = variant;
  if (accuracy === null) return { outcome: 'unmeasured', evidence: 'its accuracy was not measured' };
  const broken = newNonFinite(accuracy, baseline.accuracy);
  if (broken !== null) {
    const evidence = `output "${broken.output}" holds ${pluralText(broken.count, 'NaN or infinite element')} that FP32 does not have`;
    return { outcome: 'lost', evidence };
  }
  const failed = checkGates([baseline, variant], gates).filter(({ passed }) => !passed);
  if (failed.length > 0) return { outcome: 'lost', evidence: failed.map(({ finding }) => finding).join('; ') };
  const tolerance = gates.maxTop1Drop ?? defaultLossTolerance;
  const { task } = accuracy;
  if (task !== null && task.labelled > 0) return judgeLabelled(task, metric, tolerance);
  if (task !== null && task.agreement !== null)
    return judgeAgreement(task, accuracy.samples, agreementTolerance(gates));
  return judgeSqnr(accuracy, gates.minSqnrDb ?? defaultSqnrFloorDb);
}

/** A plan that names the agreement it wants gets it; a passed gate is then the user's own tolerance. */
function agreementTolerance(gates: Plan['gates']): number {
  return gates.minAgreement === null ? defaultLossTolerance : 1 - gates.minAgreement;
}
