import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../../extension/backends/backend';
import { OnnxRuntimeBackend } from '../../../../extension/backends/onnxRuntime';
import { graphInputs } from '../../../../extension/model/modelCard';
import { makeInt64 } from '../../../../extension/model/tensorValues';
import { runnableSizes } from '../../../../extension/worker/stages/runnableSizes';
import { buildModel, encodeModel, node, temporaryFolder, value, writeFile } from '../../model/buildModel';

/** Runs only where the open size is a multiple of `window`. */
function saved(window: number) {
  const model = buildModel({
    nodes: [node('Reshape', ['x', 'shape'], ['r']), node('Relu', ['r'], ['y'])],
    inputs: [value('x', ['N', 't'])],
    outputs: [value('y', null)],
    initializers: [makeInt64('shape', [-1, window])],
  });
  return { inputs: graphInputs(model), file: writeFile(temporaryFolder(), 'model.onnx', encodeModel(model)) };
}
const runtime: Backend = new OnnxRuntimeBackend();

describe('runnableSizes', () => {
  it('takes the first guess that the model runs with', async () => {
    const { inputs, file } = saved(512);
    expect(await runnableSizes(file, inputs, {}, runtime)).toEqual({ x: [1, 512] });
  });

  it('says what was tried and what to do when the model runs with none', async () => {
    const { inputs, file } = saved(777);
    await expect(runnableSizes(file, inputs, {}, runtime)).rejects.toMatchObject({
      code: 'RUNTIME_FAILED',
      reason: expect.stringMatching(/none of the made-up inputs.* x=1x32: .*Reshape/) as string,
      fix: expect.stringMatching(/--shape/) as string,
    });
  });

  it('asks nothing of the runtime where no size is open', async () => {
    const { inputs, file } = saved(777);
    const shape = [1, 777];
    const never = { open: () => Promise.reject(new Error('opened')) } as unknown as Backend;
    expect(await runnableSizes(file, inputs, { x: { min: shape, opt: shape, max: shape } }, never)).toEqual({
      x: [1, 777],
    });
  });
});
