/** The status bar item: the GPU and TensorRT found, once something asked for them. Showing it never starts a process. */
import * as vscode from 'vscode';
import { commands, settingKeys, settingsSection } from './ids';

/** Neutral, until `showMachine.ts` knows more. */
export function createStatusBarItem(): vscode.StatusBarItem {
  const item = vscode.window.createStatusBarItem('precisionBench.machine', vscode.StatusBarAlignment.Right, 10);
  item.name = vscode.l10n.t('Precision Bench: GPU and TensorRT');
  item.text = '$(circuit-board) Precision Bench';
  item.tooltip = vscode.l10n.t('Look for a GPU and TensorRT on this machine');
  item.command = commands.probe;
  if (isWanted()) item.show();
  return item;
}

export function isWanted(): boolean {
  return vscode.workspace.getConfiguration(settingsSection).get(settingKeys.statusBar, true);
}
