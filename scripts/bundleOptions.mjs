/** esbuild options that every bundle for Node shares: dist/, benchmarks, and the bundles that tests make. */

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
