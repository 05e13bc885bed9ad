/** esbuild options of the bundles: those for Node (dist/, benchmarks, tests' own) and those of the webview pages. */

import { esbuildReportPage } from './reportPagePlugin.mjs';

/** @type {import('esbuild').BuildOptions} */
export const nodeBundle = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: true,
  // Stack traces and class names in logs stay readable; size does not matter here.
  minifySyntax: true,
  external: ['onnxruntime-node', '*.node'],
  // Its UMD build, which `main` names, requires files by expressions that cannot be bundled.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  loader: { '.wasm': 'binary', '.py': 'text' },
  plugins: [esbuildReportPage],
  logLevel: 'warning',
  // @jsquash/webp asks for its own address, which it is then not given in a CommonJS bundle; its bytes are inlined.
  logOverride: { 'empty-import-meta': 'silent' },
};

/**
 * `extension.cjs` is read whenever the editor starts, so what it loads on first use (`ui/editor.ts`) is a bundle of its own,
 * required then and not before.
 */
const editorOnFirstUse = {
  name: 'editor-on-first-use',
  setup(bundler) {
    bundler.onResolve({ filter: /\/ui\/editor$/ }, () => ({ path: './editor.cjs', external: true }));
  },
};

/**
 * What is loaded into the editor, beside `nodeBundle`. The editor provides `vscode`, to `require` alone.
 * @type {import('esbuild').BuildOptions}
 */
export const editorBundle = {
  external: [...nodeBundle.external, 'vscode'],
  plugins: [...nodeBundle.plugins, editorOnFirstUse],
  supported: { 'dynamic-import': false },
};

/** The pages of `contract/panels/pageBootstrap.ts`; each becomes one classic script and one stylesheet, `PAGE.js` and `.css`. */
export const webviewPages = ['convert', 'comparison', 'engine'];

/** @type {import('esbuild').BuildOptions} */
export const webviewBundle = {
  entryPoints: webviewPages.flatMap((page) => [
    { in: `webview/${page}/page.ts`, out: page },
    { in: `webview/${page}/page.css`, out: page },
  ]),
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'es2022',
  format: 'iife',
  sourcemap: true,
  legalComments: 'none',
  logLevel: 'warning',
};
