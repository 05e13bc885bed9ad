/**
 * The conversions of a window: one runs, the others wait. Keeps the state of each as a snapshot that panels can show, come
 * back to and cancel, whether or not any panel is open. Pure: what a conversion does is handed in.
 */
import { CodedError, cancelled } from '../../contract/errors';
import { runLogLines, type RunState } from '../../contract/panels/runState';
import type { Progress, RunOptions } from '../../contract/progress';
import { fixButtonsOf, type FixContext } from '../errors/fixActionsOf';
import { addProgress, endTimeline } from './runTimeline';

export interface RunJob {
  readonly model: string;
  readonly out: string;
  readonly command: string;
  readonly execute: (options: Required<RunOptions>) => Promise<RunOutcome>;
  /** For the buttons of a failure. */
  readonly fixContext?: FixContext;
}

export interface RunOutcome {
  readonly reportPath: string;
  readonly summary: string;
  /** Gates that did not hold, as sentences. */
  readonly gates: readonly string[];
  /** The first variant that failed although the run went through. */
  readonly variantFailure: { readonly variant: string; readonly error: CodedError } | null;
}

/** Ended runs beyond these are forgotten; the history of reports is kept elsewhere. */
const keptRuns = 20;

interface Run {
  state: RunState;
  readonly job: RunJob;
  readonly abort: AbortController;
  readonly settled: Promise<RunState>;
  readonly settle: (state: RunState) => void;
}

export class RunQueue {
  /** Oldest first. */
  private all: Run[] = [];
  private active: Run | null = null;
  private readonly listeners = new Set<(run: RunState) => void>();
  private nextId = 1;

  constructor(private readonly now: () => number = Date.now) {}

  /** Newest first. */
  get runs(): readonly RunState[] {
    return this.all.map(({ state }) => state).reverse();
  }

  get(id: string): RunState | undefined {
    return this.find(id)?.state;
  }

  /** The job of a run, for running it again. */
  jobOf(id: string): RunJob | undefined {
    return this.find(id)?.job;
  }

  /** Calls with every new snapshot of a run. @returns a function that stops it */
  onDidChange(listener: (run: RunState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  add(job: RunJob): RunState {
    const id = `run-${this.nextId++}`;
    let settle: (state: RunState) => void = () => {};
    const settled = new Promise<RunState>((resolve) => (settle = resolve));
    const state: RunState = {
      id,
      model: job.model,
      out: job.out,
      status: 'queued',
      queuedAt: this.now(),
      startedAt: null,
      endedAt: null,
      position: this.all.filter((run) => run.state.endedAt === null).length,
      steps: [],
      log: [],
      command: job.command,
      failure: null,
      gates: [],
      reportPath: null,
      summary: null,
    };
    const run: Run = { state, job, abort: new AbortController(), settled, settle };
    this.all.push(run);
    this.emit(run);
    this.startNext();
    return run.state;
  }

  /** Resolves with the last snapshot when the run has ended, in whatever way. */
  async ended(id: string): Promise<RunState> {
    const run = this.find(id);
    if (run === undefined)
      throw new CodedError({ code: 'INTERNAL', reason: `There is no run ${id}.`, fix: 'Reload the window.' });
    return run.settled;
  }

  /** A waiting run leaves the queue; a running one is asked to stop and ends when it has. */
  cancel(id: string): void {
    const run = this.find(id);
    if (run === undefined || run.state.endedAt !== null) return;
    run.abort.abort();
    if (run !== this.active) this.finish(run, { status: 'cancelled' });
  }

  cancelAll(): void {
    for (const { state } of [...this.all].reverse()) this.cancel(state.id);
  }

  /** Cancels all; resolves when the last one has ended. */
  async stop(): Promise<void> {
    const all = [...this.all];
    this.cancelAll();
    await Promise.all(all.map(({ settled }) => settled));
  }

  /** Adds lines to the log of the run that is under way (what the worker prints). */
  log(line: string): void {
    if (this.active !== null) this.update(this.active, { log: appended(this.active.state.log, line) });
  }

  private startNext(): void {
    if (this.active !== null) return;
    const next = this.all.find(({ state }) => state.status === 'queued');
    if (next === undefined) return;
    this.active = next;
    this.update(next, { status: 'running', startedAt: this.now(), position: 0 });
    void this.execute(next);
  }

  private async execute(run: Run): Promise<void> {
    try {
      const outcome = await run.job.execute({
        signal: run.abort.signal,
        onProgress: (progress) => this.onProgress(run, progress),
      });
      this.finish(run, this.endOf(run, outcome));
    } catch (error) {
      const coded = run.abort.signal.aborted ? cancelled() : CodedError.from(error);
      if (coded.code === 'CANCELLED') this.finish(run, { status: 'cancelled' });
      else this.finish(run, { status: 'failed', failure: this.failureOf(run, coded) });
    }
  }

  private endOf(
    run: Run,
    { reportPath, summary, gates, variantFailure }: RunOutcome,
  ): Partial<RunState> & Pick<RunState, 'status'> {
    if (variantFailure !== null) {
      const { error, variant } = variantFailure;
      return { status: 'failed', reportPath, summary, gates, failure: this.failureOf(run, error, variant) };
    }
    return { status: gates.length > 0 ? 'gate-failed' : 'done', reportPath, summary, gates };
  }

  private failureOf({ job }: Run, error: CodedError, variant?: string): NonNullable<RunState['failure']> {
    const actions = fixButtonsOf(error, { ...job.fixContext, variant });
    return { ...error.toJSON(), variant: variant ?? null, actions };
  }

  private onProgress(run: Run, progress: Progress): void {
    if (run.state.endedAt !== null) return;
    const name = progress.variant === undefined ? progress.stage : `${progress.stage} ${progress.variant}`;
    const line = `${name}: ${progress.message}`;
    const { log } = run.state;
    this.update(run, {
      steps: addProgress(run.state.steps, progress, this.now()),
      log: log.at(-1) === line ? log : appended(log, line),
    });
  }

  private finish(run: Run, end: Partial<RunState> & Pick<RunState, 'status'>): void {
    const now = this.now();
    const reached = end.status === 'cancelled' || end.status === 'failed' ? end.status : 'done';
    // With a report written, the steps themselves went through: a variant failed, not a step.
    const steps = endTimeline(run.state.steps, end.reportPath == null ? reached : 'done', now);
    this.update(run, { ...end, steps, endedAt: now, position: 0 });
    run.settle(run.state);
    if (this.active === run) this.active = null;
    this.forgetOldest();
    this.moveUp();
    this.startNext();
  }

  /** Those that wait have one less in front of them. */
  private moveUp(): void {
    const waiting = this.all.filter(({ state }) => state.status === 'queued');
    const ahead = this.active === null ? 0 : 1;
    for (const [index, run] of waiting.entries()) {
      if (run.state.position !== index + ahead) this.update(run, { position: index + ahead });
    }
  }

  private forgetOldest(): void {
    const ended = this.all.filter(({ state }) => state.endedAt !== null);
    const surplus = new Set(ended.slice(0, Math.max(0, ended.length - keptRuns)));
    this.all = this.all.filter((run) => !surplus.has(run));
  }

  private find(id: string): Run | undefined {
    return this.all.find(({ state }) => state.id === id);
  }

  private update(run: Run, change: Partial<RunState>): void {
    run.state = { ...run.state, ...change };
    this.emit(run);
  }

  private emit(run: Run): void {
    for (const listener of this.listeners) listener(run.state);
  }
}

function appended(log: readonly string[], line: string): string[] {
  return [...log, line].slice(-runLogLines);
}
