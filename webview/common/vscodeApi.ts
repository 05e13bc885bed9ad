/**
 * What VS Code gives a webview, once: a message port and a small state that survives the page being hidden or the window
 * reloaded. Pages are never kept alive in the background (`retainContextWhenHidden`), so all that is worth keeping goes here.
 */

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** It may be acquired once per page load. */
const api = acquireVsCodeApi();

export function postToHost(message: unknown): void {
  api.postMessage(message);
}

/** What the page saved last, or null. Its shape is the page's own business; an older version may have written it. */
export function savedState(): Readonly<Record<string, unknown>> | null {
  const state = api.getState();
  return typeof state === 'object' && state !== null ? (state as Record<string, unknown>) : null;
}

export function saveState(state: Readonly<Record<string, unknown>>): void {
  api.setState(state);
}
