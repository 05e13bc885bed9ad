/** Keeps the status bar item true: what the last probe found, and whether the user wants to see it. */
import * as vscode from 'vscode';
import type { MachineProbe } from './machine';
import { machineSummary } from './machineSummary';
import { isWanted } from './statusBar';

export function showMachine(item: vscode.StatusBarItem, machine: MachineProbe): vscode.Disposable {
  const neutral = { text: item.text, tooltip: item.tooltip };
  const update = () => {
    if (machine.known === null) {
      item.text = neutral.text;
      item.tooltip = neutral.tooltip;
      item.accessibilityInformation = undefined;
    } else {
      const { text, lines } = machineSummary(machine.known);
      item.text = `$(circuit-board) ${text}`;
      item.tooltip = lines.join('\n');
      item.accessibilityInformation = { label: lines.join(', ') };
    }
    if (isWanted()) item.show();
    else item.hide();
  };
  return vscode.Disposable.from(
    { dispose: machine.onDidChange(update) },
    vscode.workspace.onDidChangeConfiguration(update),
  );
}
