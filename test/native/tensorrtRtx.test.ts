/**
 * Real engines of TensorRT-RTX, which needs no GPU to build. Skipped with a message where the native module or the library
 * is missing; in CI both must be there.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tensorrtBackend } from '../../extension/backends/tensorrt';
import { buildEngine } from '../../extension/build/buildEngine';
import { EngineCache } from '../../extension/build/engineCache';
import { CodedError, type ErrorCode } from '../../extension/contract/errors';
import { planSchema, type Plan } from '../../extension/contract/plan';
import type { RunOptions } from '../../extension/contract/progress';
import { newNode } from '../../extension/model/onnx.generated';
import { Value } from '@sinclair/typebox/value';
import { sharedModels } from '../support/sharedModels';
import { sampleDims, saveSmallNet, unknownNode } from './smallNets';
import { recipe } from '../support/recipes';

const backend = tensorrtBackend('tensorrt-rtx');
const info = await backend.probe();
const required = process.env['CI'] === 'true';
if (!info.available && !required) console.warn(`Skipped: ${info.reason}`);

const defaults = Value.Default(planSchema, { schemaVersion: 1, model: 'm.onnx' }) as Plan;

describe.skipIf(!info.available && !required)('TensorRT-RTX', () => {
  let folder = '';
  let cache: EngineCache;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rtx-'));
    cache = new EngineCache(join(folder, 'cache'));
  });
  afterAll(async () => rm(folder, { recursive: true }));

  interface BuildCase {
    onnx: string;
    output: string;
    target?: string;
    plan?: Partial<Plan>;
    dims?: Record<string, number[]>;
    options?: RunOptions;
  }
  const build = ({ onnx, output, target = 'sm_89', plan = {}, dims = sampleDims, options = {} }: BuildCase) =>
    buildEngine(
      {
        backend: 'tensorrt-rtx',
        onnx,
        recipe: recipe('fp32'),
        calibration: null,
        target,
        plan: { ...defaults, ...plan },
        sampleDims: dims,
        output,
      },
      backend,
      options,
      { cache },
    );

  /** An empty folder, so that a test sees every file that a build leaves. */
  async function emptyFolder(name: string): Promise<string> {
    const path = join(folder, name);
    await mkdir(path);
    return path;
  }

  async function codedError(promise: Promise<unknown>, code: ErrorCode): Promise<CodedError> {
    const error = await promise.then(
      () => new Error('did not fail'),
      (reason: unknown) => reason,
    );
    if (!CodedError.is(error, code)) throw error;
    return error;
  }

  test('says what it builds for', () => {
    expect(info.reason).toBeNull();
    expect(info.builds).toBe(true);
    expect(info.version).toMatch(/^1\.\d+\.\d+$/);
    expect(info.targets).toEqual(expect.arrayContaining(['sm_75', 'sm_80', 'sm_86', 'sm_89', 'sm_120']));
  });

  test('builds an engine and says how', async () => {
    const out = await emptyFolder('builds');
    const onnx = await saveSmallNet(join(folder, 'builds.onnx'));
    const phases: (number | null)[] = [];
    const output = join(out, 'a.engine');
    const options: RunOptions = { onProgress: ({ fraction }) => phases.push(fraction) };
    const { build: summary, ...engine } = await build({ onnx, output, options });
    expect((await readdir(out)).sort()).toEqual(['a.engine', 'a.engine.passport.json']);
    expect(engine.kept).toBe(false);
    expect(engine.bytes).toBe((await stat(output)).size);
    expect(engine.bytes).toBeGreaterThan(1000);
    expect(summary.seconds).toBeGreaterThan(0);
    // Not knowable without a GPU, so not made up.
    expect(summary.realised).toBeNull();
    expect(phases.length).toBeGreaterThan(0);
  });

  test('every target gives an engine of its own', async () => {
    const onnx = await saveSmallNet(join(folder, 'targets.onnx'));
    const hashes = new Set<string>();
    for (const target of info.targets) {
      const { sha256 } = await build({ onnx, output: join(folder, `${target}.engine`), target });
      hashes.add(sha256);
    }
    expect(hashes.size).toBe(info.targets.length);
  });

  test('the same engine comes from the cache, another plan does not', async () => {
    // A net that no other test builds: they share the cache.
    const onnx = await saveSmallNet(join(folder, 'cached.onnx'), { layers: 3 });
    const first = await build({ onnx, output: join(folder, 'first.engine') });
    const ticks: unknown[] = [];
    const options: RunOptions = { onProgress: (progress) => ticks.push(progress) };
    const second = await build({ onnx, output: join(folder, 'second.engine'), options });
    expect(second.sha256).toBe(first.sha256);
    expect([first.kept, second.kept]).toEqual([false, true]);
    expect(ticks).toEqual([]);
    const plan = { builder: { ...defaults.builder, optimizationLevel: 1 } };
    await build({ onnx, output: join(folder, 'third.engine'), plan, options });
    expect(ticks.length).toBeGreaterThan(0);
  });

  test('reads weights from an external file', async () => {
    const onnx = await saveSmallNet(join(folder, 'external.onnx'), { layers: 2, save: { weights: 'external' } });
    expect(existsSync(`${onnx}.data`)).toBe(true);
    const { bytes } = await build({ onnx, output: join(folder, 'external.engine') });
    expect(bytes).toBeGreaterThan(1000);
  });

  test('parser errors name node, operator and reason', async () => {
    const out = await emptyFolder('parser');
    const onnx = await saveSmallNet(join(folder, 'parser.onnx'), {
      tail: (input) => [unknownNode('strange_one', input, 'y')],
    });
    const error = await codedError(build({ onnx, output: join(out, 'p.engine') }), 'ENGINE_PARSE');
    expect(error.place).toEqual({ file: onnx, node: 'strange_one' });
    expect(error.reason).toContain('NoSuchOperator');
    expect(error.reason).toContain(onnx);
    expect(await readdir(out)).toEqual([]);
  });

  test('a graph that the builder refuses is ENGINE_BUILD or ENGINE_PARSE with its words', async () => {
    const onnx = await saveSmallNet(join(folder, 'refused.onnx'), {
      // 8 channels times 16 columns cannot be added to 8 × 16 × 16 transposed sizes.
      tail: (input) => [newNode({ name: 'sum', opType: 'MatMul', input: [input, 'conv0_w'], output: ['y'] })],
    });
    const error = await build({ onnx, output: join(folder, 'refused.engine') }).catch((reason: unknown) => reason);
    if (!CodedError.is(error)) throw error;
    expect(['ENGINE_BUILD', 'ENGINE_PARSE']).toContain(error.code);
    expect(error.reason.length).toBeGreaterThan(onnx.length + 40);
  });

  test('cancelling in the middle stops within 2 s, leaves no file, and the next build works', async () => {
    const out = await emptyFolder('cancel');
    const onnx = await saveSmallNet(join(folder, 'cancel.onnx'), { layers: 40 });
    const abort = new AbortController();
    let cancelledAt = 0;
    const cancelSoon = (): void => {
      cancelledAt ||= performance.now();
      abort.abort();
    };
    const options: RunOptions = { signal: abort.signal, onProgress: () => setTimeout(cancelSoon, 20) };
    await codedError(build({ onnx, output: join(out, 'c.engine'), options }), 'CANCELLED');
    expect(cancelledAt).toBeGreaterThan(0);
    expect(performance.now() - cancelledAt).toBeLessThan(2000);
    expect(await readdir(out)).toEqual([]);
    const small = await saveSmallNet(join(folder, 'after.onnx'), { layers: 2 });
    await build({ onnx: small, output: join(out, 'after.engine') });
    expect((await readdir(out)).sort()).toEqual(['after.engine', 'after.engine.passport.json']);
  });

  test('the thread that asked stays free while an engine is built', async () => {
    const onnx = await saveSmallNet(join(folder, 'free.onnx'), { layers: 60 });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const started = performance.now();
    await build({ onnx, output: join(folder, 'free.engine') });
    clearInterval(timer);
    // At least a fifth of the ticks that an idle thread would see: the machine may be busy.
    expect(ticks).toBeGreaterThan((performance.now() - started) / 25);
  });

  test('Jetson Nano is refused with the targets that there are', async () => {
    const onnx = await saveSmallNet(join(folder, 'nano.onnx'));
    const output = join(folder, 'nano.engine');
    const error = await codedError(build({ onnx, output, target: 'sm_53' }), 'TARGET_UNSUPPORTED');
    expect(error.reason).toMatch(/sm_53.*Jetson Nano.*TensorRT 8/);
    expect(error.fix).toContain('sm_89');
    expect(existsSync(output)).toBe(false);
  });

  test('an unwritable output folder is named', async () => {
    const onnx = await saveSmallNet(join(folder, 'unwritable.onnx'));
    const output = join(folder, 'missing', 'folder', 'x.engine');
    const error = await codedError(build({ onnx, output }), 'OUTPUT_UNWRITABLE');
    expect(error.reason).toContain(output);
  });

  test('only engines are opened, and without a GPU the reason is given', async () => {
    await codedError(backend.open({ kind: 'onnx', path: 'x.onnx' }), 'RUNTIME_FAILED');
    const { runs } = await backend.probe();
    if (runs) return;
    const error = await codedError(
      backend.open({ kind: 'engine', path: join(folder, 'x.engine') }),
      'BACKEND_UNAVAILABLE',
    );
    expect(error.reason).toMatch(/driver|GPU|CUDA/);
  });

  test('weak typing is refused with the reason: RTX knows strong typing only', async () => {
    const onnx = await saveSmallNet(join(folder, 'weak.onnx'));
    const request = {
      onnx,
      precision: 'fp16',
      engine: join(folder, 'weak.engine'),
      target: 'sm_89',
      builder: defaults.builder,
      shapes: {},
      typing: 'weak',
    } as const;
    const error = await codedError(backend.build(request, {}), 'BUILDER_UNSUPPORTED');
    expect(error.reason).toContain('weakly typed');
  });

  describe.skipIf(sharedModels.length === 0)('real models (needs ../shared/models)', () => {
    const dims: Record<string, Record<string, number[]>> = {
      'PP-OCRv6_rec_small.onnx': { x: [1, 3, 48, 320] },
      'silero_vad_16k_sequence.onnx': { input: [63, 576] },
      'digits_resnet_tiny.onnx': { input: [1, 1, 28, 28] },
      'efficientnet-lite0.onnx': { input: [1, 3, 224, 224] },
    };
    // The text-direction classifier needs the names of its dimensions made unique first (plan/prepareModel).
    const models = sharedModels.filter((path) => basename(path) in dims);
    test.each(models)('%s builds for sm_89', async (onnx) => {
      const output = join(folder, `${basename(onnx)}.engine`);
      const { bytes } = await build({ onnx, output, dims: dims[basename(onnx)]! });
      expect(bytes).toBeGreaterThan(100_000);
    });
  });
});
