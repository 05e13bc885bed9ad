/**
 * Packs what the device machine needs into .gpu/ (which git ignores): our program, and once, in pieces that fit one call,
 * the large files. Then says which calls to make. Nothing is downloaded here.
 *
 *     node test/device/run.mjs app                        our program, small, sent with every call
 *     node test/device/run.mjs pieces FILE NAME           cuts FILE into .gpu/NAME00, .gpu/NAME01, …
 *
 * The machine has no network and is given back after 30 s without a call. So: one call a piece, each copying it
 * (`cp .gpu/NAME00/* /root/pieces/`), all in a row; then `bash test/device/onDevice.sh STEP` for the steps.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { nodeBundle } from '../../scripts/bundleOptions.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const gpu = path.join(root, '.gpu');
/** The machine takes 64 MiB a call, the working tree included. */
const pieceBytes = 56_000_000;

async function packApp() {
  const app = path.join(gpu, 'app');
  rmSync(app, { recursive: true, force: true });
  mkdirSync(path.join(app, 'dist'), { recursive: true });
  const entryPoints = {
    cli: 'extension/cli/entry.ts',
    worker: 'extension/worker/workerMain.ts',
    datasetThread: 'extension/calibrate/datasets/datasetThread.ts',
    collect: 'test/device/collect.ts',
    soak: 'test/device/soak.ts',
    transformer: 'test/device/transformer.ts',
  };
  await build({
    ...nodeBundle,
    sourcemap: false,
    entryPoints,
    outdir: path.join(app, 'dist'),
    outExtension: { '.js': '.cjs' },
  });
  cpSync(path.join(root, 'package.json'), path.join(app, 'package.json'));
  const release = path.join(root, 'build/native/Release');
  for (const name of ['precision_bench.node', 'pb_engine_10.so', 'pb_engine_8.so', 'pb_plugin_stub_8.so']) {
    if (existsSync(path.join(release, name)))
      cpSync(path.join(release, name), path.join(app, 'build/native/Release', name));
  }
  execFileSync('cmake', ['--build', path.join(root, 'build/native'), '--target', 'bare_loop'], { stdio: 'inherit' });
  cpSync(path.join(root, 'build/native/bare_loop'), path.join(app, 'bare_loop'));
  execFileSync('tar', ['czf', path.join(gpu, 'app.tgz'), '-C', app, '.']);
  rmSync(app, { recursive: true });
  mkdirSync(app);
  cpSync(path.join(gpu, 'app.tgz'), path.join(app, 'app.tgz'));
  rmSync(path.join(gpu, 'app.tgz'));
}

function cut(file, name) {
  const scratch = path.join(gpu, `${name}.cut`);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  execFileSync('split', ['-b', String(pieceBytes), '-d', file, path.join(scratch, `${name}.`)]);
  const cuts = execFileSync('ls', [scratch], { encoding: 'utf8' }).trim().split('\n');
  for (const piece of cuts) {
    const folder = path.join(gpu, piece.replace('.', ''));
    mkdirSync(folder, { recursive: true });
    cpSync(path.join(scratch, piece), path.join(folder, piece));
  }
  rmSync(scratch, { recursive: true });
  console.log(cuts.join(' '));
}

const [what, file, name] = process.argv.slice(2);
if (what === 'app') await packApp();
else if (what === 'pieces') cut(path.resolve(file), name);
else throw new Error('Usage: run.mjs app | pieces FILE NAME');
