/** *Install TensorRT*: asks which, says what will be fetched and where to, then fetches it. Never without being asked. */
import * as vscode from 'vscode';
import type { InstallProgress } from '../../build/install/installPackage';
import { installTensorrt, listInstallables, type InstallableName } from '../../build/install/installTensorrt';
import { toolHome } from '../../build/install/toolHome';
import { percentText } from '../../contract/quantities';
import { signalOf } from '../cancellation';
import { t } from '../l10n';
import type { Services } from '../services';
import { settings } from '../settings';

export async function installTensorRT({ log, machine, inspectionWorker }: Services): Promise<void> {
  const home = settings.home() ?? toolHome();
  const name = await chooseInstallable(home);
  if (name === null) return;
  const install = t('Install');
  const answer = await vscode.window.showInformationMessage(
    t('Fetch {0} with the package client of this machine?', name),
    {
      modal: true,
      detail: t('It is put into {0} and changes nothing else on this machine. NVIDIA’s license for it applies.', home),
    },
    install,
  );
  if (answer !== install) return;
  const folder = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: t('Installing {0}', name), cancellable: true },
    (progress, token) =>
      installTensorrt(name, {
        home,
        signal: signalOf(token),
        onMessage: (message) => log.info(message),
        onProgress: progressReporter(progress),
      }),
  );
  log.info(`${name} is in ${folder}`);
  // A fresh process: the old one has searched already.
  await inspectionWorker.restart();
  await machine.probe(true);
  void vscode.window.showInformationMessage(t('{0} is installed.', name));
}

/** A bar for the download, which takes nearly all of the time, and words for what comes after. */
function progressReporter(
  progress: vscode.Progress<{ message?: string; increment?: number }>,
): (step: InstallProgress) => void {
  let fetched = 0;
  return ({ phase, fraction }) => {
    const advanced = phase === 'fetch' ? Math.max(0, (fraction ?? 0) - fetched) : 0;
    fetched += advanced;
    const share = fraction === null ? '' : ` ${percentText(fraction, 0)}`;
    progress.report({ message: `${phaseName(phase)}${share}`, increment: 100 * advanced });
  };
}

function phaseName(phase: InstallProgress['phase']): string {
  const names = { fetch: t('Fetching'), verify: t('Verifying'), unpack: t('Unpacking') };
  return names[phase];
}

async function chooseInstallable(home: string): Promise<InstallableName | null> {
  const items = (await listInstallables(home)).map(({ name, megabytes, folder, note }) => ({
    label: folder === null ? name : `$(check) ${name}`,
    description: folder === null ? t('{0} MB', megabytes) : t('installed'),
    detail: [purposeOf(name), note].filter((text) => text !== null).join(' '),
    name,
  }));
  const chosen = await vscode.window.showQuickPick(items, {
    title: t('Install TensorRT'),
    placeHolder: t('Which TensorRT?'),
    matchOnDetail: true,
  });
  return chosen?.name ?? null;
}

function purposeOf(name: InstallableName): string {
  return name === 'tensorrt-rtx'
    ? t('Builds engines for RTX GPUs on any machine, with or without a GPU.')
    : t('Builds and runs engines on an NVIDIA GPU of this machine.');
}
