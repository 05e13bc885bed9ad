/** The worker as it is built, with every stage in it. */
import { writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WorkerClient } from '../../../extension/worker/workerClient';
import { bundleWorker, type BundledWorker } from '../../support/bundleWorker';

let bundle: BundledWorker;
let client: WorkerClient;

beforeAll(async () => {
  bundle = await bundleWorker(path.resolve('extension/worker/workerMain.ts'));
  const handlers = path.join(path.dirname(bundle.entry), 'handlers.cjs');
  await writeFile(handlers, `exports.handlers = { inspect: () => process.kill(process.pid, 'SIGSEGV') };`);
  client = new WorkerClient({ entry: bundle.entry, env: { PRECISION_BENCH_TEST_HANDLERS: handlers } });
});
afterAll(async () => {
  await client.dispose();
  await bundle.remove();
});

test('a stage that crashes is reported and the next stage runs in a fresh worker', async () => {
  await expect(client.request('inspect', { model: 'm.onnx', explain: [] })).rejects.toMatchObject({
    code: 'WORKER_CRASHED',
    reason: expect.stringContaining('SIGSEGV in stage inspect') as string,
  });
  const { backends, host } = await client.request('probe', { fresh: false });
  expect(backends.find(({ name }) => name === 'onnxruntime')).toMatchObject({ available: true, runs: true });
  expect(host.cores).toBeGreaterThan(0);
});

test('errors of a stage arrive with their code', async () => {
  const prepare = client.request('prepare', {
    model: '/nothing/here.onnx',
    plan: {} as never,
    output: '/nothing/out.onnx',
    referenceOutput: '/nothing/reference.onnx',
  });
  await expect(prepare).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
});
