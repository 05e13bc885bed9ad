/**
 * Our side of the precision benchmark: runs `dist/cli.cjs convert` and `calibrate` as a user would, from a plan file.
 *
 * The plan names the data and, but for the default variant, the algorithm; evaluation and latency inside the run are cut
 * to one sample and one iteration, because all variants are scored together by `score.py`. `run.mjs` comes after.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { build } from 'esbuild';
import { nodeBundle } from '../../../scripts/bundleOptions.mjs';
import { runMeasured } from './measuredProcess.mjs';

const repository = path.resolve(import.meta.dirname, '../../..');
export const commandLine = path.join(repository, 'dist', 'cli.cjs');

/**
 * @param {{model: string, calibration: string, evaluation: string}} task absolute paths
 * @param {{precision: string, algorithm?: string}} variant
 * @returns {Promise<object>} seconds, peak memory and the path of the model to score; or `error`
 */
export async function convertVariant(task, variant, folder, cpus) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const plan = path.join(folder, 'bench.trtplan.json');
  writeFileSync(plan, JSON.stringify(planOf(task, variant), null, 2));
  const out = path.join(folder, 'out');
  const result = await runMeasured(
    [process.execPath, commandLine, 'convert', '--plan', plan, '--out', out, '--json', '--quiet'],
    { cwd: folder, cpus },
  );
  writeFileSync(path.join(folder, 'stderr.txt'), result.stderr);
  if (result.code !== 0) return { error: lastLines(result.stderr) };
  const report = JSON.parse(readFileSync(path.join(out, 'report.json'), 'utf8'));
  const row = report.variants.find((candidate) => candidate.precision === variant.precision);
  const onnx = path.join(out, row.artifacts.find((artifact) => artifact.kind === 'onnx').path);
  return {
    calibrationSeconds: row.calibration?.seconds ?? null,
    processSeconds: result.seconds,
    cpuSeconds: result.cpuSeconds,
    peakRssBytes: result.peakRssBytes,
    file: onnx,
    // BF16 has no kernels on the CPU at all; what FP16 files compute there is scored both ways.
    scored: variant.precision === 'bf16' ? await simulated(onnx, folder) : onnx,
    simulated: variant.precision === 'bf16',
    details: {
      reportedPeakRssBytes: row.calibration?.peakRssBytes ?? null,
      tensors: row.calibration?.tensors ?? null,
      unfit: row.calibration?.unfit ?? [],
      keptHigher: row.decisions.length,
      warnings: report.verdict.warnings,
    },
  };
}

/**
 * Calibrates only, and returns the table with what it cost.
 *
 * @param {{model: string, calibration: string, evaluation: string}} task
 * @param {{batchSize?: number, samples?: number}} options
 */
export async function calibrateTable(task, options, folder, cpus) {
  mkdirSync(folder, { recursive: true });
  const out = path.join(folder, 'out');
  rmSync(out, { recursive: true, force: true });
  const plan = path.join(folder, 'calibrate.trtplan.json');
  // The evaluation data is named so that the calibration data is not split: every sample of it takes part.
  const { batchSize, samples } = options;
  const calibration = { data: task.calibration, ...(batchSize && { batchSize }), ...(samples && { samples }) };
  const evaluation = { data: task.evaluation };
  writeFileSync(plan, JSON.stringify({ schemaVersion: 1, model: task.model, calibration, evaluation }, null, 2));
  const result = await runMeasured(
    [process.execPath, commandLine, 'calibrate', '--plan', plan, '--out', out, '--json', '--quiet'],
    { cwd: folder, cpus, timeoutMs: 3_600_000 },
  );
  if (result.code !== 0) return { error: lastLines(result.stderr) };
  return { seconds: result.seconds, peakRssBytes: result.peakRssBytes, table: JSON.parse(result.stdout) };
}

function planOf(task, variant) {
  const algorithm = variant.algorithm === undefined || variant.algorithm === 'auto' ? null : variant.algorithm;
  return {
    schemaVersion: 1,
    model: task.model,
    precisions: [variant.precision],
    calibration: { data: task.calibration, ...(algorithm === null ? {} : { algorithm }) },
    evaluation: { data: task.evaluation, samples: 1 },
    backend: 'onnxruntime',
    benchmark: { warmupMs: 0, durationMs: 1, iterations: 1 },
  };
}

/** The same graph with every rounding to FP16 or BF16 written out, made by the product's own `simulate`, of any tool's file. */
export async function simulated(onnx, folder) {
  simulateModel ??= await bundleSimulate(path.join(folder, 'simulateModel.mjs'));
  const output = path.join(folder, 'simulated.onnx');
  await simulateModel(onnx, output);
  return output;
}

let simulateModel = null;

async function bundleSimulate(script) {
  const source = (name) => JSON.stringify(path.join(repository, 'extension', name));
  await build({
    stdin: {
      contents: `
        import { loadModel } from ${source('model/loadModel')};
        import { saveModel } from ${source('model/saveModel')};
        import { simulate } from ${source('plan/simulate')};
        export async function simulateModel(input, output) {
          const { model } = simulate(await loadModel(input), ['fp16', 'bf16']);
          await saveModel(model, output);
        }`,
      resolveDir: repository,
    },
    ...nodeBundle,
    format: 'esm',
    sourcemap: false,
    outfile: script,
  });
  return (await import(script)).simulateModel;
}

function lastLines(text) {
  return text.trim().split('\n').slice(-4).join('\n').slice(-800) || 'no message';
}
