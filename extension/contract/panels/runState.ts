/**
 * A conversion as the panels see it: queued, under way or ended. The host's run service makes these snapshots from the
 * pipeline's progress (`ui/runs/runQueue.ts`); the convert panel draws its timeline from them. Snapshots, never deltas.
 */
import type { ErrorData } from '../errors';
import type { Stage } from '../progress';

/** `gate-failed`: the conversion went through, and an accuracy gate of its plan did not hold. */
export const runStatuses = ['queued', 'running', 'done', 'gate-failed', 'failed', 'cancelled'] as const;
export type RunStatus = (typeof runStatuses)[number];

/** What a button beside an error or a problem does. */
export const fixActions = [
  /** Runs the same plan again. */
  'retry',
  'chooseData',
  'chooseEvaluationData',
  'chooseLabels',
  /** Opens the convert panel's model in another file. */
  'chooseModel',
  'chooseOutput',
  'installTensorRT',
  /** Takes the targets (and a named backend) out of the plan: compare without engines. */
  'dropTargets',
  /** Takes the precision that failed out of the plan. */
  'dropPrecision',
  /** Calibrate in smaller batches. */
  'halveBatch',
  /** Forgets the calibration table that does not fit. */
  'dropTable',
  'choosePython',
  'openPlan',
  'openLog',
  'openSettings',
  'manageTrust',
] as const;
export type FixAction = (typeof fixActions)[number];

export interface FixButton {
  readonly action: FixAction;
  /** Translated. */
  readonly label: string;
}

/** What went wrong, why, what to do, and the buttons that do it (the most helpful first, perhaps none). */
export interface RunFailure extends ErrorData {
  /** The variant that failed, where the others went through. */
  readonly variant: string | null;
  readonly actions: readonly FixButton[];
}

/** A row of the timeline: one stage, of one variant where the stage works on one at a time. In order of their beginning. */
export interface RunStep {
  readonly stage: Stage;
  readonly variant: string | null;
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  /** 0–1, or null while it cannot be known. */
  readonly fraction: number | null;
  /** Seconds to the step's end, or null while it cannot be known. */
  readonly etaSeconds: number | null;
  /** What it does now, or did last; from the pipeline, in English. */
  readonly message: string;
  /** Unix ms. */
  readonly startedAt: number;
  /** Unix ms; null while it runs. */
  readonly endedAt: number | null;
}

export interface RunState {
  readonly id: string;
  /** Absolute path of the ONNX file. */
  readonly model: string;
  /** Absolute path of the output folder. */
  readonly out: string;
  readonly status: RunStatus;
  /** Unix ms. */
  readonly queuedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Runs in front of it; 0 once it runs. */
  readonly position: number;
  readonly steps: readonly RunStep[];
  /** The last lines (`runLogLines` at most), oldest first, without time stamps. */
  readonly log: readonly string[];
  /** The command line that reproduces it. */
  readonly command: string;
  /** Set when `failed`. */
  readonly failure: RunFailure | null;
  /** The gates that did not hold, one sentence each; empty unless `gate-failed`. */
  readonly gates: readonly string[];
  /** Absolute path of report.json, once it is written. */
  readonly reportPath: string | null;
  /** The report's recommendation in one line, once there is one. */
  readonly summary: string | null;
}

export const runLogLines = 200;
