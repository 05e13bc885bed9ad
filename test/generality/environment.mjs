/**
 * What the generality tests keep between runs, in the tool's cache folder: the `onnx` package, fetched by name with pip, the
 * single-operator tests that it makes, and the outcomes.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const onnxVersion = '1.23.2';
const home =
  process.env.PRECISION_BENCH_HOME ??
  path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'precision-bench');

export const resultsFolder = path.join(home, 'generality');
export const python = process.env.PYTHON ?? 'python3';

/** The folder that holds the `onnx` package, made when it is missing: put it on PYTHONPATH. */
export function onnxPackage() {
  const folder = path.join(home, `onnx-${onnxVersion}`);
  if (existsSync(folder)) return folder;
  const aside = `${folder}.tmp`;
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', aside];
  execFileSync(python, [...args, `onnx==${onnxVersion}`], { stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(aside, folder);
  return folder;
}

/** Folders `kind/name` with a model and its tensors. */
export function casesFolder() {
  const onnx = onnxPackage();
  const folder = path.join(onnx, 'cases');
  if (!existsSync(folder)) {
    execFileSync(python, [path.join(import.meta.dirname, 'single_op_cases.py'), folder], {
      env: { ...process.env, PYTHONPATH: onnx },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
  }
  return folder;
}
