/**
 * What calibration must not depend on: batch size and order of the samples (the table), number of samples (the memory).
 *
 * Runs `calibrate` as a user would. `run.mjs` calls it with `--extras`; `goals.mjs` judges the numbers.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { calibrateTable } from './precisionBench.mjs';

const here = import.meta.dirname;

/** Tables for batch sizes 1, 7 and 64 and for three orders of the samples, as hashes over every entry. */
export async function measureInvariance(task, python, folder, log) {
  mkdirSync(folder, { recursive: true });
  const reordered = [1, 2].map((seed) => {
    const file = path.join(folder, `order-${seed}.npz`);
    execFileSync(python, [path.join(here, 'synthetic.py'), 'shuffle', task.calibration, file, String(seed)]);
    return { name: `batch 8, order ${seed}`, calibration: file, batchSize: 8 };
  });
  const cases = [
    ...[1, 7, 64].map((batchSize) => ({ name: `batch ${batchSize}`, calibration: task.calibration, batchSize })),
    ...reordered,
  ];
  const results = [];
  for (const { name, calibration, batchSize } of cases) {
    const result = await calibrateTable({ ...task, calibration }, { batchSize }, folder, null);
    const table = result.table ?? null;
    results.push({
      name,
      error: result.error ?? null,
      tensors: table === null ? null : Object.keys(table.tensors).length,
      sha256: table === null ? null : createHash('sha256').update(canonical(table)).digest('hex'),
    });
    log(`${task.name} invariance, ${name}: ${results.at(-1).sha256?.slice(0, 12) ?? result.error}`);
  }
  return results;
}

/** Every number of the table in full precision; not the key, which holds the hash of the data file. */
function canonical(table) {
  return JSON.stringify(sorted({ ...table, key: null }));
}

function sorted(value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.keys(value)
    .sort()
    .map((name) => [name, sorted(value[name])]);
}

/**
 * Peak memory of `calibrate` against the number of samples: text lines of full width, and narrow ones (a fifth of the
 * time) for the large number.
 */
export async function measureMemory(task, python, folder, log, cpus) {
  mkdirSync(folder, { recursive: true });
  const results = [];
  for (const [samples, width] of [
    [200, 480],
    [200, 96],
    [5000, 96],
  ]) {
    const file = path.join(folder, `noisy-${samples}x${width}.npy`);
    if (!existsSync(file)) {
      const source = path.join(task.folder, 'calib.npz');
      execFileSync(python, [path.join(here, 'synthetic.py'), 'noisy', source, String(samples), String(width), file]);
    }
    const result = await calibrateTable({ ...task, calibration: file }, { samples }, folder, cpus);
    results.push({
      samples,
      width,
      dataBytes: statSync(file).size,
      error: result.error ?? null,
      seconds: result.seconds ?? null,
      peakRssBytes: result.peakRssBytes ?? null,
    });
    log(
      `${task.name} memory, ${samples} samples of width ${width}: ${result.error ?? `${Math.round(result.peakRssBytes / 1e6)} MB`}`,
    );
  }
  return results;
}
