import { expect, it, vi } from 'vitest';
import type { Backend } from '../../../../extension/backends/backend';
import { FakeBackend } from '../../../../extension/backends/fake';
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

it('a model that fixes its batch is measured at that on random inputs, too, and counted so', async () => {
  const variants = [{ name: 'a', path: relu(temporaryFolder(), 'a.onnx', 4), simulated: false }];
  const alone = { ...benchmark, batch: 1 };
  const { results } = await measureStage({ variants, data: null, benchmark: alone }, [new OnnxRuntimeBackend()], {});
  expect(results['a']?.batch).toBe(4);
  const { throughputPerSecond = 0, meanMs = 1 } = results['a'] ?? {};
  expect(throughputPerSecond).toBeCloseTo(4000 / meanMs, 6);
});

it('one file may be measured several times, at batches of its own, in the sizes asked for', async () => {
  const model = reluModel({ inputs: [value('x', ['N', 'W'])], outputs: [value('y', ['N', 'W'])] });
  const file = writeFile(temporaryFolder(), 'a.onnx', encodeModel(model));
  const variants = [1, 2].map((batch) => ({ name: `batch ${batch}`, path: file, simulated: false, batch }));
  const runtime = new OnnxRuntimeBackend();
  const open = vi.spyOn(runtime, 'open');
  const shapes = { x: { min: [1, 7], opt: [1, 7], max: [1, 7] } };
  const { results } = await measureStage({ variants, data: null, shapes, benchmark }, [runtime], {});
  expect(Object.values(results).map(({ batch }) => batch)).toEqual([1, 2]);
  expect(open).toHaveBeenCalledTimes(1);
});

it('an engine alone is fed by what it says of its own inputs', async () => {
  const file = writeFile(temporaryFolder(), 'a.engine', Uint8Array.of(1));
  const seen: string[] = [];
  const fake = new FakeBackend({
    inputs: [{ name: 'x', dtype: 'fp16', shape: [2, 3] }],
    compute: (feeds) => {
      seen.push(`${feeds['x']?.dtype} ${feeds['x']?.dims.join('x')}`);
      return {};
    },
  });
  const backend: Backend = Object.assign(Object.create(fake) as FakeBackend, { name: 'tensorrt' as const });
  const variants = [{ name: 'a', path: file, simulated: false, engine: { backend: 'tensorrt' as const, path: file } }];
  const { results, errors } = await measureStage({ variants, data: null, benchmark }, [backend], {});
  expect(errors).toEqual({});
  expect(new Set(seen)).toEqual(new Set(['fp16 2x3']));
  expect(results['a']).toMatchObject({ backend: 'tensorrt', batch: 2 });
});
