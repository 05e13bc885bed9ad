import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cloneModel } from '../../../extension/model/cloneModel';
import { readProto, loadModel } from '../../../extension/model/loadModel';
import { saveModel } from '../../../extension/model/saveModel';
import { makeTensor, readTensor } from '../../../extension/model/tensorValues';
import { buildModel, encodeModel, floats, node, numbers, run, temporaryFolder, value, writeFile } from './buildModel';

/** 80 000 bytes: large enough to stay in the file. */
const size = 20_000;
const first = numbers(size, 1);
const second = numbers(size, 2);

const model = () =>
  buildModel({
    nodes: [node('Mul', ['x', 'a'], ['t']), node('Add', ['t', 'b'], ['y'])],
    inputs: [value('x', [size])],
    outputs: [value('y', [size])],
    initializers: [floats('a', [size], first), floats('b', [size], second)],
  });
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const feeds = { x: { dims: [size], data: numbers(size, 3) } };

describe('saveModel', () => {
  it('writes what it loaded, byte for byte, and says size and hash', async () => {
    const folder = temporaryFolder();
    const path = writeFile(folder, 'm.onnx', encodeModel(model()));
    const copy = join(folder, 'copy.onnx');
    const saved = await saveModel(await loadModel(path), copy);
    expect(readFileSync(copy).equals(readFileSync(path))).toBe(true);
    expect(saved).toEqual({ bytes: readFileSync(path).length, sha256: sha256(path) });
    expect(readdirSync(folder).sort()).toEqual(['copy.onnx', 'm.onnx']);
  });

  it('may replace the file that it reads from; the model and its clones stay usable', async () => {
    const path = writeFile(temporaryFolder(), 'm.onnx', encodeModel(model()));
    const loaded = await loadModel(path);
    const clone = cloneModel(loaded);
    loaded.proto.docString = 'longer than before, so that every offset moves';
    loaded.proto.graph.initializer.reverse();
    await saveModel(loaded, path);
    for (const seen of [loaded, clone, await loadModel(path)]) {
      const values = new Map(
        seen.proto.graph.initializer.map((tensor) => [tensor.name, readTensor(tensor, seen).data] as const),
      );
      expect(values.get('a')).toEqual(first);
      expect(values.get('b')).toEqual(second);
    }
  });

  it('writes a data file that ONNX Runtime reads, aligned', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'm.onnx');
    await saveModel(model(), path, { weights: 'external' });
    expect(readdirSync(folder).sort()).toEqual(['m.onnx', 'm.onnx.data']);
    for (const tensor of readProto(path).graph!.initializer) {
      const offset = Number(tensor.externalData.find((entry) => entry.key === 'offset')!.value);
      expect(offset % 64).toBe(0);
      expect(tensor.rawData).toBeUndefined();
    }
    expect(await run(path, feeds)).toEqual(await run(encodeModel(model()), feeds));
  });

  it('keeps weights outside where they came from outside; embeds them when asked', async () => {
    const folder = temporaryFolder();
    const other = temporaryFolder();
    await saveModel(model(), join(folder, 'm.onnx'), { weights: 'external' });
    const loaded = await loadModel(join(folder, 'm.onnx'));
    await saveModel(loaded, join(other, 'n.onnx'));
    expect(readdirSync(other).sort()).toEqual(['n.onnx', 'n.onnx.data']);
    expect(await run(join(other, 'n.onnx'), feeds)).toEqual(await run(encodeModel(model()), feeds));
    await saveModel(loaded, join(other, 'whole.onnx'), { weights: 'embedded' });
    expect(existsSync(join(other, 'whole.onnx.data'))).toBe(false);
    expect(readFileSync(join(other, 'whole.onnx')).equals(Buffer.from(encodeModel(model())))).toBe(true);
  });

  it('shares the data file of a variant in the same folder, apart from what changed', async () => {
    const folder = temporaryFolder();
    await saveModel(model(), join(folder, 'm.onnx'), { weights: 'external' });
    const before = sha256(join(folder, 'm.onnx.data'));
    const variant = cloneModel(await loadModel(join(folder, 'm.onnx')));
    variant.proto.graph.initializer[1] = makeTensor('b', { dtype: 'fp32', dims: [size], data: first });
    await saveModel(variant, join(folder, 'v.onnx'));
    expect(readFileSync(join(folder, 'v.onnx.data')).length).toBe(size * 4);
    expect(sha256(join(folder, 'm.onnx.data'))).toBe(before);
    const loaded = await loadModel(join(folder, 'v.onnx'));
    expect(loaded.proto.graph.initializer.map((tensor) => readTensor(tensor, loaded).data)).toEqual([first, first]);
  });

  it('may replace a model with external data by itself', async () => {
    const path = join(temporaryFolder(), 'm.onnx');
    await saveModel(model(), path, { weights: 'external' });
    const loaded = await loadModel(path);
    loaded.proto.graph.initializer.reverse();
    await saveModel(loaded, path);
    const [b, a] = loaded.proto.graph.initializer;
    expect(readTensor(a!, loaded).data).toEqual(first);
    expect(readTensor(b!, loaded).data).toEqual(second);
    expect(await run(path, feeds)).toEqual(await run(encodeModel(model()), feeds));
  });

  it('leaves nothing behind when it fails', async () => {
    const folder = temporaryFolder();
    await expect(saveModel(model(), join(folder, 'none', 'm.onnx'))).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
    });
    mkdirSync(join(folder, 'taken.onnx'));
    await expect(saveModel(model(), join(folder, 'taken.onnx'))).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    const path = writeFile(folder, 'm.onnx', encodeModel(model()));
    const loaded = await loadModel(path);
    copyFileSync(path, join(folder, 'saved.onnx'));
    writeFile(folder, 'm.onnx', 'gone');
    await expect(saveModel(loaded, join(folder, 'saved.onnx'))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    expect(readdirSync(folder).sort()).toEqual(['m.onnx', 'saved.onnx', 'taken.onnx']);
    expect(readFileSync(join(folder, 'saved.onnx')).equals(Buffer.from(encodeModel(model())))).toBe(true);
  });
});
