/**
 * Which variant to deploy, and why, in sentences with numbers.
 *
 * The last step of the compare stage. Rules:
 *
 * 1. Only a variant that kept the accuracy of fp32 (`judgeAccuracy.ts`) can be recommended; on random or missing data
 *    none can.
 * 2. Where fp32 and variants were timed on a GPU, the fastest is recommended. Another one within 2 % of it is preferred when
 *    its precision is higher: INT8 must earn its place over FP16, and FP16 over FP32.
 * 3. Without GPU timing the highest reduced precision that kept accuracy is recommended (FP16 before BF16 before FP8 before
 *    INT8). CPU latency of the embedded runtime never counts: it says nothing about TensorRT.
 */
import type { Plan, VariantName } from '../contract/plan';
import { listText, millisecondsText, ratioText } from '../contract/quantities';
import { baselineOf, isBaseline, isGpuLatency, taskMetricName } from '../contract/reportQueries';
import type { Report, Variant } from '../contract/report';
import { explainSlower } from './explainSlower';
import { judgeAccuracy, type Judgment } from './judgeAccuracy';
import { verdictWarnings, type WarningInput } from './verdictWarnings';

export interface VerdictInput extends WarningInput {
  readonly plan: Pick<Plan, 'gates'>;
}

type Verdict = Report['verdict'];

interface Judged {
  readonly variant: Variant;
  readonly judgment: Judgment;
}

/** From the most to the least faithful; ties in speed go to the earlier one. */
const preference: readonly VariantName[] = [
  'fp32',
  'tf32',
  'fp16',
  'fp16-weak',
  'bf16',
  'fp8',
  'int8',
  'int8-weak',
  'int8-tensorrt',
  'int4',
];
/** A speed-up below this is not worth a lower precision (ALGORITHMS §6). */
const worthwhileSpeedup = 1.02;

const upper = (variant: Variant): string => variant.name.toUpperCase();
/** A variant of another name stands with its precision. */
const rank = ({ name, precision }: Variant): number => {
  const own = preference.findIndex((known) => known === name);
  return own < 0 ? preference.indexOf(precision) : own;
};

function gpuMedian(variant: Variant, device: string): number | null {
  const { latency } = variant;
  return isGpuLatency(latency) && latency.device === device ? latency.medianMs : null;
}

/** Rounds that alternated both and found no gain outweigh two medians that differ. */
function isNoFaster({ latency }: Variant): boolean {
  const verdict = latency?.versusBaseline?.verdict ?? null;
  return verdict === 'same' || verdict === 'slower';
}

