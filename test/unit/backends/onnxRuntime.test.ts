import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OpenOptions, Session } from '../../../extension/backends/backend';
import { OnnxRuntimeBackend } from '../../../extension/backends/onnxRuntime';
import { CodedError } from '../../../extension/contract/errors';
import type { DType, Tensor, TensorData } from '../../../extension/contract/tensor';
import {
  dataLocation,
  dataType,
  modelProtoSchema,
  newAttribute,
  newGraph,
  newModel,
  newNode,
  newOperatorSetId,
  newStringStringEntry,
  newTensor,
  newTensorShape,
  newTensorShapeDimension,
  newType,
  newTypeSequence,
  newTypeTensor,
  newValueInfo,
  type GraphProto,
  type NodeProto,
  type ValueInfoProto,
} from '../../../extension/model/onnx.generated';
import { encodeToArray } from '../../../extension/model/wireWriter';

let folder: string;
const backend = new OnnxRuntimeBackend();
const sessions: Session[] = [];

beforeAll(async () => (folder = await mkdtemp(path.join(tmpdir(), 'precision-bench-ort-'))));
afterAll(async () => {
  await Promise.all(sessions.map((session) => session.close()));
  await rm(folder, { recursive: true });
});

type Size = number | string | null;

function value(name: string, elemType: number, shape: readonly Size[]): ValueInfoProto {
  const dim = shape.map((size) => {
    if (size === null) return newTensorShapeDimension();
    return newTensorShapeDimension(typeof size === 'number' ? { dimValue: size } : { dimParam: size });
  });
  return newValueInfo({
    name,
    type: newType({ tensorType: newTypeTensor({ elemType, shape: newTensorShape({ dim }) }) }),
  });
}

const node = (opType: string, input: string[], output: string[], fields: Partial<NodeProto> = {}) =>
  newNode({ name: `the ${opType}`, opType, input, output, ...fields });
const castTo = (to: number) => [newAttribute({ name: 'to', type: 2, i: BigInt(to) })];

interface Versions {
  readonly opset?: number;
  readonly irVersion?: number;
  readonly domains?: readonly string[];
}

async function writeModel(name: string, graph: Partial<GraphProto>, versions: Versions = {}): Promise<string> {
  const { opset = 17, irVersion = 9, domains = [] } = versions;
  const opsetImport = [newOperatorSetId({ domain: '', version: opset })];
  opsetImport.push(...domains.map((domain) => newOperatorSetId({ domain, version: 1 })));
  const file = path.join(folder, `${name}.onnx`);
  const proto = newModel({ irVersion, opsetImport, graph: newGraph({ name: 'g', ...graph }) });
  await writeFile(file, encodeToArray(proto, modelProtoSchema));
  return file;
}

async function open(file: string, options?: OpenOptions): Promise<Session> {
  const session = await backend.open({ kind: 'onnx', path: file }, options);
  sessions.push(session);
  return session;
}

async function failure(promise: Promise<unknown>): Promise<CodedError> {
  const error = await promise.then(
    () => new Error('should have failed'),
    (reason: unknown) => reason,
  );
  if (!CodedError.is(error)) throw error;
  return error;
}

const floats = (dims: readonly number[], ...values: number[]): Tensor => ({
  dtype: 'fp32',
  dims,
  data: Float32Array.from(values),
});

/** y = Reshape(x, shape): has a data-dependent failure. */
const reshape = () =>
  writeModel('reshape', {
    node: [node('Reshape', ['x', 'shape'], ['y'])],
    input: [value('x', dataType.FLOAT, ['n']), value('shape', dataType.INT64, [2])],
    output: [value('y', dataType.FLOAT, ['rows', null])],
  });
const shapeOf = (...dims: bigint[]): Tensor => ({
  dtype: 'int64',
  dims: [dims.length],
  data: BigInt64Array.from(dims),
});

describe('probe', () => {
  test('finds the embedded runtime', async () => {
    expect(await backend.probe()).toMatchObject({
      name: 'onnxruntime',
      available: true,
      reason: null,
      runs: true,
      builds: false,
      version: expect.stringMatching(/^1\.\d+/) as string,
    });
  });
});

