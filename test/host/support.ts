/** What tests in the extension host share: our extension, the workspace, and waiting for what the editor does later. */
import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

export const extensionId = 'precision-bench.precision-bench';

export function ourExtension(): vscode.Extension<unknown> {
  const extension = vscode.extensions.getExtension(extensionId);
  assert.ok(extension, `the editor knows ${extensionId}`);
  return extension;
}

export function inWorkspace(path: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'a folder is open');
  return vscode.Uri.joinPath(folder.uri, path);
}

/** Asks again until there is an answer. `what` says at the end what there was instead. */
export async function eventually<T>(
  what: string | (() => string),
  ask: () => T | undefined | Promise<T | undefined>,
  withinMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline)
      throw new Error(`not within ${withinMs / 1000} s: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string }[];
    readonly customEditors?: readonly { readonly viewType: string }[];
  };
}

export function manifest(): Manifest {
  return ourExtension().packageJSON as Manifest;
}
