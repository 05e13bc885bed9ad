import { expect, it, vi } from 'vitest';
import { CodedError, cancelled } from '../../../../extension/contract/errors';
import { runLogLines } from '../../../../extension/contract/panels/runState';
import type { RunOptions } from '../../../../extension/contract/progress';
import { RunQueue, type RunJob, type RunOutcome } from '../../../../extension/ui/runs/runQueue';

const outcome: RunOutcome = { reportPath: '/out/report.json', summary: 'FP16', gates: [], variantFailure: null };

/** A job that waits until the test ends it, and stops when it is cancelled. */
function controlled(model = '/m.onnx') {
  let finish: (value: RunOutcome) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  let options: Required<RunOptions> | null = null;
  const job: RunJob = {
    model,
    out: '/out',
    command: 'precision-bench convert',
    execute: (given) => {
      options = given;
      return new Promise((resolve, reject) => {
        [finish, fail] = [resolve, reject];
        given.signal?.addEventListener('abort', () => reject(cancelled()));
      });
    },
  };
  return {
    job,
    finish: (value: Partial<RunOutcome> = {}) => finish({ ...outcome, ...value }),
    fail: (error: unknown) => fail(error),
    get options() {
      return options;
    },
  };
}

const statuses = (queue: RunQueue) => queue.runs.map(({ status }) => status);

it('runs one at a time, in order, and moves the others up', async () => {
  const queue = new RunQueue();
  const [a, b, c] = [controlled(), controlled(), controlled()];
  const [first, second, third] = [a, b, c].map(({ job }) => queue.add(job));
  expect(statuses(queue)).toEqual(['queued', 'queued', 'running']);
  expect([second?.position, third?.position]).toEqual([1, 2]);
  expect(b.options).toBeNull();
  a.finish();
  expect((await queue.ended(first!.id)).status).toBe('done');
  expect(statuses(queue)).toEqual(['queued', 'running', 'done']);
  expect(queue.get(third!.id)?.position).toBe(1);
  b.finish();
  await queue.ended(second!.id);
  c.finish();
  expect(await queue.ended(third!.id)).toMatchObject({
    status: 'done',
    reportPath: '/out/report.json',
    summary: 'FP16',
  });
});

it('takes a waiting run out without starting it, and stops a running one', async () => {
  const queue = new RunQueue();
  const [a, b] = [controlled(), controlled()];
  const [first, second] = [queue.add(a.job), queue.add(b.job)];
  queue.cancel(second.id);
  expect((await queue.ended(second.id)).status).toBe('cancelled');
  expect(b.options).toBeNull();
  queue.cancel(first.id);
  expect(a.options?.signal?.aborted).toBe(true);
  expect(await queue.ended(first.id)).toMatchObject({ status: 'cancelled', failure: null });
  queue.cancel(first.id);
  expect(queue.get(first.id)?.status).toBe('cancelled');
});

it('cancels all, the running one last, so that none of the waiting ones starts', async () => {
  const queue = new RunQueue();
  const jobs = [controlled(), controlled(), controlled()];
  const runs = jobs.map(({ job }) => queue.add(job));
  queue.cancelAll();
  const ends = await Promise.all(runs.map(({ id }) => queue.ended(id)));
  expect(ends.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  expect(jobs.slice(1).map(({ options }) => options)).toEqual([null, null]);
});

it('stops: cancels all and waits for the one that runs to end', async () => {
  const queue = new RunQueue();
  let end: () => void = () => {};
  // Cleans up before it ends.
  const slow = () => new Promise<RunOutcome>((_, reject) => (end = () => reject(cancelled())));
  queue.add({ ...controlled().job, execute: slow });
  queue.add(controlled().job);
  let hasStopped = false;
  const stopped = queue.stop().then(() => (hasStopped = true));
  await Promise.resolve();
  expect([hasStopped, ...statuses(queue)]).toEqual([false, 'cancelled', 'running']);
  end();
  await stopped;
  expect(statuses(queue)).toEqual(['cancelled', 'cancelled']);
});

it('tells a failure with what helps, and goes on with the next', async () => {
  const queue = new RunQueue();
  const [a, b] = [controlled(), controlled()];
  const first = queue.add(a.job);
  queue.add(b.job);
  a.fail(new CodedError({ code: 'WORKER_OUT_OF_MEMORY', reason: 'Killed.', fix: 'Less.' }));
  const { status, failure } = await queue.ended(first.id);
  expect(status).toBe('failed');
  expect(failure?.actions.map(({ action }) => action)).toEqual(['halveBatch', 'retry', 'openLog']);
  expect(failure).toMatchObject({ code: 'WORKER_OUT_OF_MEMORY', variant: null });
  expect(statuses(queue)).toEqual(['running', 'failed']);
});

it('has a report although a variant failed, and offers to leave that one out', async () => {
  const queue = new RunQueue();
  const a = controlled();
  const { id } = queue.add(a.job);
  a.options?.onProgress?.({ stage: 'report', fraction: 0.5, etaSeconds: null, message: 'Writing' });
  const error = new CodedError({ code: 'ENGINE_BUILD', reason: 'No.', fix: 'Try.' });
  a.finish({ variantFailure: { variant: 'int8', error } });
  const run = await queue.ended(id);
  expect(run).toMatchObject({ status: 'failed', reportPath: '/out/report.json', failure: { variant: 'int8' } });
  expect(run.failure?.actions[0]).toEqual({ action: 'dropPrecision', label: 'Leave Out INT8' });
  expect(run.steps.map(({ state }) => state)).toEqual(['done']);
});

it('says which gates did not hold', async () => {
  const queue = new RunQueue();
  const a = controlled();
  const { id } = queue.add(a.job);
  a.finish({ gates: ['int8: too low'] });
  expect(await queue.ended(id)).toMatchObject({ status: 'gate-failed', gates: ['int8: too low'] });
});

it('keeps the last lines of the log, without repeating one', async () => {
  const queue = new RunQueue();
  const a = controlled();
  const { id } = queue.add(a.job);
  for (let at = 0; at < runLogLines + 5; at++) {
    const report = { stage: 'build', variant: 'fp16', fraction: 0, etaSeconds: null, message: `step ${at}` } as const;
    a.options?.onProgress?.(report);
    a.options?.onProgress?.(report);
  }
  const log = queue.get(id)?.log ?? [];
  expect(log).toHaveLength(runLogLines);
  expect(log.at(-1)).toBe(`build fp16: step ${runLogLines + 4}`);
  queue.log('said by the worker');
  expect(queue.get(id)?.log.at(-1)).toBe('said by the worker');
  a.finish();
  await queue.ended(id);
  queue.log('said to nobody');
  expect(queue.get(id)?.log.at(-1)).toBe('said by the worker');
  const listener = vi.fn();
  queue.onDidChange(listener);
  a.options?.onProgress?.({ stage: 'build', fraction: 1, etaSeconds: null, message: 'late' });
  expect(listener).not.toHaveBeenCalled();
});

it('forgets the oldest of many', async () => {
  const queue = new RunQueue();
  for (let at = 0; at < 25; at++) {
    const one = controlled(`/m${at}.onnx`);
    const { id } = queue.add(one.job);
    one.finish();
    await queue.ended(id);
  }
  expect(queue.runs).toHaveLength(20);
  expect(queue.runs[0]?.model).toBe('/m24.onnx');
});
