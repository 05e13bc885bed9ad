import { expect, it, vi } from 'vitest';
import { OnnxRuntimeBackend } from '../../../../extension/backends/onnxRuntime';
import type { Progress } from '../../../../extension/contract/progress';
import { makeInt64 } from '../../../../extension/model/tensorValues';
import { evaluateStage } from '../../../../extension/worker/stages/evaluateStage';
import { npyFloats, npyIntegers, npz, write } from '../../calibrate/datasets/makeData';
import { buildModel, encodeModel, floats, node, temporaryFolder, value, writeFile } from '../../model/buildModel';
import { selectionOf } from './openDirectly';

vi.mock('../../../../extension/worker/stages/selectedDataset', () => import('./openDirectly'));

/** Scores of three classes: the sample itself times `factors`. */
function scores(folder: string, name: string, factors: readonly number[]): string {
  const model = buildModel({
    nodes: [node('Mul', ['x', 'f'], ['y'])],
    inputs: [value('x', ['N', 3])],
    outputs: [value('y', ['N', 3])],
    initializers: [floats('f', [3], factors)],
  });
  return writeFile(folder, name, encodeModel(model));
}

const samples = [3, 1, 0, 0, 3, 1, 1, 0, 3, 3, 2.9, 0];

function setUp() {
  const folder = temporaryFolder();
  const model = scores(folder, 'model.onnx', [1, 1, 1]);
  const bytes = npz({ x: npyFloats([4, 3], samples), labels: npyIntegers([4], [0, 1, 2, 0]) });
  const data = selectionOf(write(folder, 'd.npz', bytes), 4, { labelled: true });
  const file = (name: string, path: string) => ({ name, path, simulated: false });
  const reference = file('fp32', model);
  return { folder, file, reference, params: { model, data, batchSize: 3, budgetMs: null, variants: [reference] } };
}

it('compares every variant with the given model, on the same batches', async () => {
  const { folder, file, reference, params } = setUp();
  const worse = file('int8', scores(folder, 'worse.onnx', [1, 1.1, 1]));
  const seen: Progress[] = [];
  const { results, errors, skipped } = await evaluateStage(
    { ...params, variants: [reference, worse] },
    new OnnxRuntimeBackend(),
    { onProgress: (progress) => seen.push(progress) },
  );
  expect([errors, skipped]).toEqual([{}, 0]);
  expect(results['fp32']).toMatchObject({ samples: 4, task: { top1: 1, agreement: 1 }, worst: [] });
  // The last sample's 2.9 · 1.1 overtakes its 3.
  expect(results['int8']).toMatchObject({ samples: 4, task: { top1: 0.75, agreement: 0.75 } });
  const signal = samples.reduce((sum, one) => sum + one * one, 0);
  const noise = samples.reduce((sum, one, i) => sum + (i % 3 === 1 ? (0.1 * one) ** 2 : 0), 0);
  expect(results['int8']?.outputs[0]?.sqnrDb).toBeCloseTo(10 * Math.log10(signal / noise), 3);
  expect(seen.map(({ fraction }) => fraction)).toEqual([0.75, 1]);
});

it('a variant that fails is left out, the others go on', async () => {
  const { folder, file, reference, params } = setUp();
  const broken = file('fp16', writeFile(folder, 'broken.onnx', Uint8Array.of(1, 2, 3)));
  const { results, errors } = await evaluateStage(
    { ...params, variants: [broken, reference] },
    new OnnxRuntimeBackend(),
    {},
  );
  expect(Object.keys(results)).toEqual(['fp32']);
  expect(errors['fp16']).toMatchObject({ code: 'MODEL_NOT_ONNX' });
});

it('data without a sample is an error of the run', async () => {
  const { params } = setUp();
  const empty = { ...params, data: { ...params.data, indices: [] } };
  await expect(evaluateStage(empty, new OnnxRuntimeBackend(), {})).rejects.toMatchObject({ code: 'DATA_EMPTY' });
});

it('labels that are no class of the model concern the run', async () => {
  const { folder, params } = setUp();
  const bytes = npz({ x: npyFloats([1, 3], [1, 2, 3]), labels: npyIntegers([1], [7]) });
  const data = selectionOf(write(folder, 'bad.npz', bytes), 1, { labelled: true });
  await expect(evaluateStage({ ...params, data }, new OnnxRuntimeBackend(), {})).rejects.toMatchObject({
    code: 'DATA_LABELS_INVALID',
  });
});

it('ends at once when cancelled', async () => {
  const { params } = setUp();
  const abort = new AbortController();
  abort.abort();
  await expect(evaluateStage(params, new OnnxRuntimeBackend(), { signal: abort.signal })).rejects.toMatchObject({
    code: 'CANCELLED',
  });
});

it('opens a model that is quantized already as it says, without the integer kernels of the runtime', async () => {
  const { folder, params } = setUp();
  const quantized = buildModel({
    nodes: [node('QuantizeLinear', ['x', 's'], ['q']), node('DequantizeLinear', ['q', 's'], ['y'])],
    inputs: [value('x', ['N', 3])],
    outputs: [value('y', ['N', 3])],
    initializers: [floats('s', [], [0.5])],
  });
  const model = writeFile(folder, 'quantized.onnx', encodeModel(quantized));
  const runtime = new OnnxRuntimeBackend();
  const open = vi.spyOn(runtime, 'open');
  await evaluateStage({ ...params, model, variants: [] }, runtime, {}).catch(() => undefined);
  await evaluateStage(params, runtime, {});
  const exact = open.mock.calls.map(([{ path }, options]) => [path, options?.exact]);
  expect(exact).toContainEqual([model, true]);
  expect(exact).toContainEqual([params.model, false]);
});

it('goes on one by one where the model was traced for one sample, whatever its batch axis says', async () => {
  const { folder, params } = setUp();
  const traced = buildModel({
    nodes: [node('Reshape', ['x', 'shape'], ['y'])],
    inputs: [value('x', ['N', 3])],
    outputs: [value('y', ['N', 3])],
    initializers: [makeInt64('shape', [1, 3])],
  });
  const model = writeFile(folder, 'traced.onnx', encodeModel(traced));
  const variants = [{ name: 'fp32', path: model, simulated: false }];
  const { results } = await evaluateStage({ ...params, model, variants }, new OnnxRuntimeBackend(), {});
  expect(results['fp32']).toMatchObject({ samples: 4, outputs: [{ name: 'y', maxAbs: 0 }] });
});
