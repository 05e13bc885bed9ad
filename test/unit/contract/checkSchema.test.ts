import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { checkPlan, checkReport, completePlan } from '../../../extension/contract/checkSchema';
import { CodedError } from '../../../extension/contract/errors';
import { planSchema } from '../../../extension/contract/plan';
import { reportSchema } from '../../../extension/contract/report';

const minimal = { schemaVersion: 1, model: 'm.onnx' };

function refusal(action: () => unknown): CodedError {
  try {
    action();
  } catch (error) {
    if (CodedError.is(error)) return error;
    throw error;
  }
  return expect.fail('should have been refused');
}
const planRefusal = (parts: object) => refusal(() => checkPlan({ ...minimal, ...parts }, 'x.trtplan.json'));

test.each([
  ['plan', planSchema],
  ['report', reportSchema],
])('the schema of a %s is one by JSON Schema’s own, which is not asked at run time', (_, schema) => {
  const ajv = new Ajv({ strict: false });
  expect(ajv.validateSchema(schema), JSON.stringify(ajv.errors)).toBe(true);
});

describe('defaults', () => {
  test('a plan with only a model is completed at every depth', () => {
    const plan = checkPlan(minimal, 'x');
    expect(plan.precisions).toEqual(['fp32', 'fp16', 'bf16', 'int8']);
    expect(plan.calibration).toEqual({
      data: null,
      labels: null,
      algorithm: 'auto',
      percentile: 99.99,
      cutoff: null,
      equalization: true,
      biasCorrection: true,
      guardShare: 0.05,
      samples: 512,
      batchSize: 8,
      calibrator: 'builtin',
      tensorrtCalibrator: null,
      table: null,
      cache: null,
    });
    expect(plan.benchmark.warmupMs).toBe(200);
    expect(plan.gates).toEqual({ maxTop1Drop: null, minSqnrDb: null, minAgreement: null });
    expect(plan.preprocess).toBe('none');
    expect(plan.targets).toEqual([]);
  });

  test('parts that are given stay, their siblings are completed, the input is not changed', () => {
    const json = { ...minimal, calibration: { samples: 7 }, keep: [{ match: 'OP:Softmax', precision: 'fp32' }] };
    const before = structuredClone(json);
    const plan = checkPlan(json, 'x');
    expect(plan.calibration).toMatchObject({ samples: 7, batchSize: 8 });
    expect(plan.keep).toEqual(json.keep);
    expect(json).toEqual(before);
  });

  test('two plans do not share their defaults', () => {
    const [a, b] = [checkPlan(minimal, 'a'), checkPlan(minimal, 'b')];
    a.precisions.push('fp8');
    a.calibration.samples = 1;
    expect(b.precisions).not.toContain('fp8');
    expect(b.calibration.samples).toBe(512);
  });

  test('a complete plan passes unchanged', () => {
    const plan = checkPlan(minimal, 'x');
    expect(checkPlan(plan, 'x')).toEqual(plan);
  });

  test('completePlan takes parts from code', () => {
    expect(completePlan({ model: 'm.onnx', benchmark: { batch: 4 } }).benchmark).toMatchObject({
      batch: 4,
      iterations: 30,
    });
    expect(refusal(() => completePlan({ model: 'm.onnx', benchmark: { batch: 0.5 } })).reason).toContain(
      'command line',
    );
  });
});

