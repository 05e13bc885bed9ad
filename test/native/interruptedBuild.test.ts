/**
 * A build that is cancelled or killed in the middle, as a user does it: in a worker process of its own, again and again.
 * Skipped with a message where the native module or TensorRT-RTX is missing; in CI both must be there.
 */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tensorrtBackend } from '../../extension/backends/tensorrt';
import { completePlan } from '../../extension/contract/checkSchema';
import { CodedError } from '../../extension/contract/errors';
import { WorkerClient } from '../../extension/worker/workerClient';
import { bundleWorker, type BundledWorker } from '../support/bundleWorker';
import { recipe } from '../support/recipes';
import { sampleDims, saveSmallNet } from './smallNets';

const info = await tensorrtBackend('tensorrt-rtx').probe();
const required = process.env['CI'] === 'true';
if (!info.available && !required) console.warn(`Skipped: ${info.reason}`);

const plan = completePlan({ model: 'm.onnx' });

describe.skipIf(!info.available && !required)('an interrupted build', () => {
  let folder = '';
  let large = '';
  let small = '';
  let out = '';
  let bundle: BundledWorker;
  let worker: WorkerClient;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'interrupted-'));
    out = path.join(folder, 'out');
    await mkdir(out);
    // Some seconds of compiling, so that there is a middle; and one that is done at once.
    large = await saveSmallNet(path.join(folder, 'large.onnx'), { layers: 150 });
    small = await saveSmallNet(path.join(folder, 'small.onnx'));
    bundle = await bundleWorker(path.resolve(import.meta.dirname, '../../extension/worker/workerMain.ts'));
    worker = new WorkerClient({ entry: bundle.entry, env: { PRECISION_BENCH_HOME: await homeWithLibraries() } });
  });
  afterAll(async () => {
    await worker.dispose();
    await bundle.remove();
    await rm(folder, { recursive: true });
  });

  /** Engines are kept in a folder of this test, so that none is there already; the libraries are those found here. */
  async function homeWithLibraries(): Promise<string> {
    process.env['TENSORRT_RTX_ROOT'] = path.dirname(info.library ?? '');
    const home = path.join(folder, 'home');
    await mkdir(home);
    return home;
  }

  const build = (onnx: string, name: string, options: { signal?: AbortSignal; onBuilding?: () => void } = {}) => {
    const { onBuilding, signal } = options;
    return worker.request(
      'build',
      {
        ...{ backend: 'tensorrt-rtx', onnx, target: 'sm_89', plan, sampleDims, calibration: null },
        recipe: recipe('fp32'),
        output: path.join(out, name),
      },
      { signal, onProgress: ({ stage }) => stage === 'build' && onBuilding?.() },
    );
  };

  async function coded(promise: Promise<unknown>): Promise<CodedError> {
    const error = await promise.then(
      () => new Error('The build was not interrupted.'),
      (reason: unknown) => reason,
    );
    if (!CodedError.is(error)) throw error;
    return error;
  }

  test('cancelled 20 times in the middle: within 2 s, no file left, the worker ready again', async () => {
    const waits: number[] = [];
    for (let round = 0; round < 20; round++) {
      const abort = new AbortController();
      let cancelledAt = 0;
      const onBuilding = () => {
        if (cancelledAt > 0) return;
        cancelledAt = performance.now();
        // Somewhere else in the build every time.
        setTimeout(() => {
          cancelledAt = performance.now();
          abort.abort();
        }, 10 * round);
      };
      const error = await coded(build(large, `cancelled${round}.engine`, { signal: abort.signal, onBuilding }));
      expect(error.code).toBe('CANCELLED');
      waits.push(performance.now() - cancelledAt);
      expect(await readdir(out)).toEqual([]);
    }
    expect(Math.max(...waits)).toBeLessThan(2000);
    await build(small, 'after.engine');
    expect(await readdir(out)).toEqual(expect.arrayContaining(['after.engine']));
    for (const name of await readdir(out)) await rm(path.join(out, name));
  });

  test('kill -9 of the worker in the middle is a coded error, and the next build works', async () => {
    let killed = 0;
    const onBuilding = () => {
      if (killed > 0) return;
      killed = worker.pid ?? 0;
      process.kill(killed, 'SIGKILL');
    };
    const error = await coded(build(large, 'killed.engine', { onBuilding }));
    // The system's memory killer is the usual sender of this signal.
    expect(['WORKER_OUT_OF_MEMORY', 'WORKER_CRASHED']).toContain(error.code);
    expect(error.reason).toMatch(/SIGKILL.*build|build.*SIGKILL/s);
    expect(await readdir(out)).toEqual([]);
    const { artifact } = await build(small, 'next.engine');
    expect(artifact.bytes).toBeGreaterThan(1000);
    expect(worker.pid).not.toBe(killed);
  });
});
