import { mkdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CodedError, type ErrorCode } from '../../../extension/contract/errors';
import { isFileRange } from '../../../extension/model/fileRange';
import { loadModel } from '../../../extension/model/loadModel';
import { dataLocation, newStringStringEntry, newTensor } from '../../../extension/model/onnx.generated';
import { readTensor } from '../../../extension/model/tensorValues';
import { saveModel } from '../../../extension/model/saveModel';
import {
  buildModel,
  encodeModel,
  floats,
  node,
  numbers,
  reluModel,
  temporaryFolder,
  value,
  writeFile,
} from './buildModel';

async function failure(path: string): Promise<CodedError> {
  const error: unknown = await loadModel(path).then(
    () => new Error('loaded'),
    (thrown: unknown) => thrown,
  );
  if (!CodedError.is(error)) throw error;
  return error;
}

const whole = encodeModel(reluModel());

describe('files that are no model', () => {
  it.each<[name: string, content: Uint8Array | string, code: ErrorCode, reason: RegExp]>([
    ['empty', '', 'MODEL_NOT_ONNX', /is empty/],
    ['text', 'Hello, this is a text file.\nWith lines.\n', 'MODEL_NOT_ONNX', /not an ONNX protobuf/],
    ['json', '{"ir_version": 8}', 'MODEL_NOT_ONNX', /not an ONNX protobuf/],
    ['png', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'MODEL_NOT_ONNX', /PNG/],
    ['zip', Buffer.from('504b0304140000000000', 'hex'), 'MODEL_NOT_ONNX', /ZIP/],
    ['lfs', 'version https://git-lfs example\noid sha256:0\n', 'MODEL_NOT_ONNX', /git lfs pull/],
    ['binary', Uint8Array.from({ length: 5000 }, (_, i) => (i * 193 + 71) % 251), 'MODEL_NOT_ONNX', /not an ONNX/],
    ['other protobuf', Buffer.from('0a0568656c6c6f', 'hex'), 'MODEL_NOT_ONNX', /wire type/],
    ['unknown fields only', Buffer.from('f83f07', 'hex'), 'MODEL_NOT_ONNX', /none of the fields/],
    ['header only', whole.subarray(0, 2), 'MODEL_INVALID', /no graph/],
    ['truncated', whole.subarray(0, whole.length - 5), 'MODEL_TRUNCATED', /begins at byte \d+/],
  ])('%s', async (name, content, code, reason) => {
    const path = writeFile(temporaryFolder(), `${name}.onnx`, content);
    const error = await failure(path);
    expect(error.code).toBe(code);
    expect(error.reason).toMatch(reason);
    expect(error.reason).toContain(basename(path));
    expect(error.place?.file).toBe(path);
  });

  it('a folder, and nothing at all', async () => {
    const folder = temporaryFolder();
    expect((await failure(folder)).code).toBe('MODEL_NOT_ONNX');
    expect((await failure(join(folder, 'none.onnx'))).code).toBe('MODEL_NOT_FOUND');
  });

  it('a model cut at any byte is refused with a code', async () => {
    const folder = temporaryFolder();
    for (let length = 1; length < whole.length; length++) {
      const path = writeFile(folder, 'cut.onnx', whole.subarray(0, length));
      const result = await loadModel(path).catch((error: unknown) => error);
      // A cut between two top-level fields leaves a shorter message that is whole.
      if (!CodedError.is(result)) expect(result).toHaveProperty('proto');
    }
    expect((await failure(writeFile(folder, 'cut.onnx', whole.subarray(0, 20)))).code).toBe('MODEL_TRUNCATED');
  });
});

describe('weights', () => {
  const large = numbers(8192);
  const model = () =>
    buildModel({
      nodes: [node('Add', ['x', 'w'], ['t']), node('Add', ['t', 'b'], ['y'])],
      inputs: [value('x', [8192])],
      outputs: [value('y', [8192])],
      initializers: [floats('w', [8192], large), floats('b', [1], [2])],
    });

  it('large ones stay in the file, small ones come along', async () => {
    const path = writeFile(temporaryFolder(), 'm.onnx', encodeModel(model()));
    const loaded = await loadModel(path);
    const [w, b] = loaded.proto.graph.initializer;
    expect(isFileRange(w!.rawData)).toBe(true);
    expect(b!.rawData).toBeInstanceOf(Uint8Array);
    expect(readTensor(w!, loaded).data).toEqual(large);
  });

  it('large float_data stays in the file too', async () => {
    const typed = model();
    typed.proto.graph.initializer[0] = newTensor({ name: 'w', dims: [8192], dataType: 1, floatData: large });
    const loaded = await loadModel(writeFile(temporaryFolder(), 'm.onnx', encodeModel(typed)));
    expect(isFileRange(loaded.proto.graph.initializer[0]!.floatData)).toBe(true);
    expect(readTensor(loaded.proto.graph.initializer[0]!, loaded).data).toEqual(large);
    expect(Buffer.compare(encodeModel(loaded), encodeModel(typed))).toBe(0);
  });

  it('a file that changed since is not read', async () => {
    const folder = temporaryFolder();
    const path = writeFile(folder, 'm.onnx', encodeModel(model()));
    const loaded = await loadModel(path);
    writeFile(folder, 'm.onnx', encodeModel(reluModel()));
    expect(() => readTensor(loaded.proto.graph.initializer[0]!, loaded)).toThrow(/changed on disk/);
    await expect(saveModel(loaded, join(folder, 'n.onnx'))).rejects.toThrow(/changed on disk/);
  });
});

