/** The timeline of a run: progress messages of the pipeline in, the rows that the panels draw out. Pure. */
import type { RunStep } from '../../contract/panels/runState';
import type { Progress, Stage } from '../../contract/progress';

/** Stages whose variants take turns; in all others one variant follows the other. */
const interleaved: ReadonlySet<Stage> = new Set(['compare', 'measure']);

/** @param now Unix ms */
export function addProgress(steps: readonly RunStep[], progress: Progress, now: number): RunStep[] {
  const variant = progress.variant ?? null;
  const isSame = (step: RunStep) => step.stage === progress.stage && step.variant === variant;
  const takesTurns = (step: RunStep) => step.stage === progress.stage && interleaved.has(step.stage);
  const complete = progress.fraction === 1;
  const known = steps.findLast(isSame);
  const current: RunStep = {
    stage: progress.stage,
    variant,
    state: complete ? 'done' : 'running',
    fraction: progress.fraction,
    etaSeconds: complete ? null : progress.etaSeconds,
    message: progress.message,
    startedAt: known?.startedAt ?? now,
    endedAt: complete ? now : null,
  };
  const others = steps.map((step) =>
    step === known || step.state !== 'running' || takesTurns(step) ? step : ended(step, 'done', now),
  );
  return known === undefined ? [...others, current] : others.map((step) => (step === known ? current : step));
}

/** Closes what is still running. */
export function endTimeline(steps: readonly RunStep[], state: 'done' | 'failed' | 'cancelled', now: number): RunStep[] {
  return steps.map((step) => (step.state === 'running' ? ended(step, state, now) : step));
}

function ended(step: RunStep, state: RunStep['state'], now: number): RunStep {
  return { ...step, state, endedAt: now, etaSeconds: null, fraction: state === 'done' ? 1 : step.fraction };
}

/** Shares of a whole run's time, roughly, for one progress bar over all stages. */
const weights: Readonly<Record<Stage, number>> = {
  model: 2,
  plan: 8,
  calibrate: 25,
  build: 25,
  compare: 20,
  measure: 18,
  report: 2,
};
const order = Object.keys(weights) as Stage[];

/** How far the run is, 0–1; never decreases while stages come in their order. */
export function overallFraction(steps: readonly RunStep[]): number {
  const total = order.reduce((sum, stage) => sum + weights[stage], 0);
  const reached = Math.max(-1, ...steps.map(({ stage }) => order.indexOf(stage)));
  let done = 0;
  for (const [index, stage] of order.entries()) {
    if (index < reached) done += weights[stage];
    if (index === reached) done += weights[stage] * stageFraction(steps.filter((step) => step.stage === stage));
  }
  return done / total;
}

function stageFraction(steps: readonly RunStep[]): number {
  const sum = steps.reduce((total, { fraction }) => total + (fraction ?? 0), 0);
  return steps.length === 0 ? 0 : sum / steps.length;
}
