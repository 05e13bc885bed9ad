import { describe, expect, test } from 'vitest';
import type { BuildRequest } from '../../../extension/backends/backend';
import type { NativeBuildOutcome, NativeParserError } from '../../../extension/backends/nativeAddon';
import { tensorrtBackend } from '../../../extension/backends/tensorrt';
import { buildError } from '../../../extension/backends/tensorrtErrors';

const request = { onnx: '/m/net.onnx', engine: '/o/net.engine', precision: 'int8' } as BuildRequest;
const outcome = (change: Partial<NativeBuildOutcome>): NativeBuildOutcome => ({
  status: 'build',
  reason: '',
  parserErrors: [],
  log: [],
  engineBytes: 0,
  networkLayers: 0,
  parseSeconds: 0,
  buildSeconds: 0,
  bindings: [],
  unknownLayers: [],
  calibrationBatches: 0,
  calibrationCache: null,
  timingCacheBytes: 0,
  ...change,
});
const parserError = (change: Partial<NativeParserError>): NativeParserError => ({
  code: 0,
  nodeIndex: -1,
  nodeName: '',
  nodeOperator: '',
  reason: 'bad',
  functionStack: '',
  ...change,
});
const errorOf = (change: Partial<NativeBuildOutcome>) => buildError(outcome(change), request, 'TensorRT-RTX');