describe('external data', () => {
  function external(entries: Record<string, string>, dims = [4]): Uint8Array {
    const tensor = newTensor({
      name: 'w',
      dims,
      dataType: 1,
      dataLocation: dataLocation.EXTERNAL,
      externalData: Object.entries(entries).map(([key, text]) => newStringStringEntry({ key, value: text })),
    });
    const parts = { nodes: [node('Add', ['x', 'w'], ['y'])], initializers: [tensor] };
    return encodeModel(buildModel({ ...parts, inputs: [value('x', dims)], outputs: [value('y', dims)] }));
  }
  const data = new Uint8Array(Float32Array.of(0, 0, 1, 2, 3, 4).buffer);

  it('is read by range', async () => {
    const folder = temporaryFolder();
    writeFile(folder, 'w.bin', data);
    const path = writeFile(folder, 'm.onnx', external({ location: 'w.bin', offset: '8', length: '16' }));
    const loaded = await loadModel(path);
    expect(readTensor(loaded.proto.graph.initializer[0]!, loaded).data).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('may lie in a folder below', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'weights'));
    writeFile(join(folder, 'weights'), 'w.bin', data);
    const loaded = await loadModel(writeFile(folder, 'm.onnx', external({ location: 'weights/w.bin' })));
    expect(readTensor(loaded.proto.graph.initializer[0]!, loaded).data[2]).toBe(1);
  });

  it.each<[name: string, entries: Record<string, string>, code: ErrorCode, reason: RegExp]>([
    ['missing file', { location: 'none.bin' }, 'EXTERNAL_DATA_MISSING', /none\.bin does not exist/],
    ['too short a file', { location: 'w.bin', offset: '16' }, 'EXTERNAL_DATA_MISSING', /has 24 bytes.*16 to 32/],
    ['a folder', { location: 'below' }, 'EXTERNAL_DATA_MISSING', /is not a file/],
    ['above the folder', { location: '../w.bin' }, 'EXTERNAL_DATA_OUTSIDE', /outside/],
    ['above in a roundabout way', { location: 'below/../../w.bin' }, 'EXTERNAL_DATA_OUTSIDE', /outside/],
    ['above with backslashes', { location: '..\\w.bin' }, 'EXTERNAL_DATA_OUTSIDE', /outside/],
    ['absolute', { location: '/etc/hostname' }, 'EXTERNAL_DATA_OUTSIDE', /outside/],
    ['a drive', { location: 'C:\\w.bin' }, 'EXTERNAL_DATA_OUTSIDE', /outside/],
    ['a link that leaves', { location: 'link.bin' }, 'EXTERNAL_DATA_OUTSIDE', /outside/],
    ['a linked folder that leaves', { location: 'linked/w.bin' }, 'EXTERNAL_DATA_OUTSIDE', /outside/],
    ['no location', { offset: '0' }, 'MODEL_INVALID', /names no file/],
    ['a negative offset', { location: 'w.bin', offset: '-4' }, 'MODEL_INVALID', /offset "-4"/],
    ['a length that does not fit the shape', { location: 'w.bin', length: '8' }, 'MODEL_INVALID', /8 bytes.*need 16/],
  ])('%s', async (_, entries, code, reason) => {
    const outside = temporaryFolder();
    const secret = writeFile(outside, 'w.bin', data);
    const folder = temporaryFolder();
    writeFile(folder, 'w.bin', data);
    mkdirSync(join(folder, 'below'));
    symlinkSync(secret, join(folder, 'link.bin'));
    symlinkSync(outside, join(folder, 'linked'));
    const error = await failure(writeFile(folder, 'm.onnx', external(entries)));
    expect(error.code).toBe(code);
    expect(error.reason).toMatch(reason);
    expect(error.place?.field).toBe('w');
  });
});
