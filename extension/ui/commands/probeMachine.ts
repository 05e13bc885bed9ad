/** *Show GPU and TensorRT*: searches the machine again and lists what was found, with what helps where something is missing. */
import * as vscode from 'vscode';
import { commands, settingsSection } from '../ids';
import { t } from '../l10n';
import { abilityOf, titleOf } from '../machineSummary';
import type { Services } from '../services';

interface Row extends vscode.QuickPickItem {
  readonly run?: () => unknown;
}

export async function probeMachine({ machine }: Services): Promise<void> {
  const { backends, host } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: t('Looking for a GPU and TensorRT') },
    () => machine.probe(true),
  );
  const gpu = host.gpu === null ? t('No GPU found') : host.gpu.name;
  const rows: Row[] = [
    {
      label: `$(${host.gpu === null ? 'circle-slash' : 'check'}) ${gpu}`,
      description: host.gpu === null ? '' : t('compute capability {0}', host.gpu.computeCapability),
      detail: `${host.cpu}, ${host.os}`,
    },
    ...backends.map((info): Row => ({
      label: `$(${info.available ? 'check' : 'circle-slash'}) ${titleOf(info)}`,
      description: abilityOf(info),
      ...(info.library === null ? {} : { detail: info.library }),
    })),
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    {
      label: `$(cloud-download) ${t('Install TensorRT…')}`,
      run: () => vscode.commands.executeCommand(commands.installTensorRT),
    },
    {
      label: `$(gear) ${t('Set the TensorRT Folder…')}`,
      run: () => vscode.commands.executeCommand('workbench.action.openSettings', `${settingsSection}.tensorrt`),
    },
    { label: `$(output) ${t('Show Log')}`, run: () => vscode.commands.executeCommand(commands.showLog) },
  ];
  const chosen = await vscode.window.showQuickPick(rows, { title: t('GPU and TensorRT'), matchOnDescription: true });
  await chosen?.run?.();
}
