/**
 * Packs `npm run bench:precision` for a machine without a network, for `run.mjs pieces` to cut.
 *
 * The device machine has idle cores while its GPU is busy, which a shared machine of two cores has not: every model of the
 * benchmark gets two cores of its own there, all at once, and both sides of a row still run in turn on the same two. Python, its
 * environments, Node, this clone and the models are unpacked at the paths that they have here, so nothing in them is changed.
 * `onDevice.sh bench` comes after; it needs `npm run build` and the environments of `environments.mjs` before.
 *
 *     node test/device/packBench.mjs environment      .gpu/bench-environment.tgz, large: all that is not ours
 *     node test/device/packBench.mjs program          .gpu/bench-program.tgz, once the program is what will be measured
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, pythonOf } from '../bench/precision/environments.mjs';
import { models } from '../bench/precision/exportTask.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const gpu = path.join(root, '.gpu');

const environments = ['peers', 'modelopt'].map((name) => path.dirname(path.dirname(pythonOf(name, console.error))));
/** The interpreter that the environments link to. */
const python = path.dirname(path.dirname(realpathSync(path.join(environments[0], 'bin', 'python'))));
const program = [
  'dist',
  'build/native/Release',
  'extension',
  'schemas',
  'scripts',
  'test/bench',
  'webview',
  'package.json',
  'tsconfig.json',
];

/** What no benchmark reads; two thirds of the bytes. */
const unneeded = [
  '__pycache__',
  '*.a',
  'lib/python3*/test',
  'lib/python3*/config-*-linux-gnu',
  `${python.slice(1)}/lib/python3*/site-packages`,
  `${python.slice(1)}/include`,
  'site-packages/pip',
  'site-packages/setuptools',
  'site-packages/*/tests',
  'site-packages/onnx/backend/test',
  '*.map',
];
/** Of node_modules the bundler for our parts of the benchmark, what it bundles, and the runtime that is not bundled. */
const otherPlatforms = ['darwin', 'win32', 'linux/arm64'].map(
  (name) => `node_modules/onnxruntime-node/bin/napi-v6/${name}`,
);
const heavyModules = [
  'playwright-core',
  'typescript',
  '@typescript-eslint',
  'vitest',
  'rolldown',
  '@rolldown',
  '@vscode',
];

const contents = {
  environment: [process.execPath, python, ...environments, models, path.join(root, 'node_modules')],
  program: program.map((name) => path.join(root, name)),
};

const [what] = process.argv.slice(2);
if (!(what in contents)) throw new Error('Usage: packBench.mjs environment | program');
const output = path.join(gpu, `bench-${what}.tgz`);
const excluded = [...unneeded, ...otherPlatforms, ...heavyModules.map((name) => `node_modules/${name}`)];
mkdirSync(gpu, { recursive: true });
execFileSync(
  'tar',
  [
    ...['czf', output, ...excluded.map((pattern) => `--exclude=${pattern}`), '-C', '/'],
    ...contents[what].map((file) => file.slice(1)),
  ],
  { stdio: 'inherit' },
);
console.log(`${output}: unpack with tar xzf -C /; results come to ${path.join(cacheFolder, 'runs')}`);
