/** Bad input ends with a coded error that says what to do and exit code 1; never with a stack trace or a half-written folder. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  modelProtoSchema,
  newGraph,
  newModel,
  newNode,
  newOperatorSetId,
  newStringStringEntry,
  newTensor,
  type ModelProto,
} from '../../extension/model/onnx.generated';
import { encodeToArray } from '../../extension/model/wireWriter';
import { floatValue } from '../support/models';
import { npy } from '../support/npy';
import { errorCodeOf, runCli, sample, type CliResult } from './runCli';

let folder = '';
const digits = path.join(sample, 'digits_resnet_tiny.onnx');

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pb-bad-input-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** y = x + w over a [batch, 4] input, with whatever the test breaks. */
function model(name: string, change: (proto: ModelProto) => void): string {
  const weights = newTensor({ name: 'w', dims: [4], dataType: 1, rawData: new Uint8Array(16) });
  const proto = newModel({
    irVersion: 8,
    opsetImport: [newOperatorSetId({ domain: '', version: 17 })],
    graph: newGraph({
      name: 'g',
      node: [newNode({ opType: 'Add', name: 'add', input: ['x', 'w'], output: ['y'] })],
      initializer: [weights],
      input: [floatValue('x', ['batch', 4])],
      output: [floatValue('y', ['batch', 4])],
    }),
  });
  change(proto);
  return write(name, encodeToArray(proto, modelProtoSchema));
}

/** Refers to the weights as external data. Written as it stands: `saveModel` would refuse what it cannot read. */
function external(proto: ModelProto, location: string): void {
  const tensor = proto.graph!.initializer[0]!;
  delete tensor.rawData;
  tensor.dataLocation = 1;
  tensor.externalData = [
    newStringStringEntry({ key: 'location', value: location }),
    newStringStringEntry({ key: 'length', value: '16' }),
  ];
}

async function convert(args: readonly string[]): Promise<CliResult & { out: string }> {
  const out = path.join(folder, `out-${Math.random().toString(36).slice(2)}`);
  const result = await runCli(['convert', ...args, '--precisions', 'fp32,fp16', '--out', out]);
  return { ...result, out };
}

function expectRefusal(result: CliResult & { out: string }, code: string, ...words: (string | RegExp)[]): void {
  expect(errorCodeOf(result), result.stderr).toBe(code);
  expect(result.code).toBe(1);
  for (const word of words) expect(result.stderr).toMatch(word);
  expect(result.stderr).toMatch(/→ \S/);
  expect(result.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(existsSync(result.out) ? readdirSync(result.out) : []).toEqual([]);
}

describe('a model that cannot be read', () => {
  it('is not a protobuf', async () => {
    const file = write('text.onnx', 'This is a text, not a model.\n'.repeat(40));
    expectRefusal(await convert([file]), 'MODEL_NOT_ONNX', 'text.onnx');
  });
  it('is empty', async () => {
    expectRefusal(await convert([write('empty.onnx', '')]), 'MODEL_NOT_ONNX', 'empty.onnx');
  });
  it('does not exist', async () => {
    expectRefusal(await convert([path.join(folder, 'nowhere.onnx')]), 'MODEL_NOT_FOUND', 'nowhere.onnx');
  });
  it('is truncated', async () => {
    const bytes = readFileSync(digits);
    const file = write('truncated.onnx', bytes.subarray(0, bytes.length >> 1));
    expectRefusal(await convert([file]), 'MODEL_TRUNCATED', 'truncated.onnx');
  });
  it('has external data that is missing', async () => {
    const file = model('missing.onnx', (proto) => external(proto, 'gone.bin'));
    expectRefusal(await convert([file]), 'EXTERNAL_DATA_MISSING', 'gone.bin', 'w');
  });
  it('has external data outside its folder', async () => {
    write('outside.bin', new Uint8Array(16));
    const file = model('inner/model.onnx', (proto) => external(proto, '../outside.bin'));
    expectRefusal(await convert([file]), 'EXTERNAL_DATA_OUTSIDE', 'outside.bin');
  });
  it('has no outputs', async () => {
    const file = model('no-outputs.onnx', (proto) => (proto.graph!.output = []));
    expectRefusal(await convert([file]), 'MODEL_INVALID', /output/);
  });
  it('uses an opset from the future', async () => {
    const file = model('future.onnx', (proto) => (proto.opsetImport[0]!.version = 99));
    expectRefusal(await convert([file]), 'MODEL_OPSET_UNSUPPORTED', '99');
  });
});

describe('data that cannot be used', () => {
  it('fits no input', async () => {
    const file = write('wrong-shape.npy', npy([6, 3, 5, 5]));
    expectRefusal(await convert([digits, '--data', file]), 'DATA_MISMATCH', 'input', /28/);
  });
  it('is an empty folder', async () => {
    const empty = path.join(folder, 'empty-folder');
    mkdirSync(empty, { recursive: true });
    expectRefusal(await convert([digits, '--data', empty]), 'DATA_EMPTY', 'empty-folder');
  });
  it('does not exist', async () => {
    expectRefusal(await convert([digits, '--data', path.join(folder, 'no-data')]), 'DATA_NOT_FOUND', 'no-data');
  });
  it('holds NaN', async () => {
    const file = write(
      'nan.npy',
      npy([4, 1, 28, 28], (index) => (index === 1000 ? NaN : 0.5)),
    );
    expectRefusal(await convert([digits, '--data', file]), 'DATA_NON_FINITE', 'nan.npy');
  });
  it('has only corrupt pictures', async () => {
    for (const name of ['a', 'b', 'c'])
      write(`all-corrupt/${name}.jpg`, Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 1, 2, 3));
    const result = await convert([digits, '--data', path.join(folder, 'all-corrupt')]);
    expectRefusal(result, 'DATA_UNREADABLE', /\.jpg/);
  });
});

describe('options that cannot be met', () => {
  it('names an output folder that cannot be written', async () => {
    const file = write('a-file', 'x');
    const result = await runCli(['convert', digits, '--out', path.join(file, 'out')]);
    expect(errorCodeOf(result), result.stderr).toBe('OUTPUT_UNWRITABLE');
    expect(result.code).toBe(1);
  });
  it('gives a plan with an unknown key and names the nearest', async () => {
    const plan = write('typo.trtplan.json', JSON.stringify({ schemaVersion: 1, model: digits, precision: ['fp16'] }));
    const result = await runCli(['convert', '--plan', plan]);
    expect(errorCodeOf(result), result.stderr).toBe('PLAN_INVALID');
    expect(result.stderr).toMatch(/precision\b/);
    expect(result.stderr).toMatch(/precisions/);
    expect(result.code).toBe(1);
  });
  it('asks TensorRT-RTX for a Jetson Nano', async () => {
    const result = await convert([digits, '--target', 'sm_53']);
    expectRefusal(result, 'TARGET_UNSUPPORTED', 'sm_53', 'sm_89', /Jetson Nano/, /TensorRT 8/);
  });
  it('has an option nobody knows', async () => {
    const result = await runCli(['convert', digits, '--precission', 'fp16']);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/--precisions/);
  });
});
