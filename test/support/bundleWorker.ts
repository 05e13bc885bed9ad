/** Bundles a worker entry as the build does, into a temporary folder of the repository, where packages are found. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { build } from 'esbuild';
import { nodeBundle } from '../../scripts/bundleOptions.mjs';

export interface BundledWorker {
  /** Absolute path of the bundle, to be forked. */
  readonly entry: string;
  remove(): Promise<void>;
}

export async function bundleWorker(source: string): Promise<BundledWorker> {
  const parent = path.resolve(import.meta.dirname, '../../build');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(path.join(parent, 'worker-test-'));
  const entry = path.join(folder, 'worker.cjs');
  // The worker starts the thread that reads data sets from beside itself.
  const datasetThread = path.resolve(import.meta.dirname, '../../extension/calibrate/datasets/datasetThread.ts');
  await build({
    ...nodeBundle,
    sourcemap: false,
    logLevel: 'error',
    entryPoints: { worker: source, datasetThread },
    outdir: folder,
    outExtension: { '.js': '.cjs' },
  });
  return { entry, remove: () => rm(folder, { recursive: true, force: true }) };
}
