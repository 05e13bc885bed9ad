import { expect, it, vi } from 'vitest';
import { OnnxRuntimeBackend } from '../../../../extension/backends/onnxRuntime';
import { completePlan } from '../../../../extension/contract/checkSchema';
import { measureStage } from '../../../../extension/worker/stages/measureStage';
import { npyFloats, npz, write } from '../../calibrate/datasets/makeData';
import { encodeModel, reluModel, temporaryFolder, value, writeFile } from '../../model/buildModel';
import { selectionOf } from './openDirectly';

vi.mock('../../../../extension/worker/stages/selectedDataset', () => import('./openDirectly'));

const benchmark = {
  ...completePlan({ model: 'm.onnx' }).benchmark,
  warmupMs: 0,
  durationMs: 1,
  iterations: 5,
  batch: 3,
};

function relu(folder: string, name: string, rows: number | string): string {
  const model = reluModel({ inputs: [value('x', [rows, 4])], outputs: [value('y', [rows, 4])] });
  return writeFile(folder, name, encodeModel(model));
}

it('times every file on random inputs and says on what', async () => {
  const folder = temporaryFolder();
  const variants = ['a', 'b'].map((name) => ({
    name,
    path: relu(folder, `${name}.onnx`, 'N'),
    simulated: name === 'b',
  }));
  const { results, errors } = await measureStage({ variants, data: null, benchmark }, [new OnnxRuntimeBackend()], {});
  expect(errors).toEqual({});
  for (const { name, simulated } of variants) {
    expect(results[name]).toMatchObject({ backend: 'onnxruntime', device: 'cpu', batch: 3, conditions: { simulated } });
    expect(results[name]?.iterations).toBeGreaterThanOrEqual(5);
    expect(results[name]?.medianMs).toBeGreaterThan(0);
  }
});

it('reports the batch that is really fed where the model fixes it', async () => {
  const folder = temporaryFolder();
  const variants = [{ name: 'a', path: relu(folder, 'a.onnx', 2), simulated: false }];
  const data = selectionOf(write(folder, 'd.npz', npz({ x: npyFloats([5, 4], new Float32Array(20)) })), 5);
  const { results } = await measureStage({ variants, data, benchmark }, [new OnnxRuntimeBackend()], {});
  expect(results['a']?.batch).toBe(2);
});

it('a file that cannot be opened is an error of its own', async () => {
  const folder = temporaryFolder();
  const variants = [
    { name: 'broken', path: writeFile(folder, 'broken.onnx', Uint8Array.of(1, 2, 3)), simulated: false },
    { name: 'a', path: relu(folder, 'a.onnx', 'N'), simulated: false },
  ];
  const { results, errors } = await measureStage({ variants, data: null, benchmark }, [new OnnxRuntimeBackend()], {});
  expect(Object.keys(results)).toEqual(['a']);
  expect(errors['broken']).toMatchObject({ code: 'MODEL_NOT_ONNX' });
});
