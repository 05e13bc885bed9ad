/**
 * TensorRT 8, 10, 11 and RTX through the backend, against the fake libraries: what is asked of the builder reaches it, and
 * whatever goes wrong is a coded error. Needs the target `native_tests`, which `npm test` builds.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Value } from '@sinclair/typebox/value';
import type { BuildRequest, CalibratorRequest } from '../../extension/backends/backend';
import { nativeAddonState } from '../../extension/backends/nativeAddon';
import { tensorrtBackend } from '../../extension/backends/tensorrt';
import { enginePassportSchema, passportPath, type EnginePassport } from '../../extension/contract/enginePassport';
import { CodedError, type ErrorCode } from '../../extension/contract/errors';
import { planSchema, type Plan } from '../../extension/contract/plan';
import { schemaFault } from '../../extension/contract/schemaFault';
import type { Progress } from '../../extension/contract/progress';
import type { NamedTensors } from '../../extension/contract/tensor';
import { fakeFlavours, fakeTensorrt, hasFakeTensorrt, steered, type FakeFlavour } from '../support/fakeTensorrt';
import { channels, saveSmallNet } from './smallNets';

const required = process.env['CI'] === 'true';
const flavours = fakeFlavours.filter(hasFakeTensorrt);
const isRunnable = nativeAddonState().addon !== null && flavours.length > 0;
if (!isRunnable && !required)
  console.warn('Skipped: no fake TensorRT (cmake --build build/native --target native_tests).');

const weakFlavours: readonly FakeFlavour[] = flavours.filter((flavour) => flavour === '8' || flavour === '10');
const { builder } = Value.Default(planSchema, { schemaVersion: 1, model: 'm.onnx' }) as Plan;

let folder = '';
let onnx = '';
let home: string | undefined;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fake-tensorrt-'));
  onnx = await saveSmallNet(join(folder, 'net.onnx'), { layers: 2 });
  home = process.env['PRECISION_BENCH_HOME'];
  process.env['PRECISION_BENCH_HOME'] = join(folder, 'home');
});
afterEach(() => {
  for (const name of readdirSync(folder).filter((file) => file.includes('.engine'))) rmSync(join(folder, name));
});
afterAll(() => {
  if (home === undefined) Reflect.deleteProperty(process.env, 'PRECISION_BENCH_HOME');
  else process.env['PRECISION_BENCH_HOME'] = home;
  rmSync(folder, { recursive: true });
});

function backendOf(flavour: FakeFlavour) {
  return tensorrtBackend(flavour === 'rtx' ? 'tensorrt-rtx' : 'tensorrt', {
    environment: {},
    setting: fakeTensorrt(flavour),
  });
}

const shape = [4, channels, 16, 16];
const sizes = (batch: number) => [batch, channels, 16, 16];

function requestOf(flavour: FakeFlavour, change: Partial<BuildRequest> = {}): BuildRequest {
  return {
    onnx,
    precision: 'fp32',
    engine: join(folder, 'net.engine'),
    target: null,
    builder,
    shapes: { x: { min: sizes(1), opt: shape, max: sizes(8) } },
    typing: flavour === '8' ? 'weak' : 'strong',
    ...change,
  };
}

function passportOf(engine: string): EnginePassport {
  const passport = JSON.parse(readFileSync(passportPath(engine), 'utf8')) as EnginePassport;
  expect(schemaFault(enginePassportSchema, passport)).toBeNull();
  return passport;
}

async function codeOf(work: Promise<unknown>): Promise<{ code: ErrorCode; reason: string }> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CodedError)) throw new Error(`no coded error: ${String(error)}`);
  return error;
}

const files = () => readdirSync(folder).filter((name) => name !== 'home' && name !== 'net.onnx');

describe.skipIf(!isRunnable && !required).each(flavours)('TensorRT %s, faked', (flavour) => {
  const backend = backendOf(flavour);
  // RTX of the fake runs on sm_89, the others on whatever they find.
  const gpu = { cuda: 'sm=89' };

  test('is found, described, and its GPU with it', async () => {
    const info = await steered(gpu, () => backend.probe());
    expect(info).toMatchObject({ available: true, builds: true, runs: true });
    expect(info.gpu).toEqual({
      name: 'Fake GPU',
      computeCapability: 'sm_89',
      driver: 'CUDA 13.0',
      memoryBytes: 2 ** 34,
    });
  });

  test('an engine comes with its summary and a passport that tells all of it', async () => {
    const events: Progress[] = [];
    const request = requestOf(flavour);
    const build = await steered({ ...gpu, tensorrt: 'steps=4;stepMs=60' }, () =>
      backend.build(request, { onProgress: (event) => events.push(event) }),
    );
    expect(build).toMatchObject({ target: null, layers: 2 });
    expect(build.realised?.['fp32']?.layers).toBe(1);
    expect(events.at(-1)?.stage).toBe('build');
    if (flavour !== '8') expect(events.at(-1)?.fraction).toBeGreaterThan(0.2);

    const passport = passportOf(request.engine);
    expect(passport).toMatchObject({
      engine: { file: 'net.engine' },
      tensorrt: { flavour, version: build.version },
      gpu: { computeCapability: 'sm_89' },
      model: { file: 'net.onnx' },
      precision: 'fp32',
      bindings: [
        { name: 'x', direction: 'input', dtype: 'fp32', shape: [null, channels, 16, 16], kind: 'data' },
        { name: 'y', direction: 'output', dtype: 'fp32' },
      ],
      profiles: [[{ input: 'x', holds: 'sizes', min: sizes(1), opt: shape, max: sizes(8) }]],
    });
    expect(passport.layers?.map(({ nodes }) => nodes)).toEqual([['conv0'], ['conv1', 'last']]);
    expect(passport.layers?.map(({ ms }) => ms)).toEqual([0.5, 1]);
    const folders = join(folder, 'home', 'timing');
    const timings = existsSync(folders)
      ? readdirSync(folders).filter((name) => name.includes(`-${build.version}.`))
      : [];
    expect(timings).toHaveLength(flavour === 'rtx' ? 0 : 1);
  });

  test('an engine runs, and is measured with and without its copies', async () => {
    await steered({ ...gpu, tensorrt: 'runUs=300' }, async () => {
      await backend.build(requestOf(flavour), {});
      const session = await backend.open({ kind: 'engine', path: join(folder, 'net.engine') });
      const x = {
        dtype: 'fp32' as const,
        dims: sizes(2),
        data: Float32Array.from({ length: 2 * channels * 256 }, (_, i) => Math.sin(i)),
      };
      const { y } = await session.run({ x });
      expect(y?.dims).toEqual(sizes(2));
      expect(y?.data[5]).toBeCloseTo(2 * Math.sin(5) + 1, 5);
      const request = { warmupMs: 5, durationMs: 20, iterations: 10, cudaGraph: true };
      const times = await session.measure({ x }, request);
      expect(times.compute.length).toBeGreaterThanOrEqual(10);
      expect(Math.min(...Array.from(times.compute))).toBeGreaterThan(0.29);
      expect(times.cudaGraph).toBe(true);
      expect(times.gpu).toMatchObject({ graphicsClockMhz: 1980, powerWatts: 250, throttling: [] });
      expect(times.gpu?.energyMillijoules).toBeGreaterThan(0);
      const still = await session.measure({ x }, { ...request, cudaGraph: false, wait: 'block', transfers: false });
      expect(still.cudaGraph).toBe(false);
      await session.close();
    });
  });

  test('an engine of another version or architecture is refused with what differs', async () => {
    const request = requestOf(flavour);
    await steered(gpu, () => backend.build(request, {}));
    const open = () => backendOf(flavour).open({ kind: 'engine', path: request.engine });
    const elsewhere = flavour === 'rtx' ? 'sm=75' : 'sm=86';
    const other = await codeOf(steered({ cuda: elsewhere }, open));
    expect(other.code).toBe('ENGINE_INCOMPATIBLE');
    expect(other.reason).toContain('GPU architecture: built for sm_89, here sm_');
    const newer = await codeOf(
      steered(
        { ...gpu, tensorrt: `version=${flavour === '8' ? '8999' : `${flavour === 'rtx' ? 1 : flavour}9900`}` },
        open,
      ),
    );
    expect(newer.code).toBe('ENGINE_INCOMPATIBLE');
    expect(newer.reason).toContain('TensorRT version: built for');
    const none = await codeOf(steered({ cuda: 'device=none' }, open));
    expect(none.code).toBe('BACKEND_UNAVAILABLE');
  });

  test.each([
    ['parse=conv1', 'ENGINE_PARSE', /conv1|node number 1/],
    ['build=fail', 'ENGINE_BUILD', /Could not find any implementation for node conv1/],
    ['build=oom', 'ENGINE_MEMORY', /not enough memory/],
    ['gpu=99999999999', 'ENGINE_MEMORY', /OutOfMemory/],
  ] as const)('%s is %s and leaves no file', async (tensorrt, code, reason) => {
    const error = await codeOf(steered({ ...gpu, tensorrt }, () => backend.build(requestOf(flavour), {})));
    expect(error.code).toBe(code);
    expect(error.reason).toMatch(reason);
    expect(files()).toEqual([]);
  });

  test('a build can be cancelled twenty times, and works afterwards', async () => {
    const rounds = flavour === '8' ? 2 : 20;
    const pace = flavour === '8' ? 'steps=10;stepMs=10' : 'steps=1000;stepMs=10';
    await steered({ ...gpu, tensorrt: pace }, async () => {
      for (let round = 0; round < rounds; round += 1) {
        const stop = new AbortController();
        const started = performance.now();
        const building = codeOf(backend.build(requestOf(flavour), { signal: stop.signal }));
        setTimeout(() => {
          stop.abort();
        }, 30);
        expect((await building).code).toBe('CANCELLED');
        expect(performance.now() - started).toBeLessThan(2000);
        expect(files()).toEqual([]);
      }
    });
    await steered(gpu, () => backend.build(requestOf(flavour), {}));
    expect(files().sort()).toEqual(['net.engine', 'net.engine.passport.json']);
  });

  test('a library that crashes while it loads is a reason of the probe', async () => {
    const info = await steered({ tensorrt: 'load=crash' }, () => backendOf(flavour).probe());
    expect(info.available).toBe(false);
    expect(info.reason).toMatch(/crashed the process that tried it \(SIGSEGV\)/);
  });

  test('typing, layouts and options that a major has not are refused as such', async () => {
    const weak = steered(gpu, () => backend.build(requestOf(flavour, { typing: 'weak', precision: 'fp16' }), {}));
    if (weakFlavours.includes(flavour)) expect((await weak).realised?.['fp16']?.layers).toBe(1);
    else expect((await codeOf(weak)).code).toBe('BUILDER_UNSUPPORTED');
    const strong = steered(gpu, () => backend.build(requestOf(flavour, { typing: 'strong' }), {}));
    if (flavour === '8') expect((await codeOf(strong)).code).toBe('BUILDER_UNSUPPORTED');
    else expect((await strong).layers).toBe(2);
    const dla = steered(gpu, () => backend.build(requestOf(flavour, { builder: { ...builder, dla: 0 } }), {}));
    if (flavour === 'rtx') expect((await codeOf(dla)).reason).toContain('DLA');
    else expect((await dla).layers).toBe(2);
  });

  test('memory layouts of bindings stand in the passport', async () => {
    const request = requestOf(flavour, { io: { x: { formats: ['linear', 'chw32'] } } });
    await steered(gpu, () => backend.build(request, {}));
    expect(passportOf(request.engine).bindings[0]?.formats).toEqual(['linear', 'chw32']);
    const unknown = requestOf(flavour, { io: { nobody: { formats: ['linear'] } } });
    const error = await codeOf(steered(gpu, () => backend.build(unknown, {})));
    expect(error).toMatchObject({ code: 'PLAN_INVALID' });
    expect(error.reason).toContain('nobody');
  });

  test('the profile that has the sizes serves them', async () => {
    const more = { x: { min: sizes(16), opt: sizes(16), max: sizes(32) } };
    const request = requestOf(flavour, { moreProfiles: [more] });
    await steered(gpu, async () => {
      await backend.build(request, {});
      const session = await backend.open({ kind: 'engine', path: request.engine });
      const feed = (batch: number) => ({
        x: { dtype: 'fp32' as const, dims: sizes(batch), data: new Float32Array(batch * channels * 256).fill(batch) },
      });
      for (const batch of [2, 20, 8]) {
        const { y } = await session.run(feed(batch));
        expect(y?.dims).toEqual(sizes(batch));
        expect(y?.data.at(-1)).toBe(2 * batch + 1);
      }
      expect((await codeOf(session.run(feed(12)))).reason).toContain('No optimization profile');
      await session.close();
    });
  });
});

describe.skipIf(!isRunnable && !required).each(weakFlavours)('weak typing of TensorRT %s, faked', (flavour) => {
  const backend = backendOf(flavour);
  const int8 = (calibrator: CalibratorRequest) => requestOf(flavour, { typing: 'weak', precision: 'int8', calibrator });

  /** `count` batches, each full of its number. */
  function data(count: number, change: Partial<CalibratorRequest> = {}) {
    const seen = { served: 0, closed: false, cache: null as string | null };
    const request: CalibratorRequest = {
      algorithm: 'minmax',
      shapes: { x: shape },
      cache: null,
      async *batches(): AsyncGenerator<NamedTensors> {
        try {
          for (let batch = 1; batch <= count; batch += 1) {
            await new Promise((done) => setTimeout(done, 1));
            seen.served = batch;
            yield { x: { dtype: 'fp32', dims: shape, data: new Float32Array(4 * channels * 256).fill(batch) } };
          }
        } finally {
          seen.closed = true;
        }
      },
      onCache: (cache) => {
        seen.cache = Buffer.from(cache).toString();
      },
      ...change,
    };
    return { request, seen };
  }

  test('its calibrator pulls every batch and its cache serves the next build', async () => {
    const { request, seen } = data(5);
    const build = await steered({}, () => backend.build(int8(request), {}));
    expect(seen).toMatchObject({ served: 5, closed: true });
    expect(seen.cache).toMatch(/^TRT-\d+-MinMaxCalibration\nx: 3d214285\n$/); // 5 / 127
    expect(build.realised?.['int8']?.layers).toBe(1);

    const again = data(5, { cache: Buffer.from(seen.cache ?? '') });
    await steered({}, () => backend.build(int8(again.request), {}));
    expect(again.seen).toEqual({ served: 0, closed: false, cache: null });
  });

  test('every calibrator is the one asked for', async () => {
    const names = {
      entropy2: 'EntropyCalibration2',
      entropy: 'EntropyCalibration',
      minmax: 'MinMaxCalibration',
    } as const;
    for (const [algorithm, name] of Object.entries(names)) {
      const { request, seen } = data(1, { algorithm: algorithm as keyof typeof names });
      await steered({}, () => backend.build(int8(request), {}));
      expect(seen.cache).toContain(`-${name}\n`);
    }
    const { request, seen } = data(1, { algorithm: 'legacy', quantile: 0.75, cutoff: 0.25 });
    await steered({}, () => backend.build(int8(request), {}));
    expect(seen.cache).toContain('LegacyCalibration\nquantile: 0.750000 cutoff: 0.250000');
  });

  test('what the data throw is what the build throws', async () => {
    const unreadable = new CodedError({ code: 'DATA_UNREADABLE', reason: 'a.png is no picture.', fix: 'Mend it.' });
    const { request } = data(3, {
      // eslint-disable-next-line require-yield -- fails before the first batch
      async *batches(): AsyncGenerator<NamedTensors> {
        await Promise.resolve();
        throw unreadable;
      },
    });
    expect(await codeOf(steered({}, () => backend.build(int8(request), {})))).toBe(unreadable);
    expect(files()).toEqual([]);

    const misshapen = data(1, { shapes: { x: sizes(5) } });
    expect((await codeOf(steered({}, () => backend.build(int8(misshapen.request), {})))).code).toBe('DATA_MISMATCH');
  });

  test('a build that waits for data can be cancelled', async () => {
    const stop = new AbortController();
    const { request } = data(1, {
      async *batches(signal): AsyncGenerator<NamedTensors> {
        yield { x: { dtype: 'fp32', dims: shape, data: new Float32Array(4 * channels * 256) } };
        await new Promise((done) => signal.addEventListener('abort', done));
      },
    });
    setTimeout(() => {
      stop.abort();
    }, 50);
    const error = await codeOf(steered({}, () => backend.build(int8(request), { signal: stop.signal })));
    expect(error.code).toBe('CANCELLED');
    expect(files()).toEqual([]);
  });

  test('layers keep their types, and names that no layer has are told', async () => {
    const unknown: string[] = [];
    const request = requestOf(flavour, {
      typing: 'weak',
      precision: 'fp16',
      layerPrecisions: { conv1: 'fp32', folded: 'fp32' },
      onUnknownLayers: (layers) => unknown.push(...layers),
    });
    const build = await steered({}, () => backend.build(request, {}));
    expect(build.realised).toMatchObject({ fp16: { layers: 0.5 }, fp32: { layers: 0.5 } });
    expect(unknown).toEqual(['folded']);
    const refused = await codeOf(steered({ tensorrt: 'refuse=conv1' }, () => backend.build(request, {})));
    expect(refused.reason).toContain('conv1');
    const preferred = await steered({ tensorrt: 'refuse=conv1' }, () =>
      backend.build({ ...request, constraints: 'prefer' }, {}),
    );
    expect(preferred.realised?.['fp16']?.layers).toBe(1);
  });

  test('bindings have the type asked for, whatever the precision inside', async () => {
    const request = requestOf(flavour, { typing: 'weak', precision: 'fp16', io: { x: { dtype: 'fp16' } } });
    await steered({}, () => backend.build(request, {}));
    expect(passportOf(request.engine).bindings.map(({ dtype }) => dtype)).toEqual(['fp16', 'fp32']);
  });
});
