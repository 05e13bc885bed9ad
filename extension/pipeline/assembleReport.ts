/** The last step of a run: what the stages left in the drafts becomes the report. Pure. */
import { decideVerdict } from '../compare/verdict';
import type { ErrorData } from '../contract/errors';
import type { Plan } from '../contract/plan';
import type {
  Accuracy,
  Artifact,
  CalibrationSummary,
  Host,
  Latency,
  ModelCard,
  Report,
  Variant,
} from '../contract/report';
import type { PerVariant, StageMethods } from '../contract/stageMethods';
import { toolVersion } from '../version';
import { warningsOf, type VariantDraft } from './variantDraft';

export interface Measurements {
  readonly accuracy: PerVariant<Accuracy> & { readonly skipped: number };
  readonly latency: PerVariant<Latency>;
}

export interface ReportParts extends Measurements {
  readonly command: string;
  readonly plan: Plan;
  readonly card: ModelCard;
  readonly host: Host;
  readonly data: StageMethods['selectData']['result'];
  readonly drafts: readonly VariantDraft[];
  /** Our own calibration table, which the variants with a built-in calibrator share; null where none was needed. */
  readonly table: Artifact | null;
  readonly summary: CalibrationSummary | null;
  /** Of the run as a whole. */
  readonly warnings: readonly string[];
}

export function assembleReport(parts: ReportParts): Report {
  const { plan, card, data, drafts, accuracy } = parts;
  const variants = drafts.map((draft) => assembleVariant(draft, parts));
  const untimed = drafts.flatMap((draft) => {
    const error = parts.latency.errors[draft.recipe.name];
    return error !== undefined && isTimedOnCpu(draft, parts)
      ? [`${draft.recipe.name}: no CPU latency: ${error.reason}`]
      : [];
  });
  return {
    schemaVersion: 1,
    tool: { name: 'precision-bench', version: toolVersion },
    createdAt: new Date().toISOString(),
    command: parts.command,
    model: card,
    plan,
    host: parts.host,
    data: {
      calibration: data.calibration.card,
      evaluation: { ...data.evaluation.card, labelled: data.evaluation.labelled, skipped: accuracy.skipped },
      representative: data.representative,
      split: data.split,
    },
    variants,
    verdict: decideVerdict({
      variants,
      plan,
      model: card,
      representative: data.representative,
      skippedSamples: accuracy.skipped,
      warnings: [...new Set([...parts.warnings, ...untimed, ...warningsOf(drafts)])],
    }),
  };
}

function assembleVariant(draft: VariantDraft, parts: ReportParts): Variant {
  const { recipe, artifacts, decisions } = draft;
  const { name, precision } = recipe;
  const { table, accuracy, latency } = parts;
  const usesTable = recipe.calibrator === 'builtin';
  const measured = latency.results[name] ?? null;
  const baseline = parts.drafts.find((other) => other.recipe.name === 'fp32');
  return {
    name,
    precision,
    ...statusOf(draft, parts),
    artifacts: usesTable && table !== null ? [...artifacts, table] : artifacts,
    calibration: usesTable ? parts.summary : draft.calibration,
    decisions,
    build: draft.builds[0] ?? null,
    latency: measured,
    accuracy: accuracy.results[name] ?? null,
    speedup: ratio(latency.results['fp32']?.medianMs, measured?.medianMs),
    sizeRatio: ratio(draft.bytes, baseline?.bytes),
  };
}

/** The codes of what the hardware cannot do or the user gave no time for, which is no failure of the run. */
const beyondReach: readonly string[] = ['PRECISION_UNSUPPORTED', 'TIME_BUDGET'];

function statusOf(draft: VariantDraft, parts: ReportParts): Pick<Variant, 'status' | 'error'> {
  const { name } = draft.recipe;
  const engineError = draft.builds.length === 0 ? (draft.refusals[0]?.error ?? null) : null;
  const untimed = isTimedOnCpu(draft, parts) ? undefined : parts.latency.errors[name];
  const error: ErrorData | null = draft.error ?? parts.accuracy.errors[name] ?? untimed ?? engineError;
  if (error === null) return { status: 'ok', error };
  return { status: error === engineError && beyondReach.includes(error.code) ? 'skipped' : 'failed', error };
}

/** Latency of the CPU runtime is a side note: a crash in its fusions says nothing against the graph or its engine. */
function isTimedOnCpu({ runnable, recipe }: VariantDraft, { accuracy }: Measurements): boolean {
  return runnable?.engine === undefined && accuracy.results[recipe.name] !== undefined;
}

function ratio(numerator: number | null | undefined, denominator: number | null | undefined): number | null {
  return numerator == null || denominator == null || denominator === 0 ? null : numerator / denominator;
}
