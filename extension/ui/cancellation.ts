/** The editor's `CancellationToken` as the core's `AbortSignal`: the one place where the two meet. */
import type * as vscode from 'vscode';

export function signalOf(token: vscode.CancellationToken): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  else token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}
