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
import type { Plan, Precision } from '../contract/plan';
import { millisecondsText, ratioText } from '../contract/quantities';
import { baselineOf, isGpuLatency, taskMetricName } from '../contract/reportQueries';
import type { Report, Variant } from '../contract/report';
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
const preference: readonly Precision[] = ['fp32', 'fp16', 'bf16', 'fp8', 'int8'];
/** A speed-up below this is not worth a lower precision (ALGORITHMS §6). */
const worthwhileSpeedup = 1.02;

const upper = (variant: Variant): string => variant.name.toUpperCase();
const rank = (variant: Variant): number => preference.indexOf(variant.precision);

function gpuMedian(variant: Variant, device: string): number | null {
  const { latency } = variant;
  return isGpuLatency(latency) && latency.device === device ? latency.medianMs : null;
}

/** The fastest variant, or a more faithful one that is as fast. */
function fastest(variants: readonly Variant[], device: string): Variant | null {
  const timed = variants.flatMap((variant) => {
    const medianMs = gpuMedian(variant, device);
    return medianMs === null ? [] : [{ variant, medianMs }];
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

const names = (judged: readonly Judged[]): string => judged.map(({ variant }) => upper(variant)).join(', ');

/** GPU latency is known: speed decides among those that kept accuracy. */
function chooseBySpeed(baseline: Variant, kept: readonly Judged[], device: string): Omit<Verdict, 'warnings'> {
  const winner = fastest([baseline, ...kept.map(({ variant }) => variant)], device) ?? baseline;
  const rivals = kept.filter(({ variant }) => variant !== winner && gpuMedian(variant, device) !== null);
  const headline =
    winner === baseline
      ? `FP32 is recommended: no variant that keeps accuracy is at least 2% faster on ${device}.`
      : `${upper(winner)} is recommended: ${speedSentence(winner, baseline, device)}, accuracy kept.`;
  const comparisons = rivals.map(({ variant }) => {
    const own = gpuMedian(variant, device) ?? 0;
    const ratio = own / (gpuMedian(winner, device) ?? own);
    const relation =
      ratio < worthwhileSpeedup ? 'is no more than 2% faster than it' : `takes ${ratioText(ratio)} its time`;
    return `${upper(variant)} keeps accuracy too but ${relation} (${millisecondsText(own)}).`;
  });
  return { recommended: winner.name, reasons: [headline, ...comparisons] };
}

/** No GPU latency: the most faithful reduced variant, and what remains to be measured. */
function chooseByFidelity(baseline: Variant, kept: readonly Judged[]): Omit<Verdict, 'warnings'> {
  const [first, ...others] = [...kept].sort((a, b) => rank(a.variant) - rank(b.variant));
  if (first === undefined) {
    return {
      recommended: baseline.name,
      reasons: ['FP32 is recommended: no reduced precision was shown to keep its accuracy.'],
    };
  }
  const reasons = [
    `${upper(first.variant)} is recommended: of the variants that keep accuracy it is the closest to FP32.`,
    'Speed on a GPU was not measured here. CPU latency says nothing about TensorRT and did not count.',
  ];
  if (others.length > 0) {
    reasons.push(
      `${names(others)} also ${others.length === 1 ? 'keeps' : 'keep'} accuracy: worth choosing only if the engine measures at least 2% faster than ${upper(first.variant)} on your GPU.`,
    );
  }
  return { recommended: first.variant.name, reasons };
}

function choose({ variants, representative, plan }: VerdictInput): Omit<Verdict, 'warnings'> {
  const baseline = baselineOf(variants);
  if (baseline === null) {
    return {
      recommended: null,
      reasons: ['No recommendation: the FP32 baseline did not run, so nothing can be compared.'],
    };
  }
  const reduced = variants.filter(({ precision, status }) => precision !== 'fp32' && status === 'ok');
  if (reduced.length === 0) {
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
  const { recommended, reasons } = timed ? chooseBySpeed(baseline, kept, device) : chooseByFidelity(baseline, kept);
  return { recommended, reasons: [...reasons, ...judged.map(outcomeSentence)] };
}

/** The verdict of a report: the recommended variant's name or null, the reasons, the warnings. */
export function decideVerdict(input: VerdictInput): Verdict {
  return { ...choose(input), warnings: [...new Set(verdictWarnings(input))] };
}
