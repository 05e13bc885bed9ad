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
import type { RunHistory } from '../comparison/runHistory';
import type { WorkerProcess } from '../workerProcess';
import { conversionJob, type ConversionOrder } from './conversion';
import { RunQueue } from './runQueue';
import { overallFraction } from './runTimeline';

export class Conversions {
  readonly queue = new RunQueue();
  private restartWhenIdle = false;
  private readonly endListeners: ((run: RunState) => void)[] = [];
  private readonly lastLines = new Map<string, string>();

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly worker: WorkerProcess,
    private readonly history: RunHistory,
  ) {
    this.queue.onDidChange((run) => this.logChange(run));
  }

  /** Calls with every run that has ended. */
  onEnd(listener: (run: RunState) => void): void {
    this.endListeners.push(listener);
  }

  start(order: ConversionOrder): RunState {
    const keep = async (report: Report, file: string) => void (await this.history.add(report, file));
    const run = this.queue.add(conversionJob(order, this.worker, keep));
    this.log.info(`${run.id}: ${run.command}`);
    void this.accompany(run.id, path.basename(run.model));
    return run;
  }

  /** Ends the worker as soon as no conversion needs it. */
  restartWorker(): void {
    const isBusy = this.queue.runs.some(({ status }) => status === 'running');
    if (isBusy) this.restartWhenIdle = true;
    else void this.worker.restart();
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
      await this.worker.restart();
    }
    for (const listener of this.endListeners) listener(run);
  }

  private logChange(run: RunState): void {
    const line = run.log.at(-1);
    if (line !== undefined && this.lastLines.get(run.id) !== line) {
      this.lastLines.set(run.id, line);
      this.log.debug(`${run.id}: ${line}`);
    }
    if (run.endedAt === null) return;
    this.lastLines.delete(run.id);
    const { failure, status, summary } = run;
    this.log.info(`${run.id}: ${status}${summary === null ? '' : `. ${summary}`}`);
    if (failure !== null) this.log.error(`${run.id}: ${failure.code}: ${failure.reason} ${failure.fix}`);
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