describe('refusals of a plan', () => {
  test('an unknown key names the nearest one', () => {
    const error = planRefusal({ presicions: ['fp16'] });
    expect(error.code).toBe('PLAN_INVALID');
    expect(error.place).toEqual({ file: 'x.trtplan.json' });
    expect(error.reason).toBe(
      'The plan x.trtplan.json is not valid: unknown key "presicions" (did you mean "precisions"?).',
    );
  });

  test.each<[string, object, string, string]>([
    [
      'a nested unknown key',
      { calibration: { sample: 3 } },
      'calibration',
      'unknown key "sample" in calibration (did you mean "samples"?)',
    ],
    ['a key like no other', { zzzzzzzz: 1 }, '', 'unknown key "zzzzzzzz"'],
    [
      'a wrong type',
      { calibration: { samples: 'many' } },
      'calibration.samples',
      'calibration.samples must be an integer, not "many"',
    ],
    [
      'a fraction for an integer',
      { calibration: { samples: 1.5 } },
      'calibration.samples',
      'must be an integer, not 1.5',
    ],
    ['a value out of range', { benchmark: { batch: 0 } }, 'benchmark.batch', 'benchmark.batch must be >= 1, not 0'],
    [
      'an unknown word',
      { precisions: ['fp32', 'fp17'] },
      'precisions[1]',
      'precisions[1] must be one of fp32, tf32, fp16, fp16-weak, bf16, int8, int8-weak, int8-tensorrt, fp8, int4, not "fp17" (did you mean "fp16"?)',
    ],
    ['an empty list', { precisions: [] }, 'precisions', 'precisions must NOT have fewer than 1 items'],
    [
      'a nullable of the wrong type',
      { gates: { minSqnrDb: 'high' } },
      'gates.minSqnrDb',
      'gates.minSqnrDb must be a number, not "high"',
    ],
    [
      'a nullable out of range',
      { gates: { minAgreement: 99 } },
      'gates.minAgreement',
      'gates.minAgreement must be <= 1, not 99',
    ],
    ['a target without a name', { targets: [''] }, 'targets[0]', 'targets[0] must NOT have fewer than 2 characters'],
    ['a layout that is none', { formats: { x: ['chw5'] } }, 'formats.x[0]', 'formats.x[0] must be one of linear, chw2'],
    ['a missing key', { keep: [{ match: 'a' }] }, 'keep[0]', 'keep[0] lacks "precision"'],
    ['a record of the wrong type', { bindings: { x: 'fp17' } }, 'bindings.x', 'did you mean "fp16"?'],
    ['a number for the preprocessing', { preprocess: 5 }, 'preprocess', 'preprocess has a value of the wrong kind: 5'],
  ])('%s', (_, parts, field, text) => {
    const error = planRefusal(parts);
    expect(error.reason).toContain(text);
    expect(error.place?.field ?? '').toBe(field);
    expect(error.reason).not.toContain('; ');
  });

  test('an unknown preprocessing step lists the known ones and the nearest', () => {
    const { reason } = planRefusal({ preprocess: [{ op: 'toTensor' }, { op: 'normalise', mean: [0], std: [1] }] });
    expect(reason).toMatch(
      /preprocess\[1\] must have an "op" that is one of resize, .*not "normalise" \(did you mean "normalize"\?\)/,
    );
  });

  test('a wrong field of a known step is reported against that step only', () => {
    const { reason } = planRefusal({ preprocess: [{ op: 'resize', size: 224, antialais: true }] });
    expect(reason).toContain('unknown key "antialais" in preprocess[0] (did you mean "antialias"?)');
    expect(reason).not.toContain('must have an "op"');
    expect(planRefusal({ preprocess: [{ op: 'normalize', mean: [0] }] }).reason).toContain('preprocess[0] lacks "std"');
    expect(planRefusal({ preprocess: [{ op: 'resize', size: [224] }] }).reason).toContain('preprocess[0].size');
  });

  test('several faults are all told, up to a limit', () => {
    const { reason } = planRefusal({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 });
    expect(reason).toMatch(/"a".*"e".*; and 2 more\.$/);
  });

  test('a plan of a newer version says so and nothing else', () => {
    const error = planRefusal({ schemaVersion: 2, novelty: true });
    expect(error.reason).toMatch(/schemaVersion 2/);
    expect(error.reason).not.toContain('novelty');
    expect(error.fix).toMatch(/Update/);
  });

  test.each([[null], [5], ['text'], [[]]])('%j is no plan', (json) => {
    expect(refusal(() => checkPlan(json, 'x')).code).toBe('PLAN_INVALID');
  });

  test('without a model there is no plan', () => {
    expect(refusal(() => checkPlan({ schemaVersion: 1 }, 'x')).reason).toContain('the file lacks "model"');
  });
});

describe('reports', () => {
  const report = () => ({
    schemaVersion: 1,
    tool: { name: 'precision-bench', version: '0' },
    createdAt: '2026-01-01T00:00:00Z',
    command: 'precision-bench convert m.onnx',
    model: {
      path: 'm',
      sha256: '',
      bytes: 1,
      opset: 17,
      irVersion: 8,
      nodes: 1,
      parameters: 0,
      inputs: [],
      outputs: [],
    },
    plan: checkPlan(minimal, 'x'),
    host: { os: 'Linux', cpu: 'cpu', cores: 2, gpu: null, backends: [] },
    data: { calibration: null, evaluation: null, representative: false, split: '' },
    variants: [] as object[],
    verdict: { recommended: null, reasons: [], warnings: [] },
  });

  test('a valid report passes', () => {
    expect(checkReport(report(), 'r').model.opset).toBe(17);
  });

  test('an invalid one names the field', () => {
    const error = refusal(() => checkReport({ ...report(), variants: [{ name: 'int8' }] }, 'r.json'));
    expect(error.code).toBe('REPORT_INVALID');
    expect(error.reason).toContain('variants[0] lacks "precision"');
    expect(error.place).toEqual({ file: 'r.json', field: 'variants[0]' });
  });

  test('a number where null means "not measured" may not be a text', () => {
    const json = { ...report(), host: { ...report().host, cores: '2' } };
    expect(refusal(() => checkReport(json, 'r')).reason).toContain('host.cores must be a number, not "2"');
  });
});
