/** What the user is told when a conversion has ended: the verdict and where to look, or what failed and what to do. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FixAction, RunState } from '../../contract/panels/runState';
import { showError } from '../errors/showError';
import { commands } from '../ids';
import { t } from '../l10n';
import { settings } from '../settings';

/** @param fix presses a button of the run's failure */
export async function announceRun(run: RunState, fix: (action: FixAction) => unknown): Promise<void> {
  const report = run.reportPath === null ? null : vscode.Uri.file(run.reportPath);
  if (report !== null && settings.showComparisonWhenDone()) {
    await vscode.commands.executeCommand(commands.openReport, report, { preserveFocus: true });
  }
  const name = path.basename(run.model);
  switch (run.status) {
    case 'failed':
      if (run.failure !== null) await showError(run.failure, fix);
      return;
    case 'done':
      return offerReport(vscode.window.showInformationMessage, `${name}: ${run.summary ?? ''}`, report);
    case 'gate-failed': {
      const text = t('{0}: an accuracy gate did not hold. {1}', name, run.gates.join(' '));
      return offerReport(vscode.window.showWarningMessage, text, report);
    }
    case 'cancelled':
    case 'queued':
    case 'running':
      return;
  }
}

async function offerReport(
  show: (text: string, ...items: string[]) => Thenable<string | undefined>,
  text: string,
  report: vscode.Uri | null,
): Promise<void> {
  const compare = t('Show Comparison');
  const chosen = await show(text, ...(report === null ? [] : [compare]));
  if (chosen === compare) await vscode.commands.executeCommand(commands.openReport, report);
}
