/**
 * What a reader must know before trusting the numbers of a report, each as one sentence.
 *
 * Part of `verdict.ts`. A warning names what is wrong, how wrong, and what would mend it.
 */
import {
  listText,
  countText,
  decibelsText,
  intervalText,
  millisecondsText,
  percentText,
  pluralText,
} from '../contract/quantities';
import { baselineOf, isBaseline, isGpuLatency, lowestSqnr, taskMetricName } from '../contract/reportQueries';
import type { ModelCard, Variant } from '../contract/report';
import { newNonFinite } from './judgeAccuracy';

export interface WarningInput {
  readonly variants: readonly Variant[];
  /** False when the data is random or missing. */
  readonly representative: boolean;
  readonly model?: Pick<ModelCard, 'nodes' | 'outputs'>;
  /** Samples used both for calibration and evaluation; 0 when the sets are disjoint. */
  readonly sharedSamples?: number;
  /** Evaluation samples that could not be read. */
  readonly skippedSamples?: number;
  /** What earlier stages had to say; comes first. */
  readonly warnings?: readonly string[];
}

/** Half an interval wider than this (three points) hides the differences between precisions. */
const wideHalfInterval = 0.03;
/** More nodes than this share kept in FP32 make a reduced precision a name only. */
const manyKeptShare = 0.3;
/** trtexec's own limit for a trustworthy measurement. */
const unsteadyCov = 0.025;
/** FP32 against itself, fused or ordered differently, stays far above this; a changed graph falls below. */
const roundingSqnrDb = 60;
/** fp32 below this share of right answers is suspicious in any task people deploy. */
const poorBaseline = 0.5;

const upper = (variant: Variant): string => variant.name.toUpperCase();

function dataWarnings({ representative, sharedSamples = 0, skippedSamples = 0 }: WarningInput): string[] {
  const warnings: string[] = [];
  if (!representative) {
    warnings.push(
      'The inputs are random or missing, so accuracy and calibration say little about real use. Run again with --data FOLDER.',
    );
  }
  if (sharedSamples > 0) {
    warnings.push(
      `${pluralText(sharedSamples, 'sample')} served both calibration and evaluation, which flatters the calibrated variants. Give --eval-data, or more data.`,
    );
  }
  if (skippedSamples > 0) {
    warnings.push(
      `${pluralText(skippedSamples, 'evaluation sample')} could not be read and ${skippedSamples === 1 ? 'was' : 'were'} left out.`,
    );
  }
  return warnings;
}

/** Number of classes, where the model declares it on the last axis of its first output. */
function classCount(model: WarningInput['model']): number | null {
  const last = model?.outputs[0]?.shape?.at(-1);
  return typeof last === 'number' && last >= 2 ? last : null;
}

function baselineWarnings({ variants, model }: WarningInput): string[] {
  const baseline = baselineOf(variants);
  const accuracy = baseline?.accuracy ?? null;
  if (accuracy === null) return [];
  const warnings: string[] = [];
  const metric = taskMetricName(variants);
  for (const { name, nonFinite } of accuracy.outputs) {
    if (nonFinite > 0) {
      warnings.push(`FP32 itself gives ${pluralText(nonFinite, 'NaN or infinite element')} in output "${name}".`);
    }
  }
  const { sqnrDb } = lowestSqnr(accuracy);
  if (sqnrDb !== null && sqnrDb < roundingSqnrDb) {
    warnings.push(
      `The FP32 variant differs from the model itself by more than rounding (SQNR ${decibelsText(sqnrDb)}). Unless it draws random numbers, rewriting the graph changed its meaning: report this as a defect.`,
    );
  }
  const { task } = accuracy;
  const top1 = task?.top1 ?? null;
  if (task === null || top1 === null) return warnings;
  const classes = task.kind === 'classification' ? classCount(model) : null;
  const atChance = classes !== null && (task.top1Low ?? 0) <= 1 / classes;
  if (atChance || top1 < poorBaseline) {
    const measured = `FP32 itself has ${metric} ${percentText(top1)}${atChance ? ', no better than chance' : ''}`;
    warnings.push(
      `${measured}. If the model is known to be better, the preprocessing (--preprocess) or the order of the labels does not match it, and no precision can be judged.`,
    );
  }
  const low = task.top1Low ?? 0;
  const high = task.top1High ?? 1;
  if ((high - low) / 2 > wideHalfInterval) {
    warnings.push(
      `Only ${pluralText(task.labelled, 'labelled sample')}: the 95% interval of FP32's ${metric} is ${intervalText(low, high)}. Small differences cannot be seen; evaluate on more data.`,
    );
  }
  return warnings;
}

