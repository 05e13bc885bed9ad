/**
 * The webview pages in a plain browser, with the fake hosts of `webview/playground/`: served from memory, with the content
 * policy that VS Code's host gives them. Tests and screenshots use `servePlayground`; by hand: `npm run playground`.
 *
 * Addresses: `/convert?theme=vscode-light&scenario=running&language=de` and so on; `/` lists them.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { webviewBundle, webviewPages } from './bundleOptions.mjs';

const policy =
  "default-src 'none'; script-src 'nonce-playground'; style-src 'self' 'nonce-playground'; img-src 'self' data:; font-src 'self'; form-action 'none'";

async function bundle() {
  const common = { ...webviewBundle, minify: false, sourcemap: 'inline', write: false, outdir: '/' };
  const hosts = webviewPages.map((page) => ({ in: `webview/playground/${page}Host.ts`, out: `${page}Host` }));
  const results = await Promise.all([
    build(common),
    build({ ...common, entryPoints: [...hosts, { in: 'webview/playground/frame.ts', out: 'frame' }] }),
  ]);
  return new Map(results.flatMap(({ outputFiles }) => outputFiles.map(({ path, text }) => [path, text])));
}

/** `de` as the editor would give it: the bundle that host and pages share. */
function stringsOf(language) {
  return language === 'en' ? {} : JSON.parse(readFileSync(`l10n/bundle.l10n.${language}.json`, 'utf8'));
}

function pageHtml(page, language) {
  const bootstrap = JSON.stringify({ page, locale: language, strings: stringsOf(language) }).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${page}</title>
<link rel="stylesheet" href="/${page}.css">
</head>
<body>
<main id="app"></main>
<script type="application/json" id="precision-bench-bootstrap">${bootstrap}</script>
<script nonce="playground" src="/frame.js"></script>
<script nonce="playground" src="/${page}Host.js"></script>
<script nonce="playground" src="/${page}.js"></script>
</body>
</html>`;
}

function indexHtml() {
  const links = webviewPages.map((page) => `<li><a href="/${page}">${page}</a></li>`);
  return `<!doctype html><html lang="en"><title>Precision Bench playground</title><ul>${links.join('')}</ul></html>`;
}

/** @returns the address, and a function that ends the server */
export async function servePlayground(port = 0) {
  const files = await bundle();
  const types = { js: 'text/javascript', css: 'text/css' };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const answer = (status, type, text) =>
      response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(text);
    const page = webviewPages.find((name) => pathname === `/${name}`);
    const file = files.get(pathname);
    if (pathname === '/') answer(200, 'text/html', indexHtml());
    else if (page !== undefined)
      answer(200, 'text/html', pageHtml(page, searchParams.get('language') === 'de' ? 'de' : 'en'));
    else if (file !== undefined) answer(200, types[pathname.split('.').at(-1)] ?? 'text/plain', file);
    else if (pathname === '/favicon.ico') response.writeHead(204).end();
    else answer(404, 'text/plain', 'not found');
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: bound } = server.address();
  return {
    url: `http://127.0.0.1:${bound}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { url } = await servePlayground(Number(process.argv[2] ?? 8321));
  console.log(`${url} (after a change of the pages: start it again)`);
}
