import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseArguments } from '../../../extension/cli/arguments';
import { convertSpec } from '../../../extension/cli/convertOptions';
import { resolvePlan } from '../../../extension/cli/resolvePlan';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pb-options-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const resolve = (words: string[], cwd = folder) => resolvePlan(parseArguments(convertSpec, words), cwd);
const planOf = (...words: string[]) => resolve(['m.onnx', ...words]).plan;

describe('resolvePlan', () => {
  it('fills every default', () => {
    const { plan, baseDir } = resolve(['m.onnx']);
    expect(baseDir).toBe(folder);
    expect(plan).toMatchObject({
      schemaVersion: 1,
      model: 'm.onnx',
      precisions: ['fp32', 'fp16', 'bf16', 'int8'],
      calibration: { algorithm: 'auto', percentile: 99.99, data: null },
      targets: [],
      gates: { maxTop1Drop: null, minSqnrDb: null, minAgreement: null },
    });
  });

  it('takes blocks of 64 and 128 for INT4, and no others', () => {
    expect(planOf('--precisions', 'int4').builder.int4Block).toBe(128);
    expect(planOf('--precisions', 'int4', '--int4-block', '64').builder.int4Block).toBe(64);
    for (const size of ['100', '192', '32'])
      expect(() => planOf('--int4-block', size)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
  });

  it('refuses INT4 where no target has it, and takes it where one has', () => {
    expect(() => planOf('--target', 'sm_75', '--precisions', 'int4')).toThrow(/sm_75.*has no INT4 hardware/);
    expect(planOf('--target', 'sm_75,sm_86', '--precisions', 'int4').precisions).toEqual(['fp32', 'int4']);
  });

  it('writes each flag into its place', () => {
    const plan = planOf(
      ...['--precisions', 'int8,fp16', '--data', 'd', '--labels', 'l.csv', '--preprocess', 'imagenet'],
      ...['--calib-algorithm', 'percentile', '--calib-percentile', '99.9', '--calib-samples', '7'],
      ...['--calib-batch-size', '3', '--calib-table', 't.json', '--eval-data', 'e', '--eval-labels', 'el.csv'],
      ...['--io', 'x=fp16', '--io', 'a=b=int8', '--keep', 'OP=Softmax=fp32', '--keep', 'enc.*=fp16'],
      ...['--shape', 'x=1x3x8x8:2x3x8x8:4x3x8x8', '--backend', 'tensorrt-rtx', '--target', 'sm_75,sm_89'],
      ...['--max-top1-drop', '0.005', '--min-sqnr', '20', '--min-agreement', '0.99', '--batch', '4'],
    );
    expect(plan).toMatchObject({
      precisions: ['fp32', 'fp16', 'int8'],
      preprocess: 'imagenet',
      calibration: {
        data: 'd',
        labels: 'l.csv',
        algorithm: 'percentile',
        percentile: 99.9,
        samples: 7,
        batchSize: 3,
        table: 't.json',
      },
      evaluation: { data: 'e', labels: 'el.csv' },
      bindings: { x: 'fp16', 'a=b': 'int8' },
      keep: [
        { match: 'OP:Softmax', precision: 'fp32' },
        { match: 'enc.*', precision: 'fp16' },
      ],
      shapes: { x: { min: [1, 3, 8, 8], opt: [2, 3, 8, 8], max: [4, 3, 8, 8] } },
      backend: 'tensorrt-rtx',
      targets: ['sm_75', 'sm_89'],
      gates: { maxTop1Drop: 0.005, minSqnrDb: 20, minAgreement: 0.99 },
      benchmark: { batch: 4 },
    });
  });

  it("understands torch2trt's words", () => {
    const plan = planOf(
      ...['--fp16_mode=True', '--int8_mode', '--int8_calib_dataset', "calib.py:ImageFolderCalibDataset('images')"],
      ...['--int8-calib-algorithm', 'trt.CalibrationAlgoType.MINMAX_CALIBRATION', '--int8_calib_batch_size=32'],
    );
    expect(plan.precisions).toEqual(['fp32', 'fp16', 'int8']);
    expect(plan.calibration).toMatchObject({
      data: "calib.py:ImageFolderCalibDataset('images')",
      algorithm: 'minmax',
      batchSize: 32,
    });
  });

  it('lets flags win over the plan file and keeps its paths relative to it', () => {
    const inner = path.join(folder, 'inner');
    const file = path.join(folder, 'p.trtplan.json');
    writeFileSync(
      file,
      '{ // a comment\n "schemaVersion": 1, "model": "m.onnx", "calibration": {"samples": 5, "data": "a"}, }',
    );
    const { plan, baseDir } = resolve(['--plan', '../p.trtplan.json', '--calib-samples', '9', '--data', 'here'], inner);
    expect(baseDir).toBe(folder);
    expect(plan.model).toBe('m.onnx');
    expect(plan.calibration).toMatchObject({ samples: 9, data: path.join('inner', 'here') });
  });

  it.each([
    [['--precisions', 'f16'], 'USAGE', /f16.*did you mean fp16/],
    [['--calib-algorithm', 'entrpy'], 'USAGE', /did you mean entropy/],
    [['--calib-samples', 'many'], 'USAGE', /--calib-samples/],
    [['--io', 'x'], 'USAGE', /NAME=TYPE/],
    [['--shape', 'x=1xbx3'], 'USAGE', /"1xbx3" is no shape/],
    [['--shape', 'x=1xx3'], 'USAGE', /"1xx3" is no shape/],
    [['--shape', 'x=1:8:16:32'], 'USAGE', /of the form NAME=MIN:OPT:MAX/],
    [['--io', 'x=fp61'], 'PLAN_INVALID', /x/],
    [['--target', 'Jetson Nanoo'], 'TARGET_UNSUPPORTED', /Jetson Nanoo/],
    [['--target', 'Jetson Nano', '--int8-mode'], 'PRECISION_UNSUPPORTED', /Jetson Nano \(sm_53\) has no INT8/],
    [['--io', 'x=fp16:chw99'], 'USAGE', /no memory layout/],
    [['--io', 'x=fp16:chw4:hwc'], 'USAGE', /NAME=TYPE:FORMAT/],
    [['--cuda-graph', 'maybe'], 'USAGE', /neither on nor off/],
    [['--typing', 'strongly'], 'PLAN_INVALID', /builder.typing/],
    [['--calib-samples', '0'], 'PLAN_INVALID', /samples/],
  ])('refuses %j with %s', (words, code, message) => {
    const attempt = () => planOf(...words);
    expect(attempt).toThrow(expect.objectContaining({ code }) as Error);
    expect(attempt).toThrow(message);
  });

  it('names the line of a plan that is not JSON', () => {
    writeFileSync(path.join(folder, 'bad.trtplan.json'), '{\n"model": \n');
    expect(() => resolve(['--plan', 'bad.trtplan.json'])).toThrow(/line 3/);
  });

  it('needs a model', () => {
    expect(() => resolve([])).toThrow(/MODEL/);
  });
});
