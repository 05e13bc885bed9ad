import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { completePlan } from '../../extension/contract/checkSchema';
import { CodedError, type ErrorCode } from '../../extension/contract/errors';
import type { Plan } from '../../extension/contract/plan';
import type { Accuracy, Latency, Report } from '../../extension/contract/report';
import type { DataSelection, StageMethods } from '../../extension/contract/stageMethods';
import { calibrate, convert, type StageRunner } from '../../extension/pipeline';

type Method = keyof StageMethods;
type Handlers = { [M in Method]: (params: StageMethods[M]['params']) => StageMethods[M]['result'] };

let folder = '';
let out = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pb-pipeline-'));
  out = path.join(folder, 'out');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const failure = (code: ErrorCode) => new CodedError({ code, reason: `${code} happened`, fix: 'Mend it.' });

const selection: DataSelection = {
  source: 'data',
  labels: null,
  transforms: [],
  python: 'python3',
  indices: [0, 1],
  labelled: true,
  classes: null,
  card: { source: 'data', kind: 'npz', samples: 2, sha256: null },
};

const accuracy = (sqnrDb: number): Accuracy => ({
  reference: 'fp32',
  backend: 'onnxruntime',
  samples: 2,
  simulated: false,
  outputs: [{ name: 'y', sqnrDb, cosine: 1, maxAbs: 0.1, meanAbs: 0.1, maxRel: 0.1, nonFinite: 0 }],
  task: null,
  worst: [],
});

const latency = (medianMs: number): Latency => ({
  backend: 'onnxruntime',
  device: 'cpu',
  batch: 1,
  warmupMs: 1,
  iterations: 10,
  medianMs,
  meanMs: medianMs,
  p90Ms: medianMs,
  p95Ms: medianMs,
  p99Ms: medianMs,
  cov: 0.01,
  computeMs: null,
  h2dMs: null,
  d2hMs: null,
  throughputPerSecond: 1000 / medianMs,
  conditions: {},
});

/** A worker whose stages write small files and answer at once; `override` replaces stages. */
function fakeWorker(override: Partial<Handlers> = {}): StageRunner & { readonly calls: Method[] } {
  const calls: Method[] = [];
  const handlers: Handlers = {
    probe: () => ({
      backends: [
        {
          name: 'tensorrt-rtx',
          version: '1.7',
          library: '/lib/rtx.so',
          available: true,
          reason: null,
          builds: true,
          targets: ['sm_75', 'sm_89'],
          runs: false,
          precisions: ['fp32', 'fp16', 'bf16', 'int8'],
        },
      ],
      host: { os: 'test', cpu: 'test', cores: 2, gpu: null, backends: [] },
      search: [],
    }),
    inspect: () => ({
      card: {
        path: 'model.onnx',
        sha256: 'a'.repeat(64),
        bytes: 10,
        opset: 17,
        irVersion: 8,
        nodes: 1,
        parameters: 1,
        inputs: [],
        outputs: [],
      },
      operators: {},
      nodes: [],
      warnings: [],
    }),
    selectData: () => ({
      calibration: selection,
      evaluation: selection,
      representative: true,
      split: 'half and half',
      sampleValues: {},
      warnings: ['look here'],
    }),
    prepare: ({ model, output }) => {
      writeFileSync(output, 'prepared');
      return { opset: 19, reference: model, warnings: [] };
    },
    calibrate: ({ rangesOutput, tableOutput, precisions }) => {
      writeFileSync(rangesOutput, '{}');
      if (!precisions.includes('int8')) return { summary: null, sampleDims: {}, warnings: [] };
      writeFileSync(tableOutput, '{}');
      const summary = {
        algorithm: 'auto',
        calibrator: 'builtin',
        batchSize: 8,
        samples: 2,
        seconds: 0.1,
        peakRssBytes: null,
        cacheHit: false,
        tensors: 3,
        unfit: [],
      };
      return { summary, sampleDims: { x: [1, 4] }, warnings: [] };
    },
    write: ({ output, precision }) => {
      writeFileSync(output, precision);
      const runnable = { name: precision, path: output, simulated: false };
      return {
        bytes: precision === 'fp32' ? 100 : 50,
        sha256: '',
        decisions: [],
        warnings: [],
        runnable,
        evaluable: runnable,
      };
    },
    build: ({ output, backend, target }) => {
      writeFileSync(output, 'engine');
      return {
        artifact: { kind: 'engine', backend, target, path: output, bytes: 6, sha256: 'e'.repeat(64) },
        build: { backend, version: '1.7', target, seconds: 1, layers: null, realised: null },
        ...{ more: [], calibration: null, warnings: [] },
      };
    },
    evaluate: ({ variants }) => ({
      results: Object.fromEntries(variants.map(({ name }) => [name, accuracy(40)])),
      errors: {},
      skipped: 0,
      unseen: 0,
    }),
    measure: ({ variants }) => ({
      results: Object.fromEntries(variants.map(({ name }) => [name, latency(name === 'fp32' ? 4 : 2)])),
      errors: {},
    }),
    ...override,
  };
  return {
    calls,
    request: async (method, params) => {
      calls.push(method);
      await Promise.resolve();
      return handlers[method](params);
    },
  };
}