describe('buildError', () => {
  test('parser errors are told all at once, the first named node is the place', () => {
    const error = errorOf({
      status: 'parse',
      parserErrors: [
        parserError({ reason: 'general' }),
        parserError({ nodeName: 'conv1', nodeOperator: 'Conv', reason: 'odd\npads' }),
        parserError({ nodeIndex: 7, nodeOperator: 'Loop', functionStack: 'outer > inner' }),
      ],
    });
    expect(error.code).toBe('ENGINE_PARSE');
    expect(error.place).toEqual({ file: '/m/net.onnx', node: 'conv1' });
    expect(error.reason).toContain(
      'general; node conv1 (Conv): odd pads; node number 7 (Loop) in function outer > inner: bad',
    );
  });

  test('a long list of parser errors is cut and counted', () => {
    const parserErrors = Array.from({ length: 9 }, (_, index) => parserError({ nodeName: `n${index}` }));
    const { reason } = errorOf({ status: 'parse', parserErrors });
    expect(reason).toContain('n4');
    expect(reason).not.toContain('n5');
    expect(reason).toContain('and 4 more');
  });

  test('a build error carries the last error lines of the log, not its information', () => {
    const { code, reason } = errorOf({
      reason: 'The builder gave no engine.',
      log: ['Detected 1 inputs', 'error: no tactic for conv1', 'warning: slow'],
    });
    expect(code).toBe('ENGINE_BUILD');
    expect(reason).toContain('no tactic for conv1');
    expect(reason).not.toMatch(/Detected|slow/);
  });

  test('lines that only say that there is no GPU give way to those that tell something', () => {
    const noGpu = 'error: [checkMacros.cpp::catchCudaError::250] Error Code 1: (cudaError 35: driver)';
    expect(errorOf({ log: ['error: cause', noGpu] }).reason).not.toContain('cudaError 35');
    expect(errorOf({ log: [noGpu] }).reason).toContain('cudaError 35');
  });

  test('an operation that the architecture lacks is PRECISION_UNSUPPORTED and named', () => {
    const line =
      "error: Myelin ([pass.cpp:337] Cannot compile operation '/fc1/Gemm' for Turing (SM75): FP32 GEMM is not supported. In x)";
    const error = errorOf({ log: [line] });
    expect(error.code).toBe('PRECISION_UNSUPPORTED');
    expect(error.place?.node).toBe('/fc1/Gemm');
    expect(error.reason).toContain('FP32 GEMM is not supported');
  });

  test('a layer without an implementation is named by its node, and no other precision is advised', () => {
    const line =
      'error: [tacticSupply.cpp::getSupportedFormats::48] Error Code 2: Internal Error (Assertion !layerImpls.empty() failed. nms_2 has no runners that implement it In x)';
    const error = errorOf({ log: [line] });
    expect(error).toMatchObject({ code: 'ENGINE_BUILD', place: { node: 'nms' } });
    expect(error.reason).toContain('no implementation of layer nms_2');
    expect(error.fix).not.toContain('--keep');
  });

  test.each([
    ['integer operators', { nodeOperator: 'ConvInteger', reason: 'false' }, /float model/],
    ['zero points', { reason: 'shiftIsAllZeros(zeroPoint): Non-zero zero point is not supported.' }, /symmetric/],
    ['training', { reason: '!isTraining && "no"' }, /for inference/],
    ['anything else', { reason: 'odd' }, /export anew/],
  ])('the fix for what the parser refuses fits it: %s', (_, refused, fix) => {
    const error = errorOf({ status: 'parse', parserErrors: [parserError({ nodeName: 'n', ...refused })] });
    expect(error.fix).toMatch(fix);
    expect(error.reason).not.toContain(': false');
  });

  test('an operator that is a plugin of other TensorRTs is told to be missing', () => {
    const reason = 'Assertion failed: creator: NonZero plugin creator version 1 was not found in plugin registry.';
    const parserErrors = [parserError({ nodeName: 'n', nodeOperator: 'NonZero', reason })];
    expect(errorOf({ status: 'parse', parserErrors }).reason).toContain('node n (NonZero): the parser does not know');
  });

  test('a node that is refused twice for one reason is told once', () => {
    const twice = [parserError({ nodeName: 'bn' }), parserError({ nodeName: 'bn' })];
    expect(errorOf({ status: 'parse', parserErrors: twice }).reason.match(/node bn/g)).toHaveLength(1);
  });

  test('what the builder has not, data that fail and memory that lacks have codes of their own', () => {
    expect(errorOf({ status: 'unsupported', reason: 'TensorRT 8 has no BF16.' })).toMatchObject({
      code: 'BUILDER_UNSUPPORTED',
      message: /TensorRT 8 has no BF16/,
    });
    expect(errorOf({ status: 'calibration', reason: 'No data.' }).code).toBe('CALIBRATION_FAILED');
    const memory = errorOf({ status: 'memory', reason: 'Too little.', log: ['error: OutOfMemory (8 bytes)'] });
    expect(memory.code).toBe('ENGINE_MEMORY');
    expect(memory.reason).toContain('OutOfMemory');
    expect(memory.fix).toContain('workspaceMiB');
  });

  test('only what is not FP32 is advised to keep nodes higher', () => {
    const fixOf = (precision: BuildRequest['precision']) =>
      buildError(outcome({ log: ['error: x'] }), { ...request, precision }, 'TensorRT-RTX').fix;
    expect(fixOf('fp16')).toContain('--keep');
    expect(fixOf('fp32')).not.toContain('--keep');
    const scope = 'error: [graphScope.cpp::analyze::471] Error Code 2: Internal Error (Assertion failed)';
    expect(errorOf({ log: [scope] }).fix).toContain('control flow');
  });

  test('a workspace that is too small is told how to be raised', () => {
    expect(errorOf({ log: ['error: no tactics within workspace limit.'] }).fix).toContain('workspaceMiB');
  });

  test.each([
    ['cancelled', 'CANCELLED'],
    ['invalid', 'PLAN_INVALID'],
    ['noBuilder', 'BACKEND_UNAVAILABLE'],
    ['library', 'BACKEND_UNAVAILABLE'],
    ['write', 'OUTPUT_UNWRITABLE'],
    ['internal', 'ENGINE_BUILD'],
  ] as const)('%s is %s', (status, code) => {
    expect(errorOf({ status, reason: 'why' }).code).toBe(code);
  });
});

describe('tensorrtBackend', () => {
  test('without a library says so, with nothing made up', async () => {
    const info = await tensorrtBackend('tensorrt-rtx', {
      environment: {},
      workspace: '/nonexistent',
      home: '/nonexistent',
    }).probe();
    expect(info).toMatchObject({
      available: false,
      builds: false,
      runs: false,
      version: null,
      targets: [],
      precisions: [],
    });
    expect(info.reason).toMatch(/No TensorRT-RTX library|native module/);
  });
});
