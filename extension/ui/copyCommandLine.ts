/** *Copy Command* of the panels: the clipboard, and a word that it happened, which the pages say to screen readers alone. */
import * as vscode from 'vscode';
import { t } from './l10n';

const shownMs = 4000;

export async function copyCommandLine(text: string): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(`$(check) ${t('The command line is copied.')}`, shownMs);
}
