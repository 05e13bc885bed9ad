import { describe, expect, it } from 'vitest';
import type { EngineBuilder } from '../../../extension/build/chooseEngineBuilder';
import { calibratedPrecisions, typingsOf, variantRecipes } from '../../../extension/build/variantRecipes';
import { completePlan, type PlanParts } from '../../../extension/contract/checkSchema';

const builder = (version: string, name: EngineBuilder['name'] = 'tensorrt'): EngineBuilder => ({
  name,
  version,
  targets: [null],
});
const trt10 = builder('10.6.0');
const rtx = builder('1.7.1', 'tensorrt-rtx');

const recipes = (parts: Omit<PlanParts, 'model'>, used: EngineBuilder | null) =>
  variantRecipes(completePlan({ model: 'm.onnx', ...parts }), used);
const one = (parts: Omit<PlanParts, 'model'>, used: EngineBuilder | null) => recipes(parts, used).at(-1);

describe('typings', () => {
  it.each([
    ['8.6.1', 'tensorrt', ['weak']],
    ['10.6.0', 'tensorrt', ['strong', 'weak']],
    ['11.2.1', 'tensorrt', ['strong']],
    ['1.7.1', 'tensorrt-rtx', ['strong']],
  ] as const)('of %s (%s) are %j', (version, name, typings) => {
    expect(typingsOf(builder(version, name))).toEqual(typings);
  });
});

