/** A variant while it is being made: what `pipeline.ts` fills stage by stage and `assembleReport.ts` reads. */
import { CodedError, type ErrorData } from '../contract/errors';
import type { Artifact, BuildSummary, CalibrationSummary, Decision } from '../contract/report';
import type { VariantFile, VariantRecipe } from '../contract/stageMethods';

export interface VariantDraft {
  readonly recipe: VariantRecipe;
  error: ErrorData | null;
  /** The written graph, in the scratch folder; null until then. */
  onnx: string | null;
  bytes: number | null;
  artifacts: Artifact[];
  decisions: Decision[];
  warnings: string[];
  builds: BuildSummary[];
  /** Architectures that got no engine, and why. */
  refusals: { readonly target: string | null; readonly error: ErrorData }[];
  /** Of TensorRT's own calibrator. */
  calibration: CalibrationSummary | null;
  /** What is timed and what is compared; null until there is a file or engine that shows what the variant is. */
  runnable: VariantFile | null;
  evaluable: VariantFile | null;
}

export function newDraft(recipe: VariantRecipe): VariantDraft {
  return {
    recipe,
    error: null,
    onnx: null,
    bytes: null,
    artifacts: [],
    decisions: [],
    warnings: [],
    builds: [],
    refusals: [],
    calibration: null,
    runnable: null,
    evaluable: null,
  };
}

/** Does only an engine show what the variant is? The processor would run the graph of FP32 under another name. */
export function needsEngine({ name, graph, precision }: VariantRecipe): boolean {
  return name === 'tf32' || graph !== precision;
}

/**
 * Without the FP32 variant there is nothing to compare with: its failure is the run's.
 * @throws CodedError why it was not written
 */
export function requireBaseline(drafts: readonly VariantDraft[]): void {
  const baseline = drafts.find(({ recipe }) => recipe.name === 'fp32');
  if (baseline?.runnable) return;
  throw new CodedError(
    baseline?.error ?? { code: 'INTERNAL', reason: 'No fp32 variant was written.', fix: 'Report this as a defect.' },
  );
}

/**
 * Where TensorRT refuses the FP32 graph itself, keeping nodes in a higher precision cannot help: a variant refused with the same code
 * for the same architecture is advised what FP32 is.
 */
export function adviseLikeBaseline(drafts: readonly VariantDraft[]): void {
  const baseline = drafts.find(({ recipe }) => recipe.name === 'fp32');
  for (const draft of drafts) {
    draft.refusals = draft.refusals.map(({ target, error }) => {
      const same = baseline?.refusals.find((refusal) => refusal.target === target && refusal.error.code === error.code);
      return { target, error: { ...error, fix: same?.error.fix ?? error.fix } };
    });
  }
}

/** The files of the variants that were made. */
export function filesOf(drafts: readonly VariantDraft[], file: 'runnable' | 'evaluable'): VariantFile[] {
  return drafts.flatMap((draft) => (draft.error === null ? (draft[file] ?? []) : []));
}

/** The warnings of all variants, each once, with the variants that it concerns unless it concerns all of them. */
export function warningsOf(drafts: readonly VariantDraft[]): string[] {
  const concerned = new Map<string, string[]>();
  for (const { recipe, warnings } of drafts) {
    for (const text of new Set(warnings)) concerned.set(text, [...(concerned.get(text) ?? []), recipe.name]);
  }
  return [...concerned].map(([text, names]) =>
    names.length === drafts.length ? text : `${names.join(', ')}: ${text}`,
  );
}
