/**
 * A whole conversion with everything that TensorRT 10 offers beside strong typing, in a worker process, against the fake
 * TensorRT 10 and its fake GPU: what is asked for reaches the builder, and what comes of it stands in the report. Numbers of
 * the fake mean nothing and are not looked at. Needs the target `native_tests`, which `npm test` builds.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { librarySetting } from '../../extension/backends/libraries';
import { nativeAddonState } from '../../extension/backends/nativeAddon';
import { completePlan, type PlanParts } from '../../extension/contract/checkSchema';
import type { EnginePassport } from '../../extension/contract/enginePassport';
import { CodedError } from '../../extension/contract/errors';
import type { Report } from '../../extension/contract/report';
import { newNode } from '../../extension/model/onnx.generated';
import { convert } from '../../extension/pipeline';
import { WorkerClient } from '../../extension/worker/workerClient';
import { bundleWorker, type BundledWorker } from '../support/bundleWorker';
import { fakeTensorrt, hasFakeTensorrt, steered } from '../support/fakeTensorrt';
import { integerValue } from '../support/models';
import { npy } from '../support/npy';
import { channels, saveSmallNet } from './smallNets';

const required = process.env['CI'] === 'true';
const isRunnable = nativeAddonState().addon !== null && hasFakeTensorrt('10');
if (!isRunnable && !required) console.warn('Skipped: no fake TensorRT (npm test builds it).');

describe.skipIf(!isRunnable && !required)('a conversion with TensorRT 10', () => {
  let bundle: BundledWorker;
  let worker: WorkerClient;
  let folder = '';
  let out = '';

  beforeAll(async () => {
    bundle = await bundleWorker(path.resolve(import.meta.dirname, '../../extension/worker/workerMain.ts'));
  });
  afterAll(() => bundle.remove());
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'weak-conversion-'));
    out = path.join(folder, 'out');
    await saveSmallNet(path.join(folder, 'net.onnx'), { layers: 3 });
    const env = { [librarySetting]: fakeTensorrt('10'), PRECISION_BENCH_HOME: path.join(folder, 'home') };
    worker = new WorkerClient({ entry: bundle.entry, env });
  });
  afterEach(async () => {
    await worker.dispose();
    rmSync(folder, { recursive: true });
  });

  const run = (parts: Omit<PlanParts, 'model'>): Promise<Report> =>
    convert(
      {
        plan: completePlan({
          model: 'net.onnx',
          benchmark: { warmupMs: 1, durationMs: 1, iterations: 6 },
          ...parts,
        }),
        ...{ baseDir: folder, out, command: 'test', python: 'python3', timeBudgetMs: null },
      },
      worker,
      {},
    );
  const named = ({ variants }: Report, name: string) => variants.find((variant) => variant.name === name);

  test('builds, runs and tells of every way to a precision', async () => {
    const report = await run({ precisions: ['tf32', 'fp16', 'fp16-weak', 'int8', 'int8-tensorrt'] });
    expect(report.variants.map(({ name, status }) => [name, status])).toEqual(
      ['fp32', 'tf32', 'fp16', 'fp16-weak', 'int8', 'int8-tensorrt'].map((name) => [name, 'ok']),
    );
    expect(named(report, 'fp16')?.build).toMatchObject({ typing: 'strong' });
    expect(named(report, 'fp16-weak')?.build).toMatchObject({ typing: 'weak', cached: false });
    expect(named(report, 'fp16-weak')?.build?.realised).toHaveProperty('fp16');
    expect(named(report, 'int8-tensorrt')?.calibration).toMatchObject({
      calibrator: 'tensorrt',
      algorithm: 'entropy2',
    });
    expect(named(report, 'int8')?.calibration).toMatchObject({ calibrator: 'builtin' });
    expect(readdirSync(out)).toEqual(
      expect.arrayContaining(['net.int8-tensorrt.cache', 'net.int8-tensorrt.cache.json', 'net.tf32.engine']),
    );
    expect(readFileSync(path.join(out, 'net.int8-tensorrt.cache'), 'utf8')).toMatch(/^TRT-\d+-EntropyCalibration2\n/);
    for (const { artifacts, latency } of report.variants) {
      expect(artifacts.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['engine', 'passport']));
      expect(latency?.device).toBe('Fake GPU');
    }
  });

  test('keeps engines and calibration between runs; a changed plan builds again', async () => {
    const precisions = ['fp16-weak' as const, 'int8-tensorrt' as const];
    const calibration = { cache: 'kept.cache' };
    await run({ precisions, calibration });
    expect(existsSync(path.join(folder, 'kept.cache.json'))).toBe(true);
    const again = await run({ precisions, calibration });
    expect(again.variants.map(({ build }) => build?.cached)).toEqual([true, true, true]);
    expect(named(again, 'int8-tensorrt')?.calibration).toMatchObject({ cacheHit: true });

    const other = await run({ precisions, calibration, builder: { optimizationLevel: 1 } });
    expect(other.variants.map(({ build }) => build?.cached)).toEqual([false, false, false]);
    expect(named(other, 'int8-tensorrt')?.calibration).toMatchObject({ cacheHit: true });

    const refused = await run({ precisions, calibration: { ...calibration, batchSize: 2 } });
    expect(named(refused, 'int8-tensorrt')).toMatchObject({
      status: 'failed',
      error: { code: 'CALIBRATION_TABLE_MISMATCH', reason: expect.stringContaining('batches of 8, not 2') as string },
    });
  });

  test('an FP16 engine that the optimizer made FP32 fails with its shares', async () => {
    const report = await steered({ tensorrt: 'choose=fp32' }, () => run({ precisions: ['fp16-weak'] }));
    expect(named(report, 'fp16-weak')).toMatchObject({
      status: 'failed',
      error: { code: 'PRECISION_NOT_REALISED', reason: expect.stringContaining('fp32 100 %') as string },
    });
    expect(named(report, 'fp32')).toMatchObject({ status: 'ok' });
  });

  test('an INT8 network that the builder refuses strongly typed is built weakly typed, unless the plan asks otherwise', async () => {
    const weakOnly = { tensorrt: 'build=weakOnly' };
    const precisions = ['fp16' as const, 'int8' as const];
    const report = await steered(weakOnly, () => run({ precisions }));
    expect(named(report, 'fp16')).toMatchObject({ status: 'ok', build: { typing: 'strong' } });
    const int8 = named(report, 'int8');
    expect(int8, int8?.error?.reason).toMatchObject({
      status: 'ok',
      build: { typing: 'weak' },
      calibration: { calibrator: 'builtin' },
    });
    expect(report.verdict.warnings.join('\n')).toMatch(
      /int8: Weakly typed, because TensorRT refused.*expectedDataType/,
    );
    const file = int8!.artifacts.find(({ kind }) => kind === 'onnx')!;
    const bytes = readFileSync(path.join(out, file.path));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256);

    const asked = await steered(weakOnly, () => run({ precisions, builder: { typing: 'strong' } }));
    expect(named(asked, 'int8')).toMatchObject({ status: 'failed', error: { code: 'ENGINE_BUILD' } });
  });

  test('keep rules bind the optimizer: obeyed, or refused where no kernel is', async () => {
    const keep = [{ match: 'conv1', precision: 'fp32' as const }];
    const kept = await run({ precisions: ['fp16-weak'], keep });
    expect(named(kept, 'fp16-weak')?.build?.realised).toHaveProperty('fp32');

    // The fake reads what it is told from the environment that its process started with.
    await worker.dispose();
    const impossible = () => run({ precisions: ['fp16-weak'], keep, builder: { optimizationLevel: 2 } });
    const refused = await steered({ tensorrt: 'refuse=conv1' }, impossible);
    expect(named(refused, 'fp16-weak')).toMatchObject({ status: 'failed', error: { code: 'ENGINE_BUILD' } });
  });

  test('INT8 inputs and outputs are converted on the host', async () => {
    const report = await run({ precisions: ['fp16', 'int8'], bindings: { x: 'int8', y: 'int8' } });
    const int8 = named(report, 'int8');
    expect(int8?.status, int8?.error?.reason).toBe('ok');
    expect(int8?.accuracy?.outputs[0]?.sqnrDb).not.toBeUndefined();
  });

  test('an input that holds a shape gets its values from the data, and the others no batch beyond the samples', async () => {
    const reshape = (input: string) => [
      newNode({ name: 'last', opType: 'Reshape', input: [input, 'shape'], output: ['y'] }),
    ];
    await saveSmallNet(path.join(folder, 'net.onnx'), {
      tail: reshape,
      inputs: [integerValue('shape', [3])],
      outputShape: ['a', 'b', 'c'],
    });
    const samples = 6;
    // [1, 8, 256], in every other sample [1, 16, 128].
    const shapes = npy([samples, 3], (at) => {
      const isWide = Math.floor(at / 3) % 2 === 1;
      return [1, isWide ? 16 : 8, isWide ? 128 : 256][at % 3] ?? 0;
    });
    const pictures = npy([samples, channels, 16, 16], (at) => Math.sin(at));
    writeFileSync(path.join(folder, 'data.npz'), zipSync({ 'x.npy': pictures, 'shape.npy': shapes }));
    const calibration = { data: 'data.npz', samples: 3 };
    const report = await run({ precisions: ['fp16'], calibration });
    expect(named(report, 'fp16')?.error).toBeNull();
    const passport = JSON.parse(
      readFileSync(path.join(out, 'net.fp16.engine.passport.json'), 'utf8'),
    ) as EnginePassport;
    expect(passport.bindings).toContainEqual(expect.objectContaining({ name: 'shape', kind: 'shape' }));
    const sizes = [1, channels, 16, 16];
    expect(passport.profiles).toEqual([
      [
        { input: 'x', holds: 'sizes', min: sizes, opt: sizes, max: sizes },
        { input: 'shape', holds: 'values', min: [1, 8, 128], opt: expect.any(Array) as number[], max: [1, 16, 256] },
      ],
    ]);

    const shapeValues = { shape: { min: [1, 8, 256], opt: [1, 8, 256], max: [8, 8, 256] } };
    const given = await run({ precisions: ['fp16'], calibration, shapeValues });
    expect(named(given, 'fp16')?.error).toBeNull();
    const own = JSON.parse(readFileSync(path.join(out, 'net.fp16.engine.passport.json'), 'utf8')) as EnginePassport;
    expect(own.profiles[0]).toContainEqual({ input: 'shape', holds: 'values', ...shapeValues.shape });
  });

  test('what a later TensorRT lacks is refused before any work', async () => {
    await worker.dispose();
    const env = { [librarySetting]: fakeTensorrt('11'), PRECISION_BENCH_HOME: path.join(folder, 'home') };
    worker = new WorkerClient({ entry: bundle.entry, env });
    const error = await run({ precisions: ['fp16-weak'] }).catch((reason: unknown) => reason);
    if (!CodedError.is(error, 'PRECISION_UNSUPPORTED')) throw error;
    expect(error.reason).toMatch(/only TensorRT 8 and 10.*tensorrt 11/);
    expect(existsSync(out)).toBe(false);
  });
});
