/**
 * Bundles the command line, the worker and its data set thread into dist/. `--watch` rebuilds on change.
 *
 * What cannot be bundled stays beside: onnxruntime-node (a native module of the registry) and our own addon (build/native).
 */
import { build, context } from 'esbuild';
import { nodeBundle } from './scripts/bundleOptions.mjs';

const bundles = [
  { ...nodeBundle, entryPoints: { cli: 'extension/cli/entry.ts' }, banner: { js: '#!/usr/bin/env node' } },
  {
    ...nodeBundle,
    entryPoints: {
      worker: 'extension/worker/workerMain.ts',
      datasetThread: 'extension/calibrate/datasets/datasetThread.ts',
    },
  },
];

for (const options of bundles) {
  const settings = { ...options, outdir: 'dist', outExtension: { '.js': '.cjs' } };
  if (process.argv.includes('--watch')) await (await context(settings)).watch();
  else await build(settings);
}
