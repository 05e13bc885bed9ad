/**
 * Our side of the calibration times: the stages of one conversion up to the calibration, in a process of its own.
 *
 *     node calibrateOnce.cjs MODEL DATA EVALUATION ALGORITHM FOLDER     prints one JSON line
 *
 * The stages before calibration run as in the worker, so that as much is loaded and compiled as there. Bundled by
 * `calibrationTimes.mjs`.
 */
import { mkdirSync, writeSync } from 'node:fs';
import * as path from 'node:path';
import { completePlan } from '../../../extension/contract/checkSchema';
import type { CalibrationAlgorithm } from '../../../extension/contract/plan';
import { stageHandlers } from '../../../extension/worker/stageHandlers';

async function main([model = '', data = '', evaluation = '', algorithm = '', folder = '']: string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const plan = completePlan({
    model,
    precisions: ['int8'],
    calibration: { data, algorithm: algorithm as CalibrationAlgorithm },
    evaluation: { data: evaluation, samples: 1 },
  });
  const options = { signal: new AbortController().signal, onProgress: () => {} };
  const { card } = await stageHandlers.inspect({ model, explain: [] }, options);
  const selected = await stageHandlers.selectData({ model, plan, baseDir: folder, python: 'python3' }, options);
  const prepared = path.join(folder, 'prepared.onnx');
  const referenceOutput = path.join(folder, 'reference.onnx');
  await stageHandlers.prepare({ model, plan, output: prepared, referenceOutput }, options);
  const before = process.cpuUsage();
  const { summary } = await stageHandlers.calibrate(
    {
      prepared,
      modelSha256: card.sha256,
      plan,
      precisions: ['int8'],
      data: selected.calibration,
      representative: selected.representative,
      reuse: null,
      rangesOutput: path.join(folder, 'ranges.json'),
      tableOutput: path.join(folder, 'table.json'),
    },
    options,
  );
  const { user, system } = process.cpuUsage(before);
  // Not console.log: the process is ended at once, whatever threads are left.
  writeSync(1, `${JSON.stringify({ ...summary, unfit: undefined, cpuSeconds: (user + system) / 1e6 })}\n`);
  process.exit(0);
}

void main(process.argv.slice(2));
