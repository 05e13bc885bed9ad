/**
 * torch2trt's page "Reduced Precision", line by line: what a user of it types, and that it means here what it says there.
 * The mapping is in the README.
 */
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../extension/cli/arguments';
import { convertSpec } from '../../../extension/cli/convertOptions';
import { resolvePlan } from '../../../extension/cli/resolvePlan';
import { variantRecipes } from '../../../extension/build/variantRecipes';
import { answerPlatform } from '../../../extension/plan/findPlatform';
import type { EngineBuilder } from '../../../extension/build/chooseEngineBuilder';

const planOf = (...words: string[]) => resolvePlan(parseArguments(convertSpec, ['model.onnx', ...words]), '/work').plan;
const trt10: EngineBuilder = { name: 'tensorrt', version: '10.6.0', targets: [null] };
const trt11: EngineBuilder = { name: 'tensorrt', version: '11.2.1', targets: [null] };
const recipesOf = (builder: EngineBuilder, ...words: string[]) => variantRecipes(planOf(...words), builder);

describe('support matrix', () => {
  it.each([
    ['Jetson Nano', true, false],
    ['Jetson Xavier NX', true, true],
    ['Jetson AGX Xavier', true, true],
  ])('%s: FP16 %s, INT8 %s, as the page has it', (platform, fp16, int8) => {
    const { precisions } = answerPlatform(platform);
    expect([precisions.includes('fp16'), precisions.includes('int8')]).toEqual([fp16, int8]);
  });

  it('Jetson TX2: NVIDIA denies the INT8 that the page promises, and the answer says so', () => {
    const { precisions, notes } = answerPlatform('Jetson TX2');
    expect(precisions).toEqual(['fp32', 'fp16']);
    expect(notes.join()).toMatch(/torch2trt's page lists INT8.*NVIDIA/);
  });

  it.each(['--int8_mode=True', '--int8-mode'])('INT8 asked of a Nano with %s is an error before any work', (word) => {
    expect(() => planOf(word, '--target', 'Jetson Nano')).toThrow(
      expect.objectContaining({
        code: 'PRECISION_UNSUPPORTED',
        reason: expect.stringContaining('Jetson Nano') as string,
      }),
    );
    expect(() => planOf('--fp16_mode=True', '--target', 'Jetson Nano')).not.toThrow();
  });
});

describe('fp16_mode', () => {
  it('allows FP16 and lets the optimizer choose, where TensorRT has that', () => {
    expect(planOf('--fp16_mode=True').precisions).toEqual(['fp32', 'fp16']);
    expect(recipesOf(trt10, '--fp16_mode=True').at(-1)).toMatchObject({ name: 'fp16', typing: 'weak', graph: 'fp32' });
  });

  it('is FP16 from the graph on TensorRT 11, which knows no weak typing', () => {
    expect(recipesOf(trt11, '--fp16_mode=True').at(-1)).toMatchObject({ typing: 'strong', graph: 'fp16' });
  });

  it('False is as if it were not said, and --typing wins', () => {
    expect(planOf('--fp16_mode=False').builder.typing).toBe('auto');
    expect(recipesOf(trt10, '--fp16_mode', '--typing', 'strong').at(-1)).toMatchObject({ typing: 'strong' });
  });
});

describe('int8_mode', () => {
  it('needs no data set: random inputs stand in, and the report says so', () => {
    const plan = planOf('--int8_mode=True');
    expect(plan.precisions).toEqual(['fp32', 'int8']);
    expect(plan.calibration.data).toBeNull();
  });

  it.each(['--int8-calib-dataset', '--int8_calib_dataset', '--data'])('%s takes the class of the page', (option) => {
    const { calibration } = planOf('--int8_mode', option, "calib.py:ImageFolderCalibDataset('images')");
    expect(calibration.data).toBe("calib.py:ImageFolderCalibDataset('images')");
  });

  it('the transforms of the page are a preset', () => {
    expect(planOf('--int8-mode', '--data', 'images', '--preprocess', 'imagenet').preprocess).toBe('imagenet');
  });

  it.each([
    ['trt.CalibrationAlgoType.MINMAX_CALIBRATION', 'minmax', 'minmax'],
    ['ENTROPY_CALIBRATION_2', 'entropy', 'entropy2'],
    ['trt.CalibrationAlgoType.ENTROPY_CALIBRATION', 'entropy', 'entropy'],
    ['LEGACY_CALIBRATION', 'legacy', 'legacy'],
  ])('%s is our %s, and the calibrator %s of TensorRT where that calibrates', (word, algorithm, calibrator) => {
    const words = ['--int8_mode', '--int8_calib_algorithm', word];
    expect(planOf(...words).calibration.algorithm).toBe(algorithm);
    expect(recipesOf(trt10, ...words, '--calibrator', 'tensorrt').at(-1)).toMatchObject({ calibrator, typing: 'weak' });
  });

  it('int8_calib_batch_size really is the batch size', () => {
    expect(planOf('--int8_mode', '--int8_calib_batch_size=32').calibration.batchSize).toBe(32);
  });
});

describe('binding data types', () => {
  it('stay FP32 unless said otherwise, whatever is inside', () => {
    expect(planOf('--fp16_mode').bindings).toEqual({});
  });

  it('are FP16 where asked for, on inputs and outputs alike', () => {
    const { bindings } = planOf('--fp16_mode', '--io', 'input=fp16', '--io', 'output=fp16');
    expect(bindings).toEqual({ input: 'fp16', output: 'fp16' });
  });

  it('may have a layout of their own', () => {
    const { bindings, formats } = planOf('--io', 'input=fp16:chw16+hwc8', '--io', 'output=:dla_linear');
    expect(bindings).toEqual({ input: 'fp16' });
    expect(formats).toEqual({ input: ['chw16', 'hwc8'], output: ['dlaLinear'] });
  });
});
