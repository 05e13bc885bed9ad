import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../../extension/model/loadModel';
import { modelBytes } from '../../../extension/model/modelBytes';
import { saveModel } from '../../../extension/model/saveModel';
import { makeTensor } from '../../../extension/model/tensorValues';
import { buildModel, encodeModel, floats, node, numbers, temporaryFolder, value, writeFile } from './buildModel';

/** 80 000 bytes: large enough to stay in the file. */
const size = 20_000;

const model = () =>
  buildModel({
    nodes: [node('Mul', ['x', 'a'], ['t']), node('Add', ['t', 'b'], ['y'])],
    inputs: [value('x', [size])],
    outputs: [value('y', [size])],
    initializers: [floats('a', [size], numbers(size, 1)), floats('b', [size], numbers(size, 2))],
  });

const written = () => writeFile(temporaryFolder(), 'm.onnx', encodeModel(model()));

describe('modelBytes', () => {
  it('gives what saveModel writes, weights from the file and from memory', async () => {
    const loaded = await loadModel(written());
    const data = numbers(size, 3);
    loaded.proto.graph.initializer[1] = makeTensor('b', { dtype: 'fp32', dims: [size], data });
    const copy = join(temporaryFolder(), 'copy.onnx');
    await saveModel(loaded, copy);
    expect(Buffer.compare(modelBytes(loaded, 2 ** 20)!, readFileSync(copy))).toBe(0);
  });

  it('gives nothing of a model beyond the limit or with external data', async () => {
    const loaded = await loadModel(written());
    const { byteLength } = modelBytes(loaded, 2 ** 20)!;
    expect(modelBytes(loaded, byteLength)).not.toBeNull();
    expect(modelBytes(loaded, byteLength - 1)).toBeNull();
    const path = join(temporaryFolder(), 'm.onnx');
    await saveModel(model(), path, { weights: 'external' });
    expect(modelBytes(await loadModel(path), 2 ** 20)).toBeNull();
  });

  it('refuses weights whose file has changed since', async () => {
    const path = written();
    const loaded = await loadModel(path);
    appendFileSync(path, 'x');
    expect(() => modelBytes(loaded, 2 ** 20)).toThrowError(expect.objectContaining({ code: 'MODEL_INVALID' }));
  });
});
