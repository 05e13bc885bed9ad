import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BuildRequest } from '../../../extension/backends/backend';
import { FakeBackend } from '../../../extension/backends/fake';
import { buildEngine, type EngineCompiler } from '../../../extension/build/buildEngine';
import { EngineCache } from '../../../extension/build/engineCache';
import { CodedError } from '../../../extension/contract/errors';
import { planSchema, type Plan } from '../../../extension/contract/plan';
import { saveSmallNet } from '../../native/smallNets';

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
  function compiler(version = '1'): EngineCompiler & { requests: BuildRequest[] } {
    const fake = new FakeBackend({ info: { version } });
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

  const run = (onnx: string, used: EngineCompiler, change: { target?: string | null; plan?: Partial<Plan> } = {}) =>
    buildEngine(
      {
        backend: 'tensorrt-rtx',
        onnx,
        precision: 'fp16',
        target: change.target === undefined ? 'sm_89' : change.target,
        plan: { ...defaults, ...change.plan },
        sampleDims: { x: [1, 8, 16, 16] },
        output: join(root, 'out.engine'),
      },
      used,
      {},
      cache,
    );

  test('hands on the profile of the inputs and describes the engine', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    const { artifact } = await run(onnx, used);
    expect(used.requests[0]).toMatchObject({
      target: 'sm_89',
      shapes: { x: { min: [1, 8, 16, 16], opt: [1, 8, 16, 16], max: [8, 8, 16, 16] } },
    });
    expect(artifact).toMatchObject({ kind: 'engine', target: 'sm_89', path: join(root, 'out.engine') });
    expect(artifact.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('the same request twice builds once; other weights, options or versions build again', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    await run(onnx, used);
    await run(onnx, used);
    expect(used.requests).toHaveLength(1);
    await run(onnx, used, { plan: { builder: { ...defaults.builder, tf32: true } } });
    expect(used.requests).toHaveLength(2);
    await run(await saveSmallNet(join(root, 'a.onnx'), { layers: 2 }), used);
    expect(used.requests).toHaveLength(3);
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

  test('an engine for the GPU of this machine is never served from the cache', async () => {
    const used = compiler();
    const onnx = await saveSmallNet(join(root, 'a.onnx'));
    await run(onnx, used, { target: null });
    await run(onnx, used, { target: null });
    expect(used.requests).toHaveLength(2);
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