describe('variantRecipes', () => {
  it('the baseline first, then in the order of the contract, each once', () => {
    expect(recipes({ precisions: ['int8', 'tf32', 'fp16'] }, trt10).map(({ name }) => name)).toEqual([
      'fp32',
      'tf32',
      'fp16',
      'int8',
    ]);
  });

  it('strong typing compiles the rewritten graph', () => {
    expect(one({ precisions: ['fp16'] }, trt10)).toMatchObject({ graph: 'fp16', typing: 'strong', calibrator: null });
  });

  it('weak typing leaves the graph in FP32 and the choice to the optimizer', () => {
    const weak = { precision: 'fp16', graph: 'fp32', typing: 'weak' };
    expect(one({ precisions: ['fp16-weak'] }, trt10)).toMatchObject(weak);
    expect(one({ precisions: ['fp16'], builder: { typing: 'weak' } }, trt10)).toMatchObject(weak);
  });

  it('tf32 is the graph of FP32 with the switch on', () => {
    expect(one({ precisions: ['tf32'] }, rtx)).toMatchObject({ precision: 'fp32', graph: 'fp32', tf32: true });
    expect(recipes({ precisions: ['tf32'] }, rtx)[0]).toMatchObject({ name: 'fp32', tf32: false });
  });

  it.each([
    ['TensorRT 10', trt10],
    ['TensorRT-RTX', rtx],
    ['no builder', null],
  ])('INT4 is strongly typed and needs no calibrator: %s', (_, used) => {
    const parts = { precisions: ['int4' as const], builder: { typing: 'prefer-weak' as const, int4Block: 64 } };
    expect(one(parts, used)).toMatchObject({
      ...{ precision: 'int4', graph: 'int4', typing: 'strong', rest: 'fp16', calibrator: null, int4Block: 64 },
    });
    expect(calibratedPrecisions(recipes(parts, used))).toEqual([]);
  });

  it('INT4 is refused on TensorRT 8 and under weak typing, each with what to do', () => {
    const refusal = (typing: 'auto' | 'weak', used: EngineBuilder) => () =>
      one({ precisions: ['int4'], builder: { typing } }, used);
    expect(refusal('auto', builder('8.6.1'))).toThrow(
      expect.objectContaining({
        code: 'PRECISION_UNSUPPORTED',
        reason: expect.stringMatching(/only TensorRT 10, 11 and RTX.*tensorrt 8\.6\.1/) as string,
        place: { field: 'precisions' },
      }),
    );
    expect(refusal('weak', trt10)).toThrow(
      expect.objectContaining({
        reason: expect.stringContaining('weak typing') as string,
        fix: expect.stringContaining('--typing auto') as string,
        place: { field: 'builder.typing' },
      }),
    );
  });

  it('INT8 under an optimizer keeps its Q/DQ, which carry our scales', () => {
    expect(one({ precisions: ['int8-weak'] }, trt10)).toMatchObject({
      graph: 'int8',
      typing: 'weak',
      calibrator: 'builtin',
      rest: 'fp32',
    });
  });

  it("INT8 with TensorRT's calibrator is the graph of FP32", () => {
    const wanted = { graph: 'fp32', typing: 'weak', calibrator: 'entropy2' };
    expect(one({ precisions: ['int8-tensorrt'] }, trt10)).toMatchObject(wanted);
    expect(one({ precisions: ['int8'], calibration: { calibrator: 'tensorrt' } }, trt10)).toMatchObject(wanted);
  });

  it.each([
    [{ algorithm: 'minmax' }, 'minmax'],
    [{ algorithm: 'legacy' }, 'legacy'],
    [{ algorithm: 'entropy' }, 'entropy2'],
    [{ algorithm: 'auto' }, 'entropy2'],
    [{ algorithm: 'entropy', tensorrtCalibrator: 'entropy' }, 'entropy'],
  ] as const)('%j is the calibrator %s', (calibration, calibrator) => {
    const parts = { precisions: ['int8' as const], calibration: { calibrator: 'tensorrt' as const, ...calibration } };
    expect(one(parts, trt10)).toMatchObject({ calibrator });
  });

  it('an algorithm that TensorRT has not is refused, unless it is meant for the built-in calibrator', () => {
    const parts = { precisions: ['int8' as const], calibration: { algorithm: 'mse' as const } };
    expect(() => recipes({ ...parts, calibration: { ...parts.calibration, calibrator: 'tensorrt' } }, trt10)).toThrow(
      expect.objectContaining({ code: 'PLAN_INVALID', reason: expect.stringContaining('mse') as string }),
    );
    expect(one({ ...parts, precisions: ['int8-tensorrt'] }, trt10)).toMatchObject({ calibrator: 'entropy2' });
  });

  it('the plan says how 8-bit weights are stored, and its auto is floats for TensorRT 8', () => {
    const stored = (weightStorage: 'auto' | 'quantized' | 'float', used: EngineBuilder | null) =>
      one({ precisions: ['int8'], builder: { weightStorage } }, used)?.weightStorage;
    const old = builder('8.6.1');
    expect([stored('auto', old), stored('auto', trt10), stored('auto', null)]).toEqual(['float', 'auto', 'auto']);
    expect([stored('quantized', old), stored('float', trt10)]).toEqual(['quantized', 'float']);
  });

  it('TensorRT 8 is weak throughout and wants quantized weights in the graph', () => {
    for (const recipe of recipes({ precisions: ['fp16', 'int8'] }, builder('8.6.1'))) {
      expect(recipe).toMatchObject({ typing: 'weak', weightStorage: 'float' });
    }
  });

  it("torch2trt's meaning: weak where the library has it, strong where it has not", () => {
    const parts = { precisions: ['fp16' as const], builder: { typing: 'prefer-weak' as const } };
    expect(one(parts, trt10)?.typing).toBe('weak');
    expect(one(parts, rtx)).toMatchObject({ typing: 'strong', graph: 'fp16' });
    expect(one(parts, null)).toMatchObject({ typing: 'strong', graph: 'fp16' });
  });

  it.each([
    [{ precisions: ['fp16-weak'] }, rtx, /fp16-weak.*only TensorRT 8 and 10.*tensorrt-rtx 1\.7\.1/],
    [{ precisions: ['fp16'], builder: { typing: 'weak' } }, builder('11.2.1'), /only TensorRT 8 and 10/],
    [{ precisions: ['int8-tensorrt'] }, rtx, /TensorRT's own calibrator/],
    [{ precisions: ['int8-tensorrt'] }, null, /none that builds engines is here/],
    [{ precisions: ['fp16'], builder: { typing: 'strong' } }, builder('8.6.1'), /only TensorRT 10, 11 and RTX/],
    [{ precisions: ['tf32'] }, null, /mode of a GPU/],
  ] as const)('refuses %j with a reason', (parts, used, reason) => {
    expect(() => recipes(parts as unknown as Omit<PlanParts, 'model'>, used)).toThrow(
      expect.objectContaining({ code: 'PRECISION_UNSUPPORTED', reason: expect.stringMatching(reason) as string }),
    );
  });

  it('only built-in scales are asked of calibration', () => {
    expect(calibratedPrecisions(recipes({ precisions: ['fp16', 'int8-tensorrt'] }, trt10))).toEqual([]);
    expect(calibratedPrecisions(recipes({ precisions: ['int8', 'int8-weak', 'fp8'] }, trt10))).toEqual(['int8', 'fp8']);
  });
});
