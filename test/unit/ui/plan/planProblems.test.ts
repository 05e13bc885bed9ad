import { mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { completePlan, type PlanParts } from '../../../../extension/contract/checkSchema';
import type { NodePlan } from '../../../../extension/contract/stageMethods';
import { explainPlan } from '../../../../extension/plan/explainPlan';
import { prepareModel } from '../../../../extension/plan/prepareModel';
import { planProblems, schemaProblems, type PlanSurroundings } from '../../../../extension/ui/plan/planProblems';
import { buildModel, floats, node, reluModel, temporaryFolder, value, writeFile } from '../../model/buildModel';
import { backend } from '../machines';

function setUp(surroundings: Partial<PlanSurroundings> = {}) {
  const baseDir = temporaryFolder();
  writeFile(baseDir, 'm.onnx', '');
  mkdirSync(`${baseDir}/cal`);
  return (parts: Partial<PlanParts> = {}) =>
    planProblems(completePlan({ model: 'm.onnx', calibration: { data: 'cal' }, ...parts }), {
      baseDir,
      backends: null,
      model: null,
      ...surroundings,
    });
}
const codes = (problems: readonly { code: string; pointer: string; severity: string }[]) =>
  problems.map(({ code, pointer, severity }) => `${severity} ${code} ${pointer}`);

describe('schemaProblems', () => {
  it('has every fault with its place', () => {
    const found = schemaProblems({
      schemaVersion: 1,
      model: 'm',
      precisons: [],
      calibration: { samples: 0 },
      keep: [{ match: 'a' }],
    });
    expect(found.map(({ pointer }) => pointer).sort()).toEqual(['/calibration/samples', '/keep/0', '/precisons']);
    expect(found.find(({ pointer }) => pointer === '/precisons')?.reason).toMatch(
      /^Unknown key "precisons".*precisions/,
    );
  });

  it('has none for a plan, and one for what is no object', () => {
    expect(schemaProblems({ schemaVersion: 1, model: 'm' })).toEqual([]);
    expect(schemaProblems(null)).toHaveLength(1);
  });
});

describe('planProblems', () => {
  it('has nothing against a plan that can run', async () => {
    expect(await setUp()()).toEqual([]);
  });

  it('names every file that is not there, with what helps', async () => {
    const problems = await setUp()({
      model: 'gone.onnx',
      calibration: { data: 'nowhere', table: 't.json' },
      evaluation: { data: 'gone.py:Data("x")', labels: 'l.csv' },
      preprocess: 'steps.json',
    });
    expect(problems.map(({ pointer }) => pointer).sort()).toEqual([
      '/calibration/data',
      '/calibration/table',
      '/evaluation/data',
      '/evaluation/labels',
      '/model',
      '/preprocess',
    ]);
    expect(problems.every(({ severity }) => severity === 'error')).toBe(true);
    const data = problems.find(({ pointer }) => pointer === '/calibration/data');
    expect(data?.actions).toEqual([{ action: 'chooseData', label: 'Choose Data…' }]);
  });

  it('does not take a preset for a file', async () => {
    expect(await setUp()({ preprocess: 'imagenet' })).toEqual([]);
  });

  it('refuses what no target has hardware for, without knowing the machine', async () => {
    const problems = await setUp()({ precisions: ['fp32', 'int8'], targets: ['sm_53'] });
    expect(codes(problems)).toEqual(['error noHardware /precisions/1']);
    expect(problems[0]?.reason).toMatch(/INT8/);
  });

  it('warns of what the machine lacks, once it is known', async () => {
    const surroundings = { backends: [backend('onnxruntime', { builds: false, targets: [] })] };
    const problems = await setUp(surroundings)({ precisions: ['fp32'], targets: ['sm_89'] });
    expect(codes(problems)).toEqual(['error BACKEND_UNAVAILABLE /targets']);
    expect(problems[0]?.actions.map(({ action }) => action)).toContain('installTensorRT');
  });

  it('says what the targets lack also where no TensorRT serves them', async () => {
    const problems = await setUp({ backends: [backend('tensorrt-rtx')] })({
      precisions: ['fp32', 'int8'],
      targets: ['sm_53'],
    });
    expect(codes(problems)).toEqual(['error TARGET_UNSUPPORTED /targets', 'error noHardware /precisions/1']);
  });

  it('says that made-up inputs stand in for missing data', async () => {
    const check = setUp();
    expect(codes(await check({ calibration: {} }))).toEqual(['warning noData /calibration/data']);
    const evaluated = { calibration: {}, evaluation: { data: 'cal' } };
    expect(codes(await check({ ...evaluated, precisions: ['fp32', 'fp16'] }))).toEqual([]);
    expect(codes(await check({ ...evaluated, precisions: ['fp32', 'int8'] }))).toEqual([
      'info noData /calibration/data',
    ]);
  });

  it('passes on why a model cannot be read', async () => {
    const error = { code: 'MODEL_TRUNCATED', reason: 'It ends.', fix: 'Copy it.' } as const;
    const problems = await setUp({ model: { error } })();
    expect(problems).toMatchObject([
      { pointer: '/model', severity: 'error', code: 'MODEL_TRUNCATED', fix: 'Copy it.' },
    ]);
    expect(problems[0]?.actions[0]?.action).toBe('chooseModel');
  });
});

describe('findings about a model', () => {
  /** What the rules really say, so that our reading of their words cannot go stale. */
  const nodesOf = (model: ReturnType<typeof buildModel>): NodePlan[] =>
    explainPlan(prepareModel(model), 'fp16').map((decision) => ({ ...decision, variant: 'fp16' }));

  it('tells of weights beyond FP16', async () => {
    const model = buildModel({
      nodes: [node('Mul', ['x', 'w'], ['y'])],
      inputs: [value('x', ['N', 4])],
      outputs: [value('y', ['N', 4])],
      initializers: [floats('w', [4], [1, 1e6, 1, 1])],
    });
    const problems = await setUp({ model: { nodes: nodesOf(model) } })();
    expect(codes(problems)).toEqual(['info fp16Overflow /precisions']);
    expect(problems[0]?.reason).toMatch(/^Mul_y would overflow.*Nodes of this kind: 1/);
  });

  it('tells of operators that no standard knows', async () => {
    const model = buildModel({
      nodes: [node('MyOp', ['x'], ['y'], { domain: 'custom' })],
      inputs: [value('x', ['N', 4])],
      outputs: [value('y', ['N', 4])],
    });
    const problems = await setUp({ model: { nodes: nodesOf(model) } })();
    expect(codes(problems)).toEqual(['warning customOperator /model']);
    expect(problems[0]?.reason).toMatch(/^MyOp/);
  });

  it('has nothing to tell of a harmless model', async () => {
    expect(await setUp({ model: { nodes: nodesOf(reluModel()) } })()).toEqual([]);
  });
});
