/**
 * Bundles the extension, the command line, the worker with its data set thread, and the webview pages into dist/. `--watch` rebuilds on change.
 *
 * What cannot be bundled stays beside: onnxruntime-node (a native module of the registry) and our own addon (build/native).
 */
import { build, context } from 'esbuild';
import { editorBundle, nodeBundle, webviewBundle } from './scripts/bundleOptions.mjs';

const cjs = { outdir: 'dist', outExtension: { '.js': '.cjs' } };
const bundles = [
  { ...nodeBundle, ...cjs, entryPoints: { cli: 'extension/cli/entry.ts' }, banner: { js: '#!/usr/bin/env node' } },
  { ...nodeBundle, ...cjs, ...editorBundle, entryPoints: { extension: 'extension/extension.ts' } },
  { ...nodeBundle, ...cjs, ...editorBundle, entryPoints: { editor: 'extension/ui/editor.ts' } },
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
