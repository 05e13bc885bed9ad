/**
 * The HTML of a webview page: its bundle, its stylesheet, its translations and what it draws first, under a content policy that
 * lets nothing else in. The page draws itself (`webview/<page>/`).
 *
 * All of it is in the one text. The editor shows a page once all its files are there, and each of them would be asked for on
 * the way page, service worker, window, extension host and back.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { bootstrapElementId, type Page, type PageBootstrap } from '../../contract/panels/pageBootstrap';

/** A page loads no file, neither of the workspace nor of ours. Pictures come as data URLs. */
export const webviewOptions: vscode.WebviewOptions = { enableScripts: true, localResourceRoots: [] };

export interface PageOptions {
  /** Where the page stands, for pages that serve in several. */
  readonly place?: string;
  /** What its `load` answers, where that is known already. */
  readonly contents?: unknown;
}

export function webviewHtml(
  extensionUri: vscode.Uri,
  page: Page,
  { place = 'editor', contents = null }: PageOptions = {},
): string {
  const nonce = randomBytes(18).toString('base64');
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    // The toolkit probes what the browser can do with a style element of its own.
    `style-src 'nonce-${nonce}'`,
    'img-src data:',
  ].join('; ');
  const bootstrap: PageBootstrap = {
    page,
    locale: vscode.env.language,
    strings: stringsOf(vscode.l10n.bundle),
    contents,
  };
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="${nonce}">${bundled(extensionUri, `${page}.css`)}</style>
</head>
<body data-page="${page}" data-place="${place}">
<main id="app"></main>
<script type="application/json" id="${bootstrapElementId}">${escapedJson(bootstrap)}</script>
<script nonce="${nonce}">${bundled(extensionUri, `${page}.js`)}</script>
</body>
</html>`;
}

/** A file of dist/webview, read once. esbuild writes no end tag of script or style into either. */
function bundled(extensionUri: vscode.Uri, file: string): string {
  let text = bundles.get(file);
  if (text === undefined) {
    const path = vscode.Uri.joinPath(extensionUri, 'dist', 'webview', file).fsPath;
    // The map's address would be looked for beside the page, which has none.
    text = readFileSync(path, 'utf8').replace(/\n(\/\/|\/\*)# sourceMappingURL=.*\s*$/, '');
    bundles.set(file, text);
  }
  return text;
}
const bundles = new Map<string, string>();

/** `<` could end the element that carries it. */
function escapedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** A bundle's entry may be a text, or a text with a comment for translators. */
function stringsOf(bundle: typeof vscode.l10n.bundle): Record<string, string> {
  const entries = Object.entries((bundle ?? {}) as Record<string, string | { readonly message: string }>);
  return Object.fromEntries(entries.map(([key, text]) => [key, typeof text === 'string' ? text : text.message]));
}
