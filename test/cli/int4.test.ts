/** INT4 weights as a user asks for them: no data, a model of matrix products, the file a fraction of FP32's. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkReport } from '../../extension/contract/checkSchema';
import type { Report } from '../../extension/contract/report';
import { saveModel } from '../../extension/model/saveModel';
import { buildModel, floats, node, value } from '../unit/model/buildModel';
import { noise } from '../unit/plan/planModels';
import { errorCodeOf, runCli } from './runCli';

const width = 256;
let folder = '';
let model = '';

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'pb-int4-'));
  model = path.join(folder, 'products.onnx');
  const weight = (name: string, columns: number, seed: number) =>
    floats(
      name,
      [width, columns],
      noise(width * columns, seed).map((v) => v / 9),
    );
  const products = buildModel({
    nodes: [
      node('MatMul', ['x', 'w1'], ['a']),
      node('Relu', ['a'], ['b']),
      node('Gemm', ['b', 'w2', 'bias'], ['c']),
      node('MatMul', ['c', 'w3'], ['y']),
    ],
    inputs: [value('x', ['batch', width])],
    outputs: [value('y', ['batch', 10])],
    initializers: [
      weight('w1', width, 1),
      weight('w2', width, 2),
      floats('bias', [width], noise(width)),
      weight('w3', 10, 3),
    ],
    opset: 13,
  });
  await saveModel(products, model);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('convert --precisions fp16,int4', () => {
  let report: Report;
  beforeAll(async () => {
    const out = path.join(folder, 'out');
    const words = ['convert', model, '--precisions', 'fp16,int4', '--int4-block', '64', '--duration-ms', '50'];
    const result = await runCli([...words, '--backend', 'onnxruntime', '--out', out]);
    expect(result.code, result.stderr).toBe(0);
    report = checkReport(JSON.parse(readFileSync(path.join(out, 'report.json'), 'utf8')), 'report.json');
  }, 120_000);

  it('makes the variant without data and without a calibration table', () => {
    expect(report.variants.map(({ name, status }) => [name, status])).toEqual([
      ['fp32', 'ok'],
      ['fp16', 'ok'],
      ['int4', 'ok'],
    ]);
    expect(report.variants.at(-1)?.calibration).toBeNull();
  });

  it('tells what the file costs: less than 0.15 of FP32 and 0.3 of FP16', () => {
    const [, fp16 = NaN, int4 = NaN] = report.variants.map(({ sizeRatio }) => sizeRatio ?? NaN);
    expect(int4).toBeLessThan(0.15);
    expect(int4 / fp16).toBeLessThan(0.3);
  });

  it('is near FP32, and farther than FP16', () => {
    const [, fp16, int4] = report.variants.map(({ accuracy }) => accuracy?.outputs[0]?.sqnrDb ?? NaN) as [
      number,
      number,
      number,
    ];
    expect(int4).toBeGreaterThan(12);
    expect(fp16).toBeGreaterThan(int4 + 20);
  });

  it('names the layer that stayed, and why', () => {
    expect(report.variants.at(-1)?.decisions).toEqual([
      {
        node: 'MatMul_y',
        opType: 'MatMul',
        precision: 'fp16',
        reason: 'is too small (256 × 10) to gain from INT4 weights',
      },
    ]);
  });
});

describe('what INT4 is asked of', () => {
  it('inspect counts the products that take it, and says why others do not', async () => {
    const { stdout, code } = await runCli(['inspect', model, '--nodes']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^int4 .*2 nodes int4/m);
    expect(stdout).toContain('is too small (256 × 10)');
  });

  it('a block that TensorRT does not have is refused', async () => {
    const result = await runCli([
      'convert',
      model,
      '--precisions',
      'int4',
      '--int4-block',
      '100',
      '--out',
      path.join(folder, 'no'),
    ]);
    expect(errorCodeOf(result)).toBe('PLAN_INVALID');
    expect(result.stderr).toContain('int4Block');
  });

  it('a target before Ampere is refused before any work', async () => {
    const result = await runCli([
      'convert',
      model,
      '--precisions',
      'int4',
      '--target',
      'T4',
      '--out',
      path.join(folder, 'no'),
    ]);
    expect(errorCodeOf(result)).toBe('PRECISION_UNSUPPORTED');
    expect(result.stderr).toContain('no INT4 hardware');
  });

  it('probe knows platforms with and without', async () => {
    const of = async (device: string) => (await runCli(['probe', '--platform', device])).stdout;
    expect(await of('A100')).toMatch(/precisions.*int4/);
    expect(await of('T4')).not.toMatch(/precisions.*int4/);
  });
});
