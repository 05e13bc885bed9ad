import { readdirSync } from 'node:fs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { OnnxRuntimeBackend } from '../../../../extension/backends/onnxRuntime';
import { completePlan } from '../../../../extension/contract/checkSchema';
import type { Plan } from '../../../../extension/contract/plan';
import { selectDataStage } from '../../../../extension/worker/stages/selectDataStage';
import { npyFloats, npyIntegers, npz, write } from '../../calibrate/datasets/makeData';
import { encodeModel, reluModel, temporaryFolder, value, writeFile } from '../../model/buildModel';

const runtime = new OnnxRuntimeBackend();

function setUp() {
  const baseDir = temporaryFolder();
  const parts = { inputs: [value('x', ['N', 4])], outputs: [value('y', ['N', 4])] };
  const model = writeFile(baseDir, 'model.onnx', encodeModel(reluModel(parts)));
  const arrays = (name: string, count: number, seed: number, compressed = false) => {
    const values = Float32Array.from({ length: count * 4 }, (_, at) => at + seed);
    const labels = Array.from({ length: count }, (_, at) => at % 2);
    write(baseDir, name, npz({ x: npyFloats([count, 4], values), labels: npyIntegers([count], labels) }, compressed));
    return name;
  };
  const select = (sections: {
    calibration?: Partial<Plan['calibration']>;
    evaluation?: Partial<Plan['evaluation']>;
  }) => {
    const plan = completePlan({ model: 'model.onnx', ...sections });
    return selectDataStage({ model, plan, baseDir, python: 'python3' }, runtime);
  };
  return { baseDir, arrays, select };
}

it('splits one source, disjoint, a quarter for calibration', async () => {
  const { arrays, select } = setUp();
  const { calibration, evaluation, representative, warnings } = await select({
    calibration: { data: arrays('d.npz', 16, 0) },
  });
  expect([calibration.indices.length, evaluation.indices.length]).toEqual([4, 12]);
  expect(new Set([...calibration.indices, ...evaluation.indices]).size).toBe(16);
  expect([evaluation.labelled, representative, warnings]).toEqual([true, true, []]);
  expect(calibration.card.sha256).toBe(evaluation.card.sha256);
});

it('takes evaluation data of its own whole, and says when it holds calibration samples', async () => {
  const { arrays, select } = setUp();
  const data = arrays('d.npz', 8, 0);
  const other = await select({ calibration: { data }, evaluation: { data: arrays('e.npz', 5, 100) } });
  expect([other.calibration.indices.length, other.evaluation.indices.length]).toEqual([8, 5]);
  expect(other.warnings).toEqual([]);
});

it('stands in random inputs for missing data and says so', async () => {
  const { select } = setUp();
  const { calibration, representative, split } = await select({});
  expect([calibration.card.kind, representative]).toEqual(['random', false]);
  expect(split).toMatch(/No data was given/);
});

it('closes what is open when the second source cannot be opened', async () => {
  const { arrays, select } = setUp();
  const data = arrays('d.npz', 8, 0, true);
  const temporary = temporaryFolder();
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(select({ calibration: { data }, evaluation: { data: 'none.npz' } })).rejects.toMatchObject({
    code: 'DATA_NOT_FOUND',
  });
  // The inflated copy of the first source is removed with it.
  expect(readdirSync(temporary)).toEqual([]);
});
