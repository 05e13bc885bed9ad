/** The one door to the settings `precisionBench.*`: typed, with defaults, and mindful of workspace trust. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { settingKeys, settingsSection } from './ids';
import { expandOutputFolder } from './runs/outputFolder';

function read<T>(key: string, fallback: T, scope?: vscode.Uri): T {
  return vscode.workspace.getConfiguration(settingsSection, scope ?? null).get<T>(key, fallback);
}

export const settings = {
  /** Where the results of a model go. Absolute. */
  outputFolder(model: string): string {
    const uri = vscode.Uri.file(model);
    const pattern = read(settingKeys.outputFolder, '', uri);
    const workspace = vscode.workspace.getWorkspaceFolder(uri)?.uri.fsPath ?? path.dirname(model);
    return expandOutputFolder(pattern, model, workspace);
  },

  /** Variants that a plan begins with, as written: names that are none are left out by the reader. */
  precisions(scope?: vscode.Uri): readonly string[] {
    return read<readonly string[]>(settingKeys.precisions, [], scope);
  },

  /** `10m`, or null without one. */
  timeBudget(scope?: vscode.Uri): string | null {
    return read(settingKeys.timeBudget, '', scope).trim() || null;
  },

  /** The interpreter for Python data sets; null: the default. Restricted, so an untrusted workspace cannot set it. */
  python(scope?: vscode.Uri): string | null {
    return read(settingKeys.python, '', scope).trim() || null;
  },

  /** A folder with TensorRT; null: search. Machine-scoped. */
  library: (): string | null => read(settingKeys.library, '').trim() || null,

  /** Where fetched libraries and caches lie; null: the user's cache folder. Machine-scoped. */
  home: (): string | null => read(settingKeys.home, '').trim() || null,

  showComparisonWhenDone: (): boolean => read(settingKeys.showComparison, true),

  /** Calls when one of the settings that the machine's answer depends on has changed. */
  onDidChangeMachine(listener: () => void): vscode.Disposable {
    const keys = [settingKeys.library, settingKeys.home];
    return vscode.workspace.onDidChangeConfiguration((event) => {
      if (keys.some((key) => event.affectsConfiguration(`${settingsSection}.${key}`))) listener();
    });
  },
};
