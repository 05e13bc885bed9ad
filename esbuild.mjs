/**
 * Bundles the extension, the command line, the worker with its data set thread, and the webview pages into dist/. `--watch` rebuilds on change.
 *
 * What cannot be bundled stays beside: onnxruntime-node (a native module of the registry) and our own addon (build/native).
 */
import { build, context } from 'esbuild';
import { nodeBundle, webviewBundle } from './scripts/bundleOptions.mjs';

const cjs = { outdir: 'dist', outExtension: { '.js': '.cjs' } };
/** The editor itself provides `vscode`. */
const editorExternal = [...nodeBundle.external, 'vscode'];
const bundles = [
  { ...nodeBundle, ...cjs, entryPoints: { cli: 'extension/cli/entry.ts' }, banner: { js: '#!/usr/bin/env node' } },
  { ...nodeBundle, ...cjs, entryPoints: { extension: 'extension/extension.ts' }, external: editorExternal },
  {
    ...nodeBundle,
    ...cjs,
    entryPoints: {
      worker: 'extension/worker/workerMain.ts',
      datasetThread: 'extension/calibrate/datasets/datasetThread.ts',
    },
  },
  { ...webviewBundle, outdir: 'dist/webview' },
];

for (const options of bundles) {
  if (process.argv.includes('--watch')) await (await context(options)).watch();
  else await build(options);
}
