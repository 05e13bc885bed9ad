import { expect, it } from 'vitest';
import type { RunStep } from '../../../../extension/contract/panels/runState';
import type { Progress } from '../../../../extension/contract/progress';
import { addProgress, endTimeline, overallFraction } from '../../../../extension/ui/runs/runTimeline';

const progress = (stage: Progress['stage'], fraction: number | null, variant?: string): Progress => ({
  stage,
  fraction,
  etaSeconds: 5,
  message: `${stage} ${variant ?? ''}`,
  ...(variant === undefined ? {} : { variant }),
});
const timeline = (...all: Progress[]) =>
  all.reduce<RunStep[]>((steps, next, index) => addProgress(steps, next, 1000 + index), []);
const states = (steps: readonly RunStep[]) => steps.map(({ stage, variant, state }) => [stage, variant, state]);

it('has a row per stage and variant, in the order of their beginning', () => {
  const steps = timeline(
    progress('model', 0),
    progress('model', 1),
    progress('plan', null, 'fp16'),
    progress('plan', null, 'int8'),
    progress('calibrate', 0.5),
  );
  expect(states(steps)).toEqual([
    ['model', null, 'done'],
    ['plan', 'fp16', 'done'],
    ['plan', 'int8', 'done'],
    ['calibrate', null, 'running'],
  ]);
  expect(steps[0]).toMatchObject({ startedAt: 1000, endedAt: 1001, etaSeconds: null });
  expect(steps[1]).toMatchObject({ startedAt: 1002, endedAt: 1003, fraction: 1 });
  expect(steps[3]).toMatchObject({ fraction: 0.5, etaSeconds: 5, endedAt: null });
});

it('keeps variants that take turns running until the next stage', () => {
  const turns = timeline(
    progress('measure', 0.2, 'fp32'),
    progress('measure', 0.2, 'fp16'),
    progress('measure', 0.4, 'fp32'),
  );
  expect(states(turns)).toEqual([
    ['measure', 'fp32', 'running'],
    ['measure', 'fp16', 'running'],
  ]);
  expect(states(addProgress(turns, progress('report', 0), 9))).toEqual([
    ['measure', 'fp32', 'done'],
    ['measure', 'fp16', 'done'],
    ['report', null, 'running'],
  ]);
});

it('closes what still runs, and only that', () => {
  const steps = endTimeline(timeline(progress('model', 1), progress('calibrate', 0.3)), 'cancelled', 50);
  expect(states(steps)).toEqual([
    ['model', null, 'done'],
    ['calibrate', null, 'cancelled'],
  ]);
  expect(steps[1]).toMatchObject({ fraction: 0.3, endedAt: 50 });
});

it('adds up to one bar that never goes back', () => {
  const order = ['model', 'plan', 'calibrate', 'build', 'compare', 'measure', 'report'] as const;
  let steps: RunStep[] = [];
  let last = 0;
  for (const stage of order) {
    for (const fraction of [0, 0.5, 1]) {
      steps = addProgress(steps, progress(stage, fraction), 1);
      const now = overallFraction(steps);
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  }
  expect(last).toBe(1);
  expect(overallFraction([])).toBe(0);
});