function accuracyWarnings(variant: Variant, baseline: Variant | null): string[] {
  const { accuracy } = variant;
  if (accuracy === null) return [];
  const warnings: string[] = [];
  const name = upper(variant);
  const broken = newNonFinite(accuracy, baseline?.accuracy ?? null);
  if (broken !== null && variant !== baseline) {
    warnings.push(
      `${name}: output "${broken.output}" holds ${pluralText(broken.count, 'NaN or infinite element')} that FP32 does not have, the sign of an overflow. Keep the layers with the largest ranges in FP32 (--keep).`,
    );
  }
  const uncompared = accuracy.outputs.filter(({ maxAbs }) => maxAbs === null).map((output) => `"${output.name}"`);
  if (uncompared.length > 0 && accuracy.samples > 0) {
    warnings.push(`${name}: ${uncompared.join(', ')} could not be compared element by element (size or type differs).`);
  }
  return warnings;
}

/** Below this the error is larger than a third of the signal, whatever the inputs. */
const poorSqnrDb = 10;

/** Random inputs say little about accuracy, but a graph that is wrong on them is wrong. */
function randomInputWarnings({ representative, variants }: WarningInput): string[] {
  if (representative) return [];
  return variants.flatMap((variant) => {
    const { output, sqnrDb } = lowestSqnr(variant.accuracy);
    if (isBaseline(variant) || sqnrDb === null || sqnrDb >= poorSqnrDb) return [];
    return [
      `${upper(variant)}: even on random inputs the SQNR of output "${output ?? ''}" is only ${decibelsText(sqnrDb)}. Check it on real data before you use it.`,
    ];
  });
}

function graphWarnings(variant: Variant, nodes: number): string[] {
  const warnings: string[] = [];
  const name = upper(variant);
  const unfit = variant.calibration?.unfit ?? [];
  if (unfit.length > 0) {
    const tensors = unfit
      .slice(0, 3)
      .map(({ tensor }) => `"${tensor}"`)
      .join(', ');
    const more = unfit.length > 3 ? ` and ${unfit.length - 3} more` : '';
    warnings.push(
      `${name}: calibration does not fit ${pluralText(unfit.length, 'tensor')} (${tensors}${more}); see the details.`,
    );
  }
  const kept = new Set(variant.decisions.filter(({ precision }) => precision === 'fp32').map(({ node }) => node)).size;
  if (nodes > 0 && kept / nodes > manyKeptShare) {
    warnings.push(
      `${name}: ${countText(kept)} of ${countText(nodes)} nodes stayed in FP32, so little speed can be expected.`,
    );
  }
  const realised = variant.build?.realised;
  const wanted = variant.name === 'tf32' ? variant.name : variant.precision;
  if (realised && (realised[wanted]?.layers ?? 0) === 0) {
    warnings.push(
      `${name}: no layer of the built engine runs in ${wanted.toUpperCase()}. It is a slower precision under another name.`,
    );
  } else if (realised && variant.build?.typing === 'weak' && realised['fp32'] !== undefined) {
    const { layers, time } = realised['fp32'];
    const ofTime = time === null ? '' : ` (${percentText(time, 0)} of the time)`;
    warnings.push(`${name}: TensorRT's optimizer left ${percentText(layers, 0)} of the layers${ofTime} in FP32.`);
  }
  return warnings;
}

function latencyWarnings(variant: Variant): string[] {
  const { latency } = variant;
  if (!isGpuLatency(latency) || latency.cov <= unsteadyCov) return [];
  return [
    `${upper(variant)}: latency is unsteady (coefficient of variation ${percentText(latency.cov, 1)}, median ${millisecondsText(latency.medianMs)}). Lock the GPU's clocks and measure again.`,
  ];
}

function failureWarnings(variant: Variant): string[] {
  if (variant.status === 'ok') return [];
  const reason = variant.error === null ? '' : `: ${variant.error.reason}`;
  return [`${upper(variant)} ${variant.status === 'failed' ? 'failed' : 'was skipped'}${reason}`];
}

/** One sentence for all of them: it says how to read the numbers, not that something is wrong with a variant. */
function simulationWarnings(variants: readonly Variant[]): string[] {
  const names = variants.filter(({ accuracy }) => accuracy?.simulated === true).map(upper);
  if (names.length === 0) return [];
  const were = names.length === 1 ? 'was' : 'were';
  return [
    `${listText(names)} ${were} simulated: the CPU does not compute in 16 bits, so rounding casts around FP32 compute stood in for it.`,
  ];
}

/** All warnings: those of earlier stages, those on the data, then variant by variant, and how to read the accuracy. */
export function verdictWarnings(input: WarningInput): string[] {
  const baseline = baselineOf(input.variants);
  return [
    ...(input.warnings ?? []),
    ...dataWarnings(input),
    ...randomInputWarnings(input),
    ...baselineWarnings(input),
    ...input.variants.flatMap((variant) => [
      ...failureWarnings(variant),
      ...accuracyWarnings(variant, baseline),
      ...(isBaseline(variant) ? [] : graphWarnings(variant, input.model?.nodes ?? 0)),
      ...latencyWarnings(variant),
    ]),
    ...simulationWarnings(input.variants),
  ];
}
