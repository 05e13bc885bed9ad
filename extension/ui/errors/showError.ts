/** An error as a notification: what went wrong, why, what to do, with buttons that do it. */
import * as vscode from 'vscode';
import { CodedError, type ErrorData } from '../../contract/errors';
import type { FixAction, FixButton } from '../../contract/panels/runState';
import { commands, settingsSection } from '../ids';
import { fixButtonsOf } from './fixActionsOf';

/** More buttons than these are not shown by the editor. */
const shownButtons = 3;

/** Carries out what needs no plan; null for an action that does. */
export function runGeneralFix(action: FixAction): Thenable<unknown> | null {
  switch (action) {
    case 'installTensorRT':
      return vscode.commands.executeCommand(commands.installTensorRT);
    case 'openLog':
      return vscode.commands.executeCommand(commands.showLog);
    case 'openSettings':
      return vscode.commands.executeCommand('workbench.action.openSettings', `${settingsSection}.`);
    case 'choosePython':
      return vscode.commands.executeCommand('workbench.action.openSettings', `${settingsSection}.python`);
    case 'manageTrust':
      return vscode.commands.executeCommand('workbench.trust.manage');
    case 'chooseModel':
      return vscode.commands.executeCommand(commands.convert);
    default:
      return null;
  }
}

/**
 * Shows an error and does what its buttons say.
 *
 * @param fix carries out actions that need a plan; those are left out without it
 */
export async function showError(
  error: ErrorData & { readonly actions?: readonly FixButton[] },
  fix?: (action: FixAction) => unknown,
): Promise<void> {
  const buttons = (error.actions ?? fixButtonsOf(error)).filter(({ action }) => fix !== undefined || isGeneral(action));
  const items = buttons.slice(0, shownButtons).map(({ action, label }) => ({ title: label, action }));
  const chosen = await vscode.window.showErrorMessage(`${error.reason} ${error.fix}`, ...items);
  if (chosen !== undefined) await (runGeneralFix(chosen.action) ?? fix?.(chosen.action));
}

/** Runs a command's body; its failure is shown and not thrown. A closed dialog is no failure. */
export async function orShowError(log: vscode.LogOutputChannel, body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (error) {
    const coded = CodedError.from(error);
    if (coded.code === 'CANCELLED') return;
    log.error(error instanceof Error && coded.code === 'INTERNAL' ? error : `${coded.code}: ${coded.reason}`);
    await showError(coded);
  }
}

function isGeneral(action: FixAction): boolean {
  const needPlan: readonly FixAction[] = [
    'retry',
    'chooseData',
    'chooseEvaluationData',
    'chooseLabels',
    'chooseOutput',
    'dropTargets',
    'dropPrecision',
    'halveBatch',
    'dropTable',
    'openPlan',
  ];
  return !needPlan.includes(action);
}