function run(
  worker: StageRunner,
  plan: Partial<Plan> = {},
  signal?: AbortSignal,
  timeBudgetMs: number | null = null,
): Promise<Report> {
  return convert(
    {
      plan: completePlan({ model: 'model.onnx', ...plan }),
      baseDir: folder,
      out,
      command: 'precision-bench convert model.onnx',
      python: 'python3',
      timeBudgetMs,
    },
    worker,
    { signal },
  );
}

describe('convert', () => {
  it('goes through the stages in order and publishes what the report names', async () => {
    const worker = fakeWorker();
    const report = await run(worker, { precisions: ['fp16', 'int8'], targets: ['sm_89'] });
    expect(report.variants.map(({ name, status }) => [name, status])).toEqual([
      ['fp32', 'ok'],
      ['fp16', 'ok'],
      ['int8', 'ok'],
    ]);
    expect([...new Set(worker.calls)]).toEqual([
      'probe',
      'inspect',
      'prepare',
      'selectData',
      'calibrate',
      'write',
      'build',
      'evaluate',
      'measure',
    ]);
    for (const artifact of report.variants.flatMap((variant) => variant.artifacts)) {
      expect(existsSync(path.join(out, artifact.path)), artifact.path).toBe(true);
    }
    expect(report.variants[1]?.artifacts.map(({ kind, target }) => [kind, target])).toEqual([
      ['onnx', null],
      ['engine', 'sm_89'],
    ]);
    expect(report.variants[2]).toMatchObject({ speedup: 2, sizeRatio: 0.5, calibration: { tensors: 3 } });
    expect(report.verdict.warnings).toContain('look here');
    expect(JSON.parse(readFileSync(path.join(out, 'report.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(report)));
    expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('marks a variant that fails and finishes the others', async () => {
    const worker = fakeWorker({
      write: (params) => {
        if (params.precision === 'bf16') throw failure('PRECISION_UNSUPPORTED');
        writeFileSync(params.output, params.precision);
        const runnable = { name: params.precision, path: params.output, simulated: false };
        return { bytes: 50, sha256: '', decisions: [], warnings: [], runnable, evaluable: runnable };
      },
    });
    const report = await run(worker);
    const bf16 = report.variants.find(({ name }) => name === 'bf16');
    expect(bf16).toMatchObject({
      status: 'failed',
      error: { code: 'PRECISION_UNSUPPORTED' },
      latency: null,
      accuracy: null,
    });
    expect(report.variants.filter(({ status }) => status === 'ok')).toHaveLength(3);
  });

  it('keeps a variant that got an engine for one architecture, and names the other', async () => {
    const worker = fakeWorker({
      build: ({ output, backend, target, recipe }) => {
        const { precision } = recipe;
        if (precision === 'bf16') throw failure('PRECISION_UNSUPPORTED');
        if (precision === 'int8') throw failure('ENGINE_BUILD');
        if (target === 'sm_75') throw failure('ENGINE_BUILD');
        writeFileSync(output, 'engine');
        return {
          artifact: { kind: 'engine', backend, target, path: output, bytes: 6, sha256: 'e'.repeat(64) },
          build: { backend, version: '1.7', target, seconds: 1, layers: null, realised: null },
          ...{ more: [], calibration: null, warnings: [] },
        };
      },
    });
    const report = await run(worker, { targets: ['sm_75', 'RTX 4090'] });
    expect(report.variants.map(({ name, status }) => [name, status])).toEqual([
      ['fp32', 'ok'],
      ['fp16', 'ok'],
      ['bf16', 'skipped'],
      ['int8', 'failed'],
    ]);
    expect(report.verdict.warnings).toContain('fp32, fp16: No engine for sm_75: ENGINE_BUILD happened');
    expect(report.variants[3]?.error).toMatchObject({ code: 'ENGINE_BUILD' });
    expect(report.variants[3]?.accuracy).not.toBeNull();
  });

  /** A TensorRT 10 with its GPU, beside the CPU runtime. */
  const withGpu: Partial<Handlers> = {
    probe: () => {
      const gpu = { name: 'H200', computeCapability: 'sm_90', driver: 'CUDA 13.0', memoryBytes: 1 };
      return {
        backends: [
          {
            ...{ name: 'tensorrt', version: '10.6.0', library: '/lib/libnvinfer.so.10', available: true, reason: null },
            ...{ builds: true, targets: [], runs: true, precisions: ['fp32', 'fp16', 'int8'], gpu },
          },
        ],
        host: { os: 'test', cpu: 'test', cores: 2, gpu, backends: [] },
        search: [],
      };
    },
  };

  it('other ways to a precision are engines of the graphs that they need, and nothing else is written for them', async () => {
    const written: string[] = [];
    const built: Record<string, StageMethods['build']['params']> = {};
    const worker = fakeWorker({
      ...withGpu,
      write: (params) => {
        written.push(params.name ?? params.precision);
        writeFileSync(params.output, params.precision);
        const runnable = { name: params.name ?? params.precision, path: params.output, simulated: false };
        return { bytes: 10, sha256: '', decisions: [], warnings: [], runnable, evaluable: runnable };
      },
      build: (params) => {
        built[params.recipe.name] = params;
        writeFileSync(params.output, 'engine');
        const { backend, target, output } = params;
        const engine = { kind: 'engine', backend, target, path: output, bytes: 6, sha256: 'e'.repeat(64) } as const;
        const passport = { ...engine, kind: 'passport', path: `${output}.passport.json` } as const;
        writeFileSync(passport.path, '{}');
        const calibration = params.calibration === null ? null : { ...summary, calibrator: 'tensorrt' };
        return {
          artifact: engine,
          build: { backend, version: '10.6.0', target, seconds: 1, layers: null, realised: null },
          ...{ more: [passport], calibration, warnings: [] },
        };
      },
    });
    const summary = {
      ...{ algorithm: 'entropy2', calibrator: 'tensorrt', batchSize: 8, samples: 2, seconds: 0.1 },
      ...{ peakRssBytes: null, cacheHit: false, tensors: 3, unfit: [] },
    };
    const report = await run(worker, { precisions: ['tf32', 'fp16', 'fp16-weak', 'int8-tensorrt'] });
    expect(written).toEqual(['fp32', 'fp16']);
    const fp32 = built['fp32']?.onnx;
    expect([built['tf32']?.onnx, built['fp16-weak']?.onnx, built['int8-tensorrt']?.onnx]).toEqual([fp32, fp32, fp32]);
    expect(built['int8-tensorrt']?.calibration).toMatchObject({ data: selection, modelSha256: 'a'.repeat(64) });
    expect(built['fp16-weak']?.calibration).toBeNull();
    expect(report.variants.map(({ name, precision, status }) => [name, precision, status])).toEqual([
      ['fp32', 'fp32', 'ok'],
      ['tf32', 'fp32', 'ok'],
      ['fp16', 'fp16', 'ok'],
      ['fp16-weak', 'fp16', 'ok'],
      ['int8-tensorrt', 'int8', 'ok'],
    ]);
    expect(report.variants[4]?.calibration).toMatchObject({ calibrator: 'tensorrt' });
    expect(report.variants.every(({ accuracy, latency }) => accuracy !== null && latency !== null)).toBe(true);
    expect(readdirSync(out)).toContain('model.fp16-weak.engine.passport.json');
    expect(readdirSync(out)).not.toContain('model.fp16-weak.onnx');
  });

  it('evaluates and times the engine where this machine runs it', async () => {
    const seen: Record<string, unknown> = {};
    const worker = fakeWorker({
      ...withGpu,
      evaluate: ({ variants }) => {
        for (const { name, engine } of variants) seen[name] = engine;
        const results = Object.fromEntries(variants.map(({ name }) => [name, accuracy(40)]));
        return { results, errors: {}, skipped: 0, unseen: 0 };
      },
    });
    await run(worker, { precisions: ['fp16'] });
    expect(seen).toMatchObject({ fp32: { backend: 'tensorrt' }, fp16: { backend: 'tensorrt' } });
  });

  it('what the GPU here has no hardware for is skipped, not built', async () => {
    const worker = fakeWorker({
      ...withGpu,
      probe: () => {
        const probe = withGpu.probe?.({ fresh: false });
        if (probe === undefined) throw new Error('no probe');
        const gpu = { name: 'T4', computeCapability: 'sm_75', driver: null, memoryBytes: null };
        return { ...probe, host: { ...probe.host, gpu } };
      },
    });
    const report = await run(worker, { precisions: ['bf16'] });
    expect(report.variants[1]).toMatchObject({ status: 'skipped', error: { code: 'PRECISION_UNSUPPORTED' } });
    expect(worker.calls.filter((call) => call === 'build')).toHaveLength(1);
  });

  it('an engine that is not what was asked for fails its variant', async () => {
    const worker = fakeWorker({
      ...withGpu,
      build: ({ recipe }) => {
        throw failure(recipe.name === 'fp16-weak' ? 'PRECISION_NOT_REALISED' : 'ENGINE_BUILD');
      },
    });
    const report = await run(worker, { precisions: ['fp16-weak'] });
    expect(report.variants[1]).toMatchObject({
      status: 'failed',
      error: { code: 'PRECISION_NOT_REALISED' },
      accuracy: null,
    });
  });

  it('refuses what no TensorRT here can make before any work', async () => {
    const worker = fakeWorker();
    await expect(run(worker, { precisions: ['fp16-weak'], targets: ['sm_89'] })).rejects.toMatchObject({
      code: 'PRECISION_UNSUPPORTED',
    });
    await expect(run(worker, { precisions: ['int8'], targets: ['Jetson Nano'] })).rejects.toMatchObject({
      code: 'PRECISION_UNSUPPORTED',
    });
    expect(new Set(worker.calls)).toEqual(new Set(['probe']));
    expect(existsSync(out)).toBe(false);
  });

  it('errors name files that are there when the run is over', async () => {
    const refusing = fakeWorker({
      build: ({ onnx }) => {
        throw new CodedError({
          code: 'ENGINE_PARSE',
          reason: `refused ${onnx}: node a`,
          fix: '-',
          place: { file: onnx },
        });
      },
    });
    const report = await run(refusing, { precisions: ['fp16'], targets: ['sm_89'] });
    const file = path.join(out, 'model.fp16.onnx');
    expect(report.variants[1]?.error).toMatchObject({
      reason: `No engine for sm_89: refused ${file}: node a`,
      place: { file },
    });
    expect(existsSync(file)).toBe(true);

    const broken = fakeWorker({
      calibrate: ({ prepared }) => {
        throw new CodedError({ code: 'RUNTIME_FAILED', reason: 'no', fix: '-', place: { file: prepared } });
      },
    });
    await expect(run(broken)).rejects.toMatchObject({ place: { file: path.join(folder, 'model.onnx') } });
  });

  it('a variant that only the CPU cannot time is whole, with a warning', async () => {
    const worker = fakeWorker({
      measure: ({ variants }) => {
        if (variants.some(({ name }) => name === 'fp16')) throw failure('WORKER_CRASHED');
        return { results: Object.fromEntries(variants.map(({ name }) => [name, latency(2)])), errors: {} };
      },
    });
    const report = await run(worker);
    const fp16 = report.variants.find(({ name }) => name === 'fp16');
    expect(fp16).toMatchObject({ status: 'ok', error: null, latency: null });
    expect(report.verdict.warnings).toContainEqual(expect.stringMatching(/^fp16: no CPU latency: WORKER_CRASHED/));
  });

  it('finds the variant that kills the worker and keeps the results of the others', async () => {
    const worker = fakeWorker({
      evaluate: ({ variants }) => {
        if (variants.some(({ name }) => name === 'int8')) throw failure('WORKER_CRASHED');
        return {
          results: Object.fromEntries(variants.map(({ name }) => [name, accuracy(40)])),
          errors: {},
          skipped: 0,
          unseen: 0,
        };
      },
    });
    const report = await run(worker);
    const status = Object.fromEntries(report.variants.map(({ name, error }) => [name, error?.code ?? 'ok']));
    expect(status).toEqual({ fp32: 'ok', fp16: 'ok', bf16: 'ok', int8: 'WORKER_CRASHED' });
    expect(report.variants.find(({ name }) => name === 'fp16')?.accuracy).not.toBeNull();
  });

  it('spends no more than the time budget: no engines, less evaluation and measurement, and says so', async () => {
    const seen: { budgetMs?: number | null; durationMs?: number } = {};
    const worker = fakeWorker({
      evaluate: ({ variants, budgetMs }) => {
        seen.budgetMs = budgetMs;
        const results = Object.fromEntries(variants.map(({ name }) => [name, accuracy(40)]));
        return { results, errors: {}, skipped: 0, unseen: 7 };
      },
      measure: ({ variants, benchmark }) => {
        seen.durationMs = benchmark.durationMs;
        return { results: Object.fromEntries(variants.map(({ name }) => [name, latency(2)])), errors: {} };
      },
    });
    const report = await run(worker, { precisions: ['fp16'], targets: ['sm_89'] }, undefined, 0);
    expect(worker.calls).not.toContain('build');
    expect(seen).toEqual({ budgetMs: 0, durationMs: 1 });
    expect(report.variants.map(({ status, error }) => [status, error?.code])).toEqual([
      ['skipped', 'TIME_BUDGET'],
      ['skipped', 'TIME_BUDGET'],
    ]);
    expect(report.verdict.warnings.join()).toMatch(/7 samples/);
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const abort = new AbortController();
    const worker = fakeWorker({
      write: ({ output, precision }) => {
        writeFileSync(output, precision);
        abort.abort();
        const runnable = { name: precision, path: output, simulated: false };
        return { bytes: 1, sha256: '', decisions: [], warnings: [], runnable, evaluable: runnable };
      },
    });
    await expect(run(worker, {}, abort.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(existsSync(out)).toBe(false);
  });

  it('leaves nothing behind when the FP32 reference fails, and says why', async () => {
    const worker = fakeWorker({
      write: () => {
        throw failure('RUNTIME_FAILED');
      },
    });
    await expect(run(worker)).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
    expect(existsSync(out)).toBe(false);
  });

  it('refuses an impossible target before any work', async () => {
    const worker = fakeWorker();
    await expect(run(worker, { precisions: ['fp16'], targets: ['Jetson Nano'] })).rejects.toMatchObject({
      code: 'TARGET_UNSUPPORTED',
    });
    expect(worker.calls).toEqual(['probe']);
    expect(existsSync(out)).toBe(false);
  });

  it('says which file cannot take its place', async () => {
    mkdirSync(path.join(out, 'model.fp16.onnx'), { recursive: true });
    await expect(run(fakeWorker())).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      place: { file: path.join(out, 'model.fp16.onnx') },
    });
  });

  it('keeps files of an output folder that were there before', async () => {
    await run(fakeWorker());
    writeFileSync(path.join(out, 'notes.txt'), 'mine');
    const broken = fakeWorker({
      evaluate: () => {
        throw failure('DATA_UNREADABLE');
      },
    });
    await expect(run(broken)).rejects.toMatchObject({ code: 'DATA_UNREADABLE' });
    expect(readdirSync(out)).toContain('notes.txt');
    expect(readdirSync(out)).toContain('report.json');
  });
});

describe('calibrate', () => {
  const request = (precisions: Plan['precisions']) => ({
    plan: completePlan({ model: 'model.onnx', precisions }),
    baseDir: folder,
    out,
    command: 'precision-bench calibrate model.onnx',
    python: 'python3',
    timeBudgetMs: null,
  });

  it('publishes the table alone', async () => {
    const result = await calibrate(request(['int8']), fakeWorker(), {});
    expect(readdirSync(out)).toEqual([path.basename(result.table)]);
    expect(result.summary.tensors).toBe(3);
  });

  it('leaves calibrating to TensorRT where the plan says so, which is refused', async () => {
    const asked = request(['int8']);
    const plan = { ...asked.plan, calibration: { ...asked.plan.calibration, calibrator: 'tensorrt' as const } };
    await expect(calibrate({ ...asked, plan }, fakeWorker(), {})).rejects.toMatchObject({
      code: 'PLAN_INVALID',
      place: { field: 'calibration.calibrator' },
    });
  });

  it('a plan of other ways to INT8 has the same table', async () => {
    expect((await calibrate(request(['int8-weak', 'tf32']), fakeWorker(), {})).summary.tensors).toBe(3);
  });

  it('says so when no precision needs scales', async () => {
    await expect(calibrate(request(['fp16']), fakeWorker(), {})).rejects.toMatchObject({ code: 'PLAN_INVALID' });
  });
});
