import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BuildRequest } from '../../../extension/backends/backend';
import { FakeBackend } from '../../../extension/backends/fake';
import { buildEngine, type CalibratorSource, type EngineCompiler } from '../../../extension/build/buildEngine';
import { EngineCache } from '../../../extension/build/engineCache';
import { CodedError } from '../../../extension/contract/errors';
import { planSchema, type Plan } from '../../../extension/contract/plan';
import type { VariantRecipe } from '../../../extension/contract/stageMethods';
import type { BackendInfo } from '../../../extension/contract/backendInfo';
import type { NamedTensors } from '../../../extension/contract/tensor';
import { loadModel } from '../../../extension/model/loadModel';
import { saveSmallNet } from '../../native/smallNets';
import { recipe } from '../../support/recipes';

interface Change {
  readonly target?: string | null;
  readonly plan?: Partial<Plan>;
  readonly recipe?: Partial<VariantRecipe>;
  readonly calibrator?: CalibratorSource;
  readonly sampleValues?: Plan['shapeValues'];
}

async function* noBatches(): AsyncGenerator<NamedTensors> {
  // A builder that reads nothing gets nothing.
}

const defaults = Value.Default(planSchema, { schemaVersion: 1, model: 'm.onnx' }) as Plan;

describe('buildEngine', () => {
  let root = '';
  let cache: EngineCache;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'build-engine-'));
    cache = new EngineCache(join(root, 'cache'));
  });
  afterEach(async () => rm(root, { recursive: true }));

  /** The fake backend, noting the requests that reach it. */
  function compiler(version = '1', gpu: BackendInfo['gpu'] = null): EngineCompiler & { requests: BuildRequest[] } {
    const fake = new FakeBackend({ info: { version, gpu } });
    const requests: BuildRequest[] = [];
    return {
      name: fake.name,
      requests,
      probe: () => fake.probe(),
      build: (request, options) => {
        requests.push(request);
        return fake.build(request, options);
      },
    };
  }

  const run = (onnx: string, used: EngineCompiler, change: Change = {}) =>
    buildEngine(
      {
        backend: 'tensorrt-rtx',
        onnx,
        recipe: recipe('fp16', change.recipe),
        calibration: null,
        target: change.target === undefined ? 'sm_89' : change.target,
        plan: { ...defaults, ...change.plan },
        sampleDims: { x: [1, 8, 16, 16] },
        ...(change.sampleValues === undefined ? {} : { sampleValues: change.sampleValues }),
        output: join(root, 'out.engine'),
      },
      used,
      {},
      { cache, calibrator: change.calibrator ?? null },
    );

  test('hands on the profile of the inputs and describes the engine', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    const { sha256 } = await run(onnx, used);
    expect(used.requests[0]).toMatchObject({
      target: 'sm_89',
      shapes: { x: { min: [1, 8, 16, 16], opt: [1, 8, 16, 16], max: [8, 8, 16, 16] } },
    });
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('the same request twice builds once; other weights, options or versions build again', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    await run(onnx, used);
    await run(onnx, used);
    expect(used.requests).toHaveLength(1);
    await run(onnx, used, { plan: { builder: { ...defaults.builder, optimizationLevel: 1 } } });
    expect(used.requests).toHaveLength(2);
    await run(await saveSmallNet(join(root, 'a.onnx'), { layers: 2 }), used);
    expect(used.requests).toHaveLength(3);
    await run(onnx, used, { recipe: { tf32: true } });
    expect(used.requests).toHaveLength(4);
    await run(onnx, used, { recipe: { typing: 'weak' } });
    expect(used.requests).toHaveLength(5);
    const newer = compiler('2');
    await run(onnx, newer);
    expect(newer.requests).toHaveLength(1);
  });

  test('external weights count', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'), { save: { weights: 'external' } });
    await run(onnx, used);
    await writeFile(`${onnx}.data`, Buffer.alloc(8 * 8 * 9 * 4, 1));
    await run(onnx, used);
    expect(used.requests).toHaveLength(2);
  });

  test('an engine for the GPU of this machine is kept for that GPU and driver', async () => {
    const gpu = { name: 'L4', computeCapability: 'sm_89', driver: 'CUDA 13.0', memoryBytes: 1 };
    const used = compiler('1', gpu);
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    await run(onnx, used, { target: null });
    expect((await run(onnx, used, { target: null })).kept).toBe(true);
    const updated = compiler('1', { ...gpu, driver: 'CUDA 13.1' });
    expect((await run(onnx, updated, { target: null })).kept).toBe(false);
  });

  test('without a known GPU nothing is kept for it', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    await run(onnx, used, { target: null });
    await run(onnx, used, { target: null });
    expect(used.requests).toHaveLength(2);
  });

  test('the timing cache does not decide the engine', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    await run(onnx, used);
    await run(onnx, used, { plan: { builder: { ...defaults.builder, timingCache: '/tmp/t.cache' } } });
    expect(used.requests).toHaveLength(1);
  });

  test('calibration data are opened for a build, not for an engine that is kept', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    let opened = 0;
    const calibrator = (key: string): CalibratorSource => ({
      key,
      use: (work) => {
        opened += 1;
        return work({ algorithm: 'entropy2', shapes: {}, cache: null, batches: () => noBatches() });
      },
    });
    await run(onnx, used, { calibrator: calibrator('a') });
    expect(used.requests[0]?.calibrator).toMatchObject({ algorithm: 'entropy2' });
    expect((await run(onnx, used, { calibrator: calibrator('a') })).kept).toBe(true);
    expect(opened).toBe(1);
    expect((await run(onnx, used, { calibrator: calibrator('b') })).kept).toBe(false);
    expect(opened).toBe(2);
  });

  test('values of shapes come from the data, with no batch beyond the samples; those of the plan come first', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    const seen = { shape: { min: [1, 8], opt: [1, 8], max: [1, 16] } };
    await run(onnx, used, { sampleValues: seen });
    const one = [1, 8, 16, 16];
    expect(used.requests[0]).toMatchObject({ shapeValues: seen, shapes: { x: { min: one, opt: one, max: one } } });

    const shapeValues = { shape: { min: [1, 8], opt: [4, 8], max: [8, 8] } };
    await run(onnx, used, { sampleValues: seen, plan: { shapeValues } });
    expect(used.requests[1]).toMatchObject({ shapeValues, shapes: { x: { max: [8, 8, 16, 16] } } });
  });

  test('weak typing: keep rules become constraints on layers, layouts and profiles go along', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'), { layers: 2 });
    const [first] = (await loadModel(onnx)).proto.graph.node;
    const shape = { min: [1, 8, 16, 16], opt: [4, 8, 16, 16], max: [16, 8, 16, 16] };
    await run(onnx, used, {
      recipe: { typing: 'weak', graph: 'fp32' },
      plan: {
        keep: [{ match: first?.name ?? '', precision: 'fp32' }],
        formats: { x: ['chw16', 'linear'] },
        profiles: [{ x: shape }],
        builder: { ...defaults.builder, constraints: 'prefer', gpuFallback: false },
      },
    });
    expect(used.requests[0]).toMatchObject({
      typing: 'weak',
      precision: 'fp16',
      layerPrecisions: { [first?.name ?? '']: 'fp32' },
      constraints: 'prefer',
      io: { x: { formats: ['chw16', 'linear'] } },
      moreProfiles: [{ x: shape }],
      gpuFallback: false,
    });
    expect(Object.keys(used.requests[0]?.layerPrecisions ?? {})).toHaveLength(1);
  });

  test('shapes that do not fit are refused before the compiler is asked', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    const shape = [1, 8, 16];
    const error = await run(onnx, used, { plan: { shapes: { x: { min: shape, opt: shape, max: shape } } } }).catch(
      (reason: unknown) => reason,
    );
    expect(CodedError.is(error, 'PLAN_INVALID')).toBe(true);
    expect(used.requests).toEqual([]);
  });
});
