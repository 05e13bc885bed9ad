/** Is a document a plan file on disk? By its name: `*.trtplan.json`. */
import type * as vscode from 'vscode';

export function isPlan({ uri }: Pick<vscode.TextDocument, 'uri'>): boolean {
  return uri.scheme === 'file' && uri.path.endsWith('.trtplan.json');
}
