/**
 * Packs what the device machine needs into .gpu/ (which git ignores). Nothing is downloaded here.
 *
 *     node test/device/run.mjs app                        our program, small: .gpu/app
 *     node test/device/run.mjs payload MODELS             node, onnxruntime, models and data of a folder such as ../shared/models
 *     node test/device/run.mjs pieces FILE NAME           cuts FILE into .gpu/NAME00, .gpu/NAME01, … of what fits one call
 *     node test/device/run.mjs peers FOLDER               files of other tools, in folders or not: …/NAME.onnx, variants of a report
 *     node test/device/run.mjs page FOLDER                FOLDER/index.html of the reports that came back to FOLDER
 *
 * The machine has no network and is given back after 30 s without a call. So: one call a piece, each carrying it and copying
 * it (`mkdir -p /root/pieces && cp .gpu/NAME00/* /root/pieces/`), all in a row; then `bash test/device/onDevice.sh STEP` for
 * the steps. The order that loses no time:
 *
 *     app · payload pieces · trt10 pieces · join payload, join trt10, smoke, start SECONDS (one call) · then, while the GPU
 *     works: peers, trt8 pieces · join peers, join trt8 · wait SECONDS, as often as needed
 *
 * A machine of four GPUs does in 13 minutes what takes one an hour: `start SECONDS GPU TASK…` once a GPU, each model on one.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { nodeBundle } from '../../scripts/bundleOptions.mjs';
import { importTypeScript } from '../../scripts/setup/importTypeScript.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const gpu = path.join(root, '.gpu');
/** The machine takes 64 MiB a call, the working tree included. */
const pieceBytes = 56_000_000;

const scripts = ['collect', 'overhead', 'peers', 'rebuild', 'soak', 'transformer', 'turns'];

/** An empty folder for what is about to be packed. */
function stage(name) {
  const folder = path.join(gpu, `${name}.staged`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Packs a staged folder. @returns the archive */
function archive(folder) {
  const file = folder.replace(/\.staged$/, '.tgz');
  execFileSync('tar', ['czf', file, '-C', folder, '.']);
  rmSync(folder, { recursive: true });
  return file;
}

async function packApp() {
  const app = stage('app');
  const entryPoints = {
    cli: 'extension/cli/entry.ts',
    worker: 'extension/worker/workerMain.ts',
    datasetThread: 'extension/calibrate/datasets/datasetThread.ts',
    ...Object.fromEntries(scripts.map((name) => [name, `test/device/${name}.ts`])),
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
  const file = archive(app);
  mkdirSync(path.join(gpu, 'app'), { recursive: true });
  cpSync(file, path.join(gpu, 'app', 'app.tgz'));
  rmSync(file);
  console.log('app');
}

/** The lines of a list of samples that begin as wanted, as a manifest beside it. */
function writeManifest(file, header, lines) {
  writeFileSync(file, [header, ...lines, ''].join('\n'));
}

function packPayload(shared) {
  const folder = stage('payload');
  const copy = (from, to) => cpSync(from, path.join(folder, to), { recursive: true, dereference: true });
  copy(process.execPath, 'node');
  for (const name of ['digits_resnet_tiny', 'efficientnet-lite0', 'PP-OCRv6_rec_small']) {
    copy(path.join(shared, 'models', `${name}.onnx`), `models/${name}.onnx`);
  }
  for (const name of ['digits_calib.npz', 'digits_test.npz']) {
    copy(path.join(shared, 'data/digits', name), `data/digits/${name}`);
  }
  for (const name of ['imagenet', 'ocr']) copy(path.join(shared, 'data', name), `data/${name}`);
  const linesOf = (file) =>
    readFileSync(path.join(shared, 'data', file), 'utf8')
      .trim()
      .split(/\r?\n/);
  const [header, ...pictures] = linesOf('imagenet/labels.csv');
  for (const split of ['calib', 'eval']) {
    const own = pictures.filter((line) => line.startsWith(`${split}/`));
    writeManifest(path.join(folder, 'data/imagenet', `${split}.csv`), header, own);
  }
  // The first hundred lines of text calibrate, as the set's description says.
  const texts = linesOf('ocr/labels.tsv').map((line) => {
    const [file, text = ''] = line.split('\t');
    return `${file},"${text.replaceAll('"', '""')}"`;
  });
  writeManifest(path.join(folder, 'data/ocr/calib.csv'), 'file,text', texts.slice(0, 100));
  writeManifest(path.join(folder, 'data/ocr/eval.csv'), 'file,text', texts.slice(100));
  const modules = path.join(root, 'node_modules');
  for (const part of ['onnxruntime-node/package.json', 'onnxruntime-node/dist', 'onnxruntime-common']) {
    copy(path.join(modules, part), `app/node_modules/${part}`);
  }
  const binaries = 'onnxruntime-node/bin/napi-v6/linux/x64';
  copy(path.join(modules, binaries), `app/node_modules/${binaries}`);
  const file = archive(folder);
  cut(file, 'payload');
  rmSync(file);
}

function packPeers(from) {
  const folder = stage('peers');
  cpSync(from, folder, { recursive: true, filter: (file) => statSync(file).isDirectory() || file.endsWith('.onnx') });
  const file = archive(folder);
  cut(file, 'peers');
  rmSync(file);
}

function cut(file, name) {
  const scratch = stage(`${name}.cut`);
  execFileSync('split', ['-b', String(pieceBytes), '-d', file, path.join(scratch, `${name}.`)]);
  const cuts = execFileSync('ls', [scratch], { encoding: 'utf8' }).trim().split('\n');
  for (const piece of cuts) {
    const folder = path.join(gpu, piece.replace('.', ''));
    mkdirSync(folder, { recursive: true });
    cpSync(path.join(scratch, piece), path.join(folder, piece));
  }
  rmSync(scratch, { recursive: true });
  console.log(cuts.map((piece) => piece.replace('.', '')).join(' '));
}

async function writePage(folder) {
  const { pageOf } = await importTypeScript('test/device/page/pageOf.ts');
  const css = readFileSync(path.join(root, 'test/device/page/page.css'), 'utf8');
  writeFileSync(path.join(folder, 'index.html'), pageOf(folder, css));
}

const [what, file, name] = process.argv.slice(2);
if (what === 'app') await packApp();
else if (what === 'payload') packPayload(path.resolve(file));
else if (what === 'peers') packPeers(path.resolve(file));
else if (what === 'pieces') cut(path.resolve(file), name);
else if (what === 'page') await writePage(path.resolve(file));
else throw new Error('Usage: run.mjs app | payload MODELS | pieces FILE NAME | peers FOLDER | page FOLDER');
