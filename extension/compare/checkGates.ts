/**
 * The accuracy gates of a plan, checked variant by variant; a failed gate is exit code 3 of the command line.
 *
 * Comes after `comparison.ts`. Gates bind every reduced variant that was built. A gate whose number was not measured fails:
 * what nobody looked at must not pass in silence.
 */
import { decibelsText, percentText, pointsText } from '../contract/quantities';
import { baselineOf, isBaseline, lowestSqnr, taskMetricName } from '../contract/reportQueries';
import type { Plan } from '../contract/plan';
import type { Accuracy, Variant } from '../contract/report';

export type Gate = keyof Plan['gates'];

export interface GateResult {
  readonly variant: string;
  readonly gate: Gate;
  readonly limit: number;
  /** What was measured; null when nothing was, or when the outputs are identical (no finite SQNR). */
  readonly value: number | null;
  readonly passed: boolean;
  /** A clause with the numbers. */
  readonly finding: string;
  /** The finding with the variant's name before it. */
  readonly message: string;
}

type Finding = Pick<GateResult, 'value' | 'passed' | 'finding'>;

const unmeasured = (what: string): Finding => ({ value: null, passed: false, finding: `${what} was not measured` });

/** Floating-point slack, so that a drop of exactly the limit passes. */
const slack = 1e-12;

function top1Finding(accuracy: Accuracy | null, baseline: Accuracy | null, metric: string, limit: number): Finding {
  const own = accuracy?.task?.top1 ?? null;
  const reference = baseline?.task?.top1 ?? null;
  if (own === null || reference === null) return unmeasured(`${metric} (labels are needed)`);
  const drop = reference - own;
  const change = drop > 0 ? `${metric} drops by ${pointsText(drop)}` : `${metric} does not drop`;
  return { value: drop, passed: drop <= limit + slack, finding: `${change}; at most ${pointsText(limit)} allowed` };
}

function sqnrFinding(accuracy: Accuracy | null, limit: number): Finding {
  if (accuracy === null || accuracy.outputs.length === 0) return unmeasured('SQNR');
  const { output, sqnrDb, identical, blind } = lowestSqnr(accuracy);
  if (identical) return { value: null, passed: true, finding: 'outputs are identical to FP32' };
  if (blind !== null || sqnrDb === null) return unmeasured(`SQNR of output "${blind ?? ''}"`);
  const finding = `SQNR of output "${output ?? ''}" is ${decibelsText(sqnrDb)}; at least ${decibelsText(limit)} needed`;
  return { value: sqnrDb, passed: sqnrDb >= limit, finding };
}

function agreementFinding(accuracy: Accuracy | null, limit: number): Finding {
  const agreement = accuracy?.task?.agreement ?? null;
  if (agreement === null) return unmeasured('agreement with FP32');
  const finding = `agreement with FP32 is ${percentText(agreement)}; at least ${percentText(limit)} needed`;
  return { value: agreement, passed: agreement >= limit - slack, finding };
}

/**
 * @param variants all variants of a report
 * @param gates of the plan; null gates are not checked
 * @returns one result for each gate and each reduced variant with status `ok`, in the order of the variants
 */
export function checkGates(variants: readonly Variant[], gates: Plan['gates']): GateResult[] {
  const baseline = baselineOf(variants)?.accuracy ?? null;
  const metric = taskMetricName(variants);
  const checks: [Gate, (accuracy: Accuracy | null, limit: number) => Finding][] = [
    ['maxTop1Drop', (accuracy, limit) => top1Finding(accuracy, baseline, metric, limit)],
    ['minSqnrDb', sqnrFinding],
    ['minAgreement', agreementFinding],
  ];
  return variants
    .filter((variant) => !isBaseline(variant) && variant.status === 'ok')
    .flatMap(({ name, accuracy }) =>
      checks.flatMap(([gate, check]): GateResult[] => {
        const limit = gates[gate];
        if (limit === null) return [];
        const finding = check(accuracy, limit);
        return [{ variant: name, gate, limit, ...finding, message: `${name}: ${finding.finding}.` }];
      }),
    );
}
