/**
 * The conversions of this window as the editor shows them: the queue with its worker, a progress notification with *Cancel*,
 * the log, the history, and what is said at the end. Panels show the same queue and may come and go.
 */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { RunState } from '../../contract/panels/runState';
import type { Report } from '../../contract/report';
import { stageTitle } from './stageTitle';
import { contextKeys } from '../ids';
import { t } from '../l10n';
import type { Services } from '../services';
import { conversionJob, type ConversionOrder } from './conversion';
import { RunQueue, type RunJob } from './runQueue';
import { overallFraction } from './runTimeline';

/** What happens on a button that a run's end offers; set by whoever opens panels. */
export type RunEndHandler = (run: RunState) => void;

export class Conversions {
  readonly queue = new RunQueue();
  private restartWhenIdle = false;
  private onEnd: RunEndHandler = () => {};

  constructor(private readonly services: Services) {
    this.queue.onDidChange((run) => this.logChange(run));
    services.context.subscriptions.push({ dispose: () => this.queue.cancelAll() });
  }

  /** Called with every run that ended; shows it (`runs/announceRun.ts`). */
  setEndHandler(handler: RunEndHandler): void {
    this.onEnd = handler;
  }

  start(order: ConversionOrder): RunState {
    const { conversionWorker } = this.services;
    return this.enqueue(conversionJob(order, conversionWorker, (report, file) => this.keep(report, file)));
  }

  /** Ends the worker as soon as no conversion needs it. */
  restartWorker(): void {
    const isBusy = this.queue.runs.some(({ status }) => status === 'running');
    if (isBusy) this.restartWhenIdle = true;
    else void this.services.conversionWorker.restart();
  }

  private enqueue(job: RunJob): RunState {
    const run = this.queue.add(job);
    this.services.log.info(`${run.id}: ${run.command}`);
    void this.accompany(run.id, path.basename(run.model));
    return run;
  }

  /** The notification, from the moment a run begins until it ends. */
  private async accompany(id: string, name: string): Promise<void> {
    await vscode.commands.executeCommand('setContext', contextKeys.running, true);
    await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: t('Converting {0}', name), cancellable: true },
      async (progress, token) => {
        token.onCancellationRequested(() => this.queue.cancel(id));
        let shown = 0;
        const stop = this.queue.onDidChange((run) => {
          if (run.id !== id) return;
          const percent = Math.round(100 * overallFraction(run.steps));
          progress.report({ message: progressText(run), increment: Math.max(0, percent - shown) });
          shown = Math.max(shown, percent);
        });
        progress.report({ message: progressText(this.queue.get(id)) });
        await this.queue.ended(id).finally(stop);
      },
    );
    const run = await this.queue.ended(id);
    const isBusy = this.queue.runs.some(({ endedAt }) => endedAt === null);
    await vscode.commands.executeCommand('setContext', contextKeys.running, isBusy);
    if (this.restartWhenIdle && !isBusy) {
      this.restartWhenIdle = false;
      await this.services.conversionWorker.restart();
    }
    this.onEnd(run);
  }

  private async keep(report: Report, file: string): Promise<void> {
    const history = await this.services.history();
    await history.add(report, file);
  }

  private readonly lastLines = new Map<string, string>();

  private logChange(run: RunState): void {
    const line = run.log.at(-1);
    if (line !== undefined && this.lastLines.get(run.id) !== line) {
      this.lastLines.set(run.id, line);
      this.services.log.debug(`${run.id}: ${line}`);
    }
    if (run.endedAt === null) return;
    this.lastLines.delete(run.id);
    const { failure, status, summary } = run;
    this.services.log.info(`${run.id}: ${status}${summary === null ? '' : `. ${summary}`}`);
    if (failure !== null) this.services.log.error(`${run.id}: ${failure.code}: ${failure.reason} ${failure.fix}`);
  }
}

function progressText(run: RunState | undefined): string {
  if (run === undefined || run.status === 'queued') return t('waiting for another conversion');
  const step = run.steps.findLast(({ state }) => state === 'running') ?? run.steps.at(-1);
  if (step === undefined) return t('starting');
  const variant = step.variant === null ? '' : ` ${step.variant.toUpperCase()}`;
  const eta = step.etaSeconds === null ? '' : ` · ${t('{0} s left', Math.ceil(step.etaSeconds))}`;
  return `${stageTitle(step.stage)}${variant}${eta}`;
}
