/** The status bar item: the GPU and TensorRT found, once something asked for them. Looking never starts a process by itself. */
import * as vscode from 'vscode';
import type { Machine } from '../contract/panels/convertPanel';
import { commands } from './ids';
import { t } from './l10n';
import type { MachineProbe } from './machine';
import { machineSummary } from './machineSummary';
import { settings } from './settings';

export function createStatusBarItem(machine: MachineProbe): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('precisionBench.machine', vscode.StatusBarAlignment.Right, 10);
  item.name = t('Precision Bench: GPU and TensorRT');
  item.command = commands.probe;
  const update = () => {
    show(item, machine.known);
    if (settings.statusBar()) item.show();
    else item.hide();
  };
  update();
  const stop = machine.onDidChange(update);
  return vscode.Disposable.from(item, { dispose: stop }, vscode.workspace.onDidChangeConfiguration(update));
}

function show(item: vscode.StatusBarItem, machine: Machine | null): void {
  if (machine === null) {
    item.text = '$(circuit-board) Precision Bench';
    item.tooltip = t('Look for a GPU and TensorRT on this machine');
    return;
  }
  const { text, lines } = machineSummary(machine);
  item.text = `$(circuit-board) ${text}`;
  item.tooltip = lines.join('\n');
  item.accessibilityInformation = { label: lines.join(', ') };
}