describe('sessions', () => {
  test('tell names, types and shapes, symbols and unknown sizes included', async () => {
    const session = await open(await reshape());
    expect(session.inputs).toEqual([
      { name: 'x', dtype: 'fp32', shape: ['n'] },
      { name: 'shape', dtype: 'int64', shape: [2] },
    ]);
    expect(session.outputs).toEqual([{ name: 'y', dtype: 'fp32', shape: ['rows', null] }]);
  });

  test('compute', async () => {
    const session = await open(await reshape());
    const { y } = await session.run({ x: floats([4], 1, 2, 3, 4), shape: shapeOf(2n, 2n) });
    expect(y).toEqual(floats([2, 2], 1, 2, 3, 4));
  });

  test('return only what is fetched', async () => {
    const file = await writeModel('two', {
      node: [node('Neg', ['x'], ['minus']), node('Abs', ['x'], ['plus'])],
      input: [value('x', dataType.FLOAT, [1])],
      output: [value('minus', dataType.FLOAT, [1]), value('plus', dataType.FLOAT, [1])],
    });
    const session = await open(file);
    const x = floats([1], -3);
    expect(await session.run({ x }, ['plus'])).toEqual({ plus: floats([1], 3) });
    expect(await session.run({ x })).toEqual({ minus: floats([1], 3), plus: floats([1], 3) });
    expect(await session.run({ x }, [])).toEqual({});
    expect((await failure(session.run({ x }, ['times']))).reason).toContain(
      'no output "times"; it has "minus", "plus"',
    );
  });

  test('with exact, quantize where the graph says so; without, the runtime may drop a pair', async () => {
    const scalar = (name: string, type: number, data: TensorData) =>
      newTensor({ name, dataType: type, rawData: new Uint8Array(data.buffer) });
    const file = await writeModel('twoPairs', {
      node: [
        node('QuantizeLinear', ['x', 'one', 'zero'], ['a']),
        node('DequantizeLinear', ['a', 'one', 'zero'], ['b']),
        node('QuantizeLinear', ['b', 'small', 'zero'], ['c'], { name: 'second Q' }),
        node('DequantizeLinear', ['c', 'small', 'zero'], ['y'], { name: 'second DQ' }),
      ],
      input: [value('x', dataType.FLOAT, [1])],
      output: [value('y', dataType.FLOAT, [1])],
      initializer: [
        scalar('one', dataType.FLOAT, Float32Array.of(1)),
        scalar('small', dataType.FLOAT, Float32Array.of(0.4)),
        scalar('zero', dataType.INT8, Int8Array.of(0)),
      ],
    });
    const run = async (options: OpenOptions) => (await (await open(file, options)).run({ x: floats([1], 1.4) }))['y'];
    // 1.4 → 1 → 2 · 0.4
    expect((await run({ exact: true, threads: 1 }))?.data[0]).toBeCloseTo(0.8, 6);
    // The reason for the option: optimized, 1.4 → 4 · 0.4.
    expect((await run({ exact: false }))?.data[0]).toBeCloseTo(1.6, 6);
  });

  test('read external data from beside the model', async () => {
    const weights = newTensor({ name: 'w', dataType: dataType.FLOAT, dims: [2], dataLocation: dataLocation.EXTERNAL });
    weights.externalData.push(newStringStringEntry({ key: 'location', value: 'weights.bin' }));
    const file = await writeModel('external', {
      node: [node('Add', ['x', 'w'], ['y'])],
      input: [value('x', dataType.FLOAT, [2])],
      output: [value('y', dataType.FLOAT, [2])],
      initializer: [weights],
    });
    expect(await failure(open(file))).toMatchObject({ code: 'EXTERNAL_DATA_MISSING' });
    await writeFile(path.join(folder, 'weights.bin'), Float32Array.of(10, 20));
    const session = await open(file);
    expect((await session.run({ x: floats([2], 1, 2) }))['y']?.data).toEqual(Float32Array.of(11, 22));
  });

  test('closed ones do not run; closing twice is harmless', async () => {
    const session = await open(await reshape());
    await session.close();
    await session.close();
    await expect(session.run({})).rejects.toThrow('closed');
  });
});

