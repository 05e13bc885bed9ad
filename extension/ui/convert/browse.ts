/** File dialogs for the paths of a plan, and how a chosen path is written in it. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { imageExtensions } from '../../calibrate/transforms/imageExtensions';
import type { Browsable } from '../../contract/panels/convertPanel';
import { t } from '../l10n';

const bare = (extensions: readonly string[]) => extensions.map((extension) => extension.slice(1));
const labelFiles = ['csv', 'tsv', 'txt', 'json', 'jsonl'];

/** @returns the path as a plan in `baseDir` has it, or null when the dialog was closed */
export async function browse(what: Browsable, baseDir: string): Promise<string | null> {
  const chosen = await vscode.window.showOpenDialog({ ...dialogOf(what), defaultUri: vscode.Uri.file(baseDir) });
  const [uri] = chosen ?? [];
  return uri === undefined ? null : pathInPlan(uri.fsPath, baseDir);
}

/** Relative below the plan's folder, since plans move with it; absolute elsewhere. */
export function pathInPlan(file: string, baseDir: string): string {
  const relative = path.relative(baseDir, file);
  const isBelow = relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
  return isBelow ? relative.replaceAll(path.sep, '/') : file;
}

function dialogOf(what: Browsable): vscode.OpenDialogOptions {
  const files = (title: string, name: string, extensions: readonly string[]): vscode.OpenDialogOptions => ({
    title,
    canSelectFiles: true,
    canSelectFolders: false,
    filters: { [name]: [...extensions], [t('All files')]: ['*'] },
  });
  const data = ['npz', 'npy', 'csv', 'tsv', 'jsonl', 'py', 'mjs', 'js', 'cjs', ...bare(imageExtensions)];
  const folder = (title: string): vscode.OpenDialogOptions => ({
    title,
    canSelectFiles: false,
    canSelectFolders: true,
  });
  switch (what) {
    case 'data':
      return files(t('Calibration Data'), t('Data'), data);
    case 'dataFolder':
      return folder(t('Folder with Calibration Data'));
    case 'labels':
      return files(t('Labels of the Calibration Data'), t('Labels'), labelFiles);
    case 'evaluationData':
      return files(t('Evaluation Data'), t('Data'), data);
    case 'evaluationDataFolder':
      return folder(t('Folder with Evaluation Data'));
    case 'evaluationLabels':
      return files(t('Labels of the Evaluation Data'), t('Labels'), labelFiles);
    case 'table':
      return files(t('Calibration Table'), t('Calibration table'), ['json']);
    case 'timingCache':
      return files(t('Timing Cache'), t('Timing cache'), ['cache', 'timing']);
    case 'preprocess':
      return files(t('Preprocessing Steps'), t('Steps'), ['json', 'jsonc']);
  }
}
