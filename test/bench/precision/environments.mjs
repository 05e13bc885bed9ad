/**
 * Python environments of the peers, made once by pip in the tool's cache folder and pinned by the requirements files here.
 *
 * Two, because ModelOpt pins older releases of ONNX and ONNX Runtime than the ones it is compared with. `run.mjs` comes
 * after.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const here = import.meta.dirname;

/** Everything the benchmark keeps between runs: in the tool's own folder (`extension/build/install/toolHome.ts`). */
export const cacheFolder = path.join(
  process.env.PRECISION_BENCH_HOME ||
    path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'precision-bench'),
  'bench-precision',
);

/** Each step is one `pip install` with these arguments. */
const installations = {
  peers: [['-r', 'requirements-peers.txt']],
  // Without its dependencies: see the head of requirements-modelopt.txt.
  modelopt: [
    ['-r', 'requirements-modelopt.txt'],
    ['--no-deps', '-r', 'requirements-modelopt-only.txt'],
  ],
};

/** @returns the interpreter of the environment, which is made if it is missing or its requirements changed */
export function pythonOf(name, log) {
  const steps = installations[name];
  const folder = path.join(cacheFolder, `venv-${name}`);
  const python = path.join(folder, 'bin', 'python');
  const files = steps.map((step) => readFileSync(path.join(here, step.at(-1)), 'utf8'));
  const wanted = createHash('sha256').update(files.join('\0')).digest('hex');
  const stamp = path.join(folder, 'requirements.sha256');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  log(`making the Python environment ${folder}`);
  mkdirSync(cacheFolder, { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  execFileSync(process.env.PYTHON ?? 'python3', ['-m', 'venv', folder]);
  for (const step of steps) {
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...step], {
      cwd: here,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  writeFileSync(stamp, wanted);
  return python;
}

/** Versions of the packages that matter, as installed. */
export function versionsOf(python, packages) {
  const code = `import importlib.metadata as m,json;print(json.dumps({p:m.version(p) for p in ${JSON.stringify(packages)}}))`;
  return JSON.parse(execFileSync(python, ['-c', code], { encoding: 'utf8' }));
}