describe('element types', () => {
  const cases: [DType, number, TensorData][] = [
    ['fp32', dataType.FLOAT, Float32Array.of(1.5, Number.NaN)],
    ['fp64', dataType.DOUBLE, Float64Array.of(0.1, -1)],
    ['fp16', dataType.FLOAT16, Uint16Array.of(0x3c00, 0xfbff)],
    ['int8', dataType.INT8, Int8Array.of(-128, 127)],
    ['uint8', dataType.UINT8, Uint8Array.of(0, 255)],
    ['int16', dataType.INT16, Int16Array.of(-32768, 32767)],
    ['uint16', dataType.UINT16, Uint16Array.of(0, 65535)],
    ['int32', dataType.INT32, Int32Array.of(-(2 ** 31), 5)],
    ['uint32', dataType.UINT32, Uint32Array.of(0, 2 ** 32 - 1)],
    ['int64', dataType.INT64, BigInt64Array.of(-(2n ** 63n), 7n)],
    ['uint64', dataType.UINT64, BigUint64Array.of(0n, 2n ** 64n - 1n)],
    ['bool', dataType.BOOL, Uint8Array.of(1, 0)],
  ];
  test.each(cases)('%s passes through unchanged', async (dtype, elemType, data) => {
    const file = await writeModel(`identity-${dtype}`, {
      node: [node('Identity', ['x'], ['y'])],
      input: [value('x', elemType, [2])],
      output: [value('y', elemType, [2])],
    });
    const session = await open(file);
    expect(session.inputs[0]?.dtype).toBe(dtype);
    const { y } = await session.run({ x: { dtype, dims: [2], data } });
    expect(y).toEqual({ dtype, dims: [2], data });
  });

  test('an array that is a view into a larger one is read where it lies', async () => {
    const session = await open(await reshape());
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    const { y } = await session.run({ x: { dtype: 'fp32', dims: [2], data }, shape: shapeOf(1n, 2n) });
    expect(y).toEqual(floats([1, 2], 1, 2));
  });

  test('a scalar has no axes', async () => {
    const file = await writeModel('sum', {
      node: [node('ReduceSum', ['x'], ['y'], { attribute: [newAttribute({ name: 'keepdims', type: 2, i: 0n })] })],
      input: [value('x', dataType.FLOAT, ['n'])],
      output: [value('y', dataType.FLOAT, [])],
    });
    expect(await (await open(file)).run({ x: floats([3], 1, 2, 3) })).toEqual({ y: floats([], 6) });
  });

  test('strings are refused when they are fed', async () => {
    const file = await writeModel('text', {
      node: [node('Identity', ['x'], ['y'])],
      input: [value('x', dataType.STRING, [1])],
      output: [value('y', dataType.STRING, [1])],
    });
    const session = await open(file);
    expect(session.inputs[0]?.dtype).toBe('string');
    const error = await failure(session.run({ x: { dtype: 'string', dims: [1], data: Uint8Array.of(0) } }));
    expect(error.reason).toMatch(/Input "x" is of type string/);
  });

  test('bf16 at the border of the graph is refused with the way out', async () => {
    const file = await writeModel(
      'bf16',
      {
        node: [node('Cast', ['x'], ['y'], { attribute: castTo(dataType.BFLOAT16) })],
        input: [value('x', dataType.FLOAT, [1])],
        output: [value('y', dataType.BFLOAT16, [1])],
      },
      { opset: 21, irVersion: 10 },
    );
    expect(await failure(open(file))).toMatchObject({
      code: 'RUNTIME_FAILED',
      reason: expect.stringContaining('element type 16') as string,
      fix: expect.stringContaining('fp32') as string,
    });
  });

  test('4-bit outputs are refused, for handing one out kills the process', async () => {
    const file = await writeModel(
      'int4',
      {
        node: [node('Cast', ['x'], ['y'], { attribute: castTo(dataType.INT4) })],
        input: [value('x', dataType.FLOAT, [2])],
        output: [value('y', dataType.INT4, [2])],
      },
      { opset: 21, irVersion: 10 },
    );
    expect(await failure(open(file))).toMatchObject({
      code: 'RUNTIME_FAILED',
      reason: expect.stringContaining('"y" is of type int4') as string,
    });
  });

  test('sequences are refused', async () => {
    const elemType = newType({ tensorType: newTypeTensor({ elemType: dataType.FLOAT }) });
    const file = await writeModel('sequence', {
      node: [node('SequenceConstruct', ['x'], ['y'])],
      input: [value('x', dataType.FLOAT, [1])],
      output: [newValueInfo({ name: 'y', type: newType({ sequenceType: newTypeSequence({ elemType }) }) })],
    });
    expect((await failure(open(file))).reason).toMatch(/"y" is a sequence/);
  });
});

