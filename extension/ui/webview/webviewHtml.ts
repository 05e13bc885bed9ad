/**
 * The HTML of a webview page: nothing but its bundle, its stylesheet and its translations, under a content policy that lets
 * nothing else in. The page draws itself (`webview/<page>/`).
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { bootstrapElementId, type Page, type PageBootstrap } from '../../contract/panels/pageBootstrap';

/** What a page may load from: its bundles, nothing of the workspace. Pictures come as data URLs. */
export function webviewOptions(extensionUri: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [bundleFolder(extensionUri)] };
}

export interface PageOptions {
  /** Where the page stands, for pages that serve in several. */
  readonly place?: string;
  /** Heading that is seen until the page draws itself. */
  readonly title?: string;
}

export function webviewHtml(
  webview: vscode.Webview,
  extensionUri: vscode.Uri,
  page: Page,
  { place = 'editor', title }: PageOptions = {},
): string {
  const nonce = randomBytes(18).toString('base64');
  const address = (file: string) =>
    webview.asWebviewUri(vscode.Uri.joinPath(bundleFolder(extensionUri), file)).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    // The toolkit probes what the browser can do with a style element of its own.
    `style-src ${webview.cspSource} 'nonce-${nonce}'`,
    `font-src ${webview.cspSource}`,
    `img-src ${webview.cspSource} data:`,
  ].join('; ');
  const bootstrap: PageBootstrap = {
    page,
    locale: vscode.env.language,
    strings: stringsOf(vscode.l10n.bundle),
  };
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="${nonce}">${stylesheet(extensionUri, page)}</style>
</head>
<body data-page="${page}" data-place="${place}">
<main id="app">${title === undefined ? '' : `<header class="page-head"><h1>${escapedText(title)}</h1></header>`}</main>
<script type="application/json" id="${bootstrapElementId}">${escapedJson(bootstrap)}</script>
<script nonce="${nonce}" src="${address(`${page}.js`)}"></script>
</body>
</html>`;
}

function bundleFolder(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
}

/** Within the page: a page that waits for another file is blank meanwhile. */
function stylesheet(extensionUri: vscode.Uri, page: Page): string {
  let css = stylesheets.get(page);
  if (css === undefined) {
    css = readFileSync(vscode.Uri.joinPath(bundleFolder(extensionUri), `${page}.css`).fsPath, 'utf8');
    stylesheets.set(page, css);
  }
  return css;
}
const stylesheets = new Map<Page, string>();

function escapedText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** `<` could end the element that carries it. */
function escapedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** A bundle's entry may be a text, or a text with a comment for translators. */
function stringsOf(bundle: typeof vscode.l10n.bundle): Record<string, string> {
  const entries = Object.entries((bundle ?? {}) as Record<string, string | { readonly message: string }>);
  return Object.fromEntries(entries.map(([key, text]) => [key, typeof text === 'string' ? text : text.message]));
}
