/**
 * The models and samples of the precision benchmark, as files that both sides read. `run.mjs` and `calibrationTimes.mjs`
 * start from them.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { cacheFolder } from './environments.mjs';

const here = import.meta.dirname;
const repository = path.resolve(here, '../../..');

/** The folder of the models, beside the clone unless named. */
export const models = process.env.PRECISION_BENCH_MODELS ?? path.resolve(repository, '../shared/models');

/**
 * Preprocessed arrays and the models both sides start from; made once and kept.
 *
 * @param {string} interpreter of the peers' environment
 */
export function exportTask(name, interpreter, log) {
  const folder = path.join(cacheFolder, 'tasks', name);
  const python = (script, ...rest) =>
    execFileSync(interpreter, [path.join(here, script), ...rest], {
      encoding: 'utf8',
      env: { ...process.env, PRECISION_BENCH_MODELS: models },
    });
  const about = path.join(folder, 'task.json');
  if (!existsSync(about)) {
    log(`${name}: arrays and prepared models`);
    mkdirSync(folder, { recursive: true });
    const task = JSON.parse(python('score.py', 'export', name, folder).trim().split('\n').at(-1));
    copyFileSync(task.model, path.join(folder, 'source.onnx'));
    chmodSync(path.join(folder, 'source.onnx'), 0o644);
    for (const style of ['full', 'plain']) {
      python(
        'peers.py',
        'prepare',
        name,
        path.join(folder, 'source.onnx'),
        path.join(folder, `prepared-${style}.onnx`),
        style,
      );
    }
    writeFileSync(about, JSON.stringify(task, null, 2));
  }
  const task = JSON.parse(readFileSync(about, 'utf8'));
  const data = (split) => path.join(folder, task.batched ? `${split}.npz` : split);
  return { name, folder, ...task, calibration: data('calib'), evaluation: data('eval') };
}