describe('errors name file, node and operator', () => {
  const unary = (opType: string, fields: Partial<NodeProto> = {}): Partial<GraphProto> => ({
    node: [node(opType, ['x'], ['y'], fields)],
    input: [value('x', dataType.FLOAT, [1])],
    output: [value('y', dataType.FLOAT, [1])],
  });

  test('an operator that the opset does not have', async () => {
    const file = await writeModel('unknown', unary('Frobnicate'));
    expect(await failure(open(file))).toMatchObject({
      code: 'MODEL_OPERATOR_UNSUPPORTED',
      reason: `${file} at node "the Frobnicate": operator Frobnicate does not exist in opset 17`,
      place: { file, node: 'the Frobnicate' },
    });
  });

  test('a custom operator', async () => {
    const file = await writeModel('custom', unary('Frobnicate', { domain: 'acme' }), { domains: ['acme'] });
    const error = await failure(open(file));
    expect(error.code).toBe('MODEL_OPERATOR_UNSUPPORTED');
    expect(error.reason).toContain('acme:Frobnicate');
  });

  test('an operator without a kernel for the type', async () => {
    const file = await writeModel(
      'bf16conv',
      {
        node: [
          node('Cast', ['x'], ['a'], { attribute: castTo(dataType.BFLOAT16) }),
          node('Conv', ['a', 'a'], ['b']),
          node('Cast', ['b'], ['y'], { name: 'back', attribute: castTo(dataType.FLOAT) }),
        ],
        input: [value('x', dataType.FLOAT, [1, 1, 3, 3])],
        output: [value('y', dataType.FLOAT, [1, 1, 1, 1])],
      },
      { opset: 22, irVersion: 10 },
    );
    expect(await failure(open(file))).toMatchObject({
      code: 'MODEL_OPERATOR_UNSUPPORTED',
      reason: expect.stringContaining('no CPU kernel for operator Conv (version 22)') as string,
      place: { node: 'the Conv' },
    });
  });

  test.each([
    ['IR version', { irVersion: 99 }, /IR version 99; onnxruntime reads up to \d+/],
    ['opset', { opset: 99 }, /opset 99 of domain ai\.onnx; onnxruntime runs up to \d+/],
  ])('an %s of the future', async (name, versions, reason) => {
    const error = await failure(open(await writeModel(`future-${name}`, unary('Relu'), versions)));
    expect(error.code).toBe('MODEL_OPSET_UNSUPPORTED');
    expect(error.reason).toMatch(reason);
  });

  test('a graph that is not well formed', async () => {
    const twice = { ...unary('Relu'), node: [node('Relu', ['x'], ['a']), node('Relu', ['a'], ['y'])] };
    expect(await failure(open(await writeModel('twice', twice)))).toMatchObject({
      code: 'MODEL_INVALID',
      reason: expect.stringContaining('two nodes are named "the Relu"') as string,
      place: { node: 'the Relu' },
    });
    const dangling = { ...unary('Relu'), node: [node('Relu', ['nowhere'], ['y'])] };
    expect(await failure(open(await writeModel('dangling', dangling)))).toMatchObject({
      code: 'MODEL_INVALID',
      reason: expect.stringContaining('"nowhere" is made by no node') as string,
    });
  });

  test('no protobuf, no file, no ONNX artifact', async () => {
    const file = path.join(folder, 'trash.onnx');
    await writeFile(file, 'this is not a protobuf'.repeat(9));
    expect((await failure(open(file))).code).toBe('MODEL_NOT_ONNX');
    expect((await failure(open(path.join(folder, 'nothing.onnx')))).code).toBe('MODEL_NOT_FOUND');
    const engine = backend.open({ kind: 'engine', path: 'x.engine' });
    expect((await failure(engine)).reason).toContain('x.engine is a file of kind "engine"');
  });

  test('a node that fails on the data, without the source lines of the runtime', async () => {
    const file = await reshape();
    const session = await open(file);
    const error = await failure(session.run({ x: floats([3], 1, 2, 3), shape: shapeOf(2n, 5n) }));
    expect(error).toMatchObject({ code: 'RUNTIME_FAILED', place: { file, node: 'the Reshape' } });
    expect(error.reason).toMatch(/operator Reshape failed: .*requested shape:\{2,5\}/);
    expect(error.reason).not.toMatch(/onnxruntime_src|\.h:\d+|::/);
    // The session is still good.
    expect(await session.run({ x: floats([2], 1, 2), shape: shapeOf(2n, 1n) })).toEqual({ y: floats([2, 1], 1, 2) });
  });

  test('feeds that fit no input', async () => {
    const session = await open(await reshape());
    const x = floats([2], 1, 2);
    const shape = shapeOf(1n, 2n);
    const reasonFor = async (feeds: Record<string, Tensor>) => (await failure(session.run(feeds))).reason;
    expect(await reasonFor({ x })).toContain('Input "shape" was given no tensor');
    expect(await reasonFor({ x, shape, z: x })).toContain('no input "z"; it has "x", "shape"');
    expect(await reasonFor({ x: floats([3], 1, 2), shape })).toContain('2 elements where its shape [3] needs 3');
    expect(await reasonFor({ x: floats([1, 2], 1, 2), shape })).toContain(
      'Invalid rank for input: x Got: 2 Expected: 1',
    );
    const ints: Tensor = { dtype: 'int32', dims: [2], data: Int32Array.of(1, 2) };
    expect(await reasonFor({ x: ints, shape })).toMatch(/tensor\(int32\).*tensor\(float\)/);
  });
});