/** The fastest variant, or a more faithful one that is as fast. */
function fastest(variants: readonly Variant[], device: string): Variant | null {
  const timed = variants.flatMap((variant) => {
    const medianMs = gpuMedian(variant, device);
    return medianMs === null || isNoFaster(variant) ? [] : [{ variant, medianMs }];
  });
  const best = Math.min(...timed.map(({ medianMs }) => medianMs));
  const asFast = timed.filter(({ medianMs }) => medianMs < best * worthwhileSpeedup).map(({ variant }) => variant);
  return asFast.sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

function speedSentence(variant: Variant, baseline: Variant, device: string): string {
  const own = gpuMedian(variant, device);
  const reference = gpuMedian(baseline, device);
  if (own === null || reference === null) return '';
  return `median latency ${millisecondsText(own)} against ${millisecondsText(reference)} of FP32 on ${device} (${ratioText(reference / own)})`;
}

function outcomeSentence({ variant, judgment }: Judged): string {
  const name = upper(variant);
  switch (judgment.outcome) {
    case 'kept':
      return `${name} keeps accuracy: ${judgment.evidence}.`;
    case 'lost':
      return `${name} loses accuracy: ${judgment.evidence}.`;
    case 'unclear':
      return `${name} is not recommended: ${judgment.evidence}.`;
    case 'unmeasured':
      return `${name} is not recommended: ${judgment.evidence}.`;
  }
}

const upperNames = (judged: readonly Judged[]): string => listText(judged.map(({ variant }) => upper(variant)));

interface Choice {
  readonly chosen: Variant;
  readonly reasons: readonly string[];
}

/** GPU latency is known: speed decides among those that kept accuracy. */
function chooseBySpeed(baseline: Variant, kept: readonly Judged[], device: string): Choice {
  const chosen = fastest([baseline, ...kept.map(({ variant }) => variant)], device) ?? baseline;
  const rivals = kept.filter(({ variant }) => variant !== chosen && gpuMedian(variant, device) !== null);
  const evidence = kept.find(({ variant }) => variant === chosen)?.judgment.evidence ?? '';
  const headline =
    chosen === baseline
      ? `FP32 is recommended: no variant that keeps accuracy is at least 2% faster on ${device}.`
      : `${upper(chosen)} is recommended: ${speedSentence(chosen, baseline, device)}; ${evidence}.`;
  const comparisons = rivals.map(({ variant }) => {
    const own = gpuMedian(variant, device) ?? 0;
    const ratio = own / (gpuMedian(chosen, device) ?? own);
    const relation =
      ratio < worthwhileSpeedup
        ? `is not at least 2% faster than ${upper(chosen)}`
        : `takes ${ratioText(ratio)} the time of ${upper(chosen)}`;
    return `${upper(variant)} keeps accuracy too but ${relation} (${millisecondsText(own)}).`;
  });
  return { chosen, reasons: [headline, ...comparisons] };
}

/** No GPU latency: the most faithful reduced variant, and what remains to be measured. */
function chooseByFidelity(baseline: Variant, kept: readonly Judged[]): Choice {
  const [first, ...others] = [...kept].sort((a, b) => rank(a.variant) - rank(b.variant));
  if (first === undefined) {
    return {
      chosen: baseline,
      reasons: ['FP32 is recommended: no reduced precision was shown to keep its accuracy.'],
    };
  }
  const name = upper(first.variant);
  const reasons = [
    `${name} is recommended: ${first.judgment.evidence}.`,
    'Speed on a GPU was not measured here. CPU latency says nothing about TensorRT and did not count.',
  ];
  if (others.length > 0) {
    const keep = others.length === 1 ? 'keeps' : 'keep';
    reasons.push(
      `${upperNames(others)} also ${keep} accuracy: worth choosing only if the engine measures at least 2% faster than that of ${name} on your GPU.`,
    );
  }
  return { chosen: first.variant, reasons };
}

function choose({ variants, representative, plan }: VerdictInput): Pick<Verdict, 'recommended' | 'reasons'> {
  const baseline = baselineOf(variants);
  if (baseline === null) {
    return {
      recommended: null,
      reasons: ['No recommendation: the FP32 baseline did not run, so nothing can be compared.'],
    };
  }
  const reduced = variants.filter((variant) => !isBaseline(variant) && variant.status === 'ok');
  if (reduced.length === 0) {
    if (baseline.status !== 'ok') return { recommended: null, reasons: ['No recommendation: no variant was built.'] };
    return { recommended: baseline.name, reasons: ['FP32 is the only variant that was built.'] };
  }
  if (!representative) {
    const reasons = ['No recommendation: without your data nobody can say what a precision costs in accuracy.'];
    return { recommended: null, reasons };
  }
  const metric = taskMetricName(variants);
  const judged = reduced.map((variant) => ({
    variant,
    judgment: judgeAccuracy(variant, baseline, plan.gates, metric),
  }));
  if (judged.every(({ judgment }) => judgment.outcome === 'unmeasured')) {
    return { recommended: null, reasons: ['No recommendation: accuracy was not measured. Give evaluation data.'] };
  }
  const kept = judged.filter(({ judgment }) => judgment.outcome === 'kept');
  const device = isGpuLatency(baseline.latency) ? baseline.latency.device : null;
  const timed = device !== null && reduced.some((variant) => gpuMedian(variant, device) !== null);
  const { chosen, reasons } = timed ? chooseBySpeed(baseline, kept, device) : chooseByFidelity(baseline, kept);
  // The chosen one's evidence stands in the first sentence.
  const others = judged.filter(({ variant }) => variant !== chosen);
  const explained = timed ? explainSlower(reduced, device) : [];
  return { recommended: chosen.name, reasons: [...reasons, ...explained, ...others.map(outcomeSentence)] };
}

/** The verdict of a report: the recommended variant's name or null, the reasons, the warnings. */
export function decideVerdict(input: VerdictInput): Verdict {
  return { ...choose(input), warnings: [...new Set(verdictWarnings(input))] };
}
