import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RequestOptions } from '../../../extension/contract/channel';
import { CodedError } from '../../../extension/contract/errors';
import type { Progress } from '../../../extension/contract/progress';
import { WorkerClient, type WorkerClientOptions } from '../../../extension/worker/workerClient';
import { bundleWorker, type BundledWorker } from '../../support/bundleWorker';

/** The client with the methods of the test worker instead of the stages'. */
interface TestClient {
  readonly pid: number | null;
  request(method: string, params?: unknown, options?: RequestOptions): Promise<unknown>;
  dispose(): Promise<void>;
}

const hasCompiler = spawnSync('cc', ['--version']).status === 0;

let bundle: BundledWorker;
const clients: TestClient[] = [];

beforeAll(async () => {
  bundle = await bundleWorker(path.resolve('test/support/testWorkerMain.ts'));
});
afterAll(() => bundle.remove());
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.dispose()));
});

function newClient(options: Partial<WorkerClientOptions> = {}): TestClient {
  const client = new WorkerClient({ entry: bundle.entry, ...options }) as unknown as TestClient;
  clients.push(client);
  return client;
}

async function failure(promise: Promise<unknown>): Promise<CodedError> {
  const error = await promise.then(
    (value) => new Error(`resolved with ${String(value)}`),
    (error: unknown) => error,
  );
  if (!CodedError.is(error)) throw error;
  return error;
}

/** A process that is dead but not yet collected by its parent (or, for an orphan, by init) counts as dead. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = `/proc/${pid}/stat`;
  try {
    return !existsSync(status) || !/\) [ZX] /.test(readFileSync(status, 'utf8'));
  } catch {
    return false;
  }
}

async function waitUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
  for (const end = Date.now() + limitMs; Date.now() < end; await delay(20)) if (condition()) return true;
  return condition();
}

describe('requests', () => {
  test('typed arrays, maps and bigints cross the boundary; the worker stays warm', async () => {
    const client = newClient();
    const value = { floats: Float32Array.of(1, Number.NaN), big: 2n ** 60n, map: new Map([['a', [1]]]) };
    expect(await client.request('test.echo', value)).toEqual(value);
    const pid = await client.request('test.pid');
    expect(pid).not.toBe(process.pid);
    expect(await client.request('test.pid')).toBe(pid);
    expect(client.pid).toBe(pid);
  });

  test('the environment says ELECTRON_RUN_AS_NODE, so that the editor can be forked too', async () => {
    const client = newClient({ env: { SOME_PATH: '/x' } });
    expect(await client.request('test.env', 'ELECTRON_RUN_AS_NODE')).toBe('1');
    expect(await client.request('test.env', 'SOME_PATH')).toBe('/x');
  });

  test('concurrent requests get their own answers', async () => {
    const client = newClient();
    const answers = await Promise.all([3, 1, 2].map((n) => client.request('test.echo', n)));
    expect(answers).toEqual([3, 1, 2]);
  });

  test('progress arrives throttled, its end always', async () => {
    const client = newClient();
    const seen: Progress[] = [];
    await client.request('test.progress', 100, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toMatchObject({ stage: 'measure', fraction: 1, message: 'step 100' });
    expect(seen.length).toBeLessThan(50);
  });

  test('coded errors keep code, reason, fix and place; defects become INTERNAL with the stack in the log', async () => {
    const log: string[] = [];
    const client = newClient({ onLog: (line) => log.push(line) });
    const data = { code: 'DATA_EMPTY', reason: 'no samples', fix: 'add some', place: { file: 'x' } };
    expect((await failure(client.request('test.throwCoded', data))).toJSON()).toEqual(data);
    expect(await failure(client.request('test.throw'))).toMatchObject({ code: 'INTERNAL', reason: 'a defect' });
    await waitUntil(() => log.length > 1, 2000);
    expect(log.join('\n')).toMatch(/Defect in worker method test\.throw: TypeError: a defect\n\s+at test\.throw/s);
  });

  test('a result that cannot be sent is still answered', async () => {
    const client = newClient();
    expect(await failure(client.request('test.unsendable'))).toMatchObject({
      code: 'INTERNAL',
      reason: expect.stringContaining('could not be cloned') as string,
    });
    expect(await client.request('test.echo', 1)).toBe(1);
  });

  test('an unknown method is answered', async () => {
    expect(await failure(newClient().request('test.nothing'))).toMatchObject({
      code: 'WORKER_PROTOCOL',
      reason: expect.stringContaining('"test.nothing"') as string,
    });
  });
});

describe('death', () => {
  test('an abort names signal, stage, variant and the last log lines; the next request gets a fresh worker', async () => {
    const client = newClient();
    const before = await client.request('test.pid');
    const error = await failure(client.request('test.abort', 'int8'));
    expect(error.code).toBe('WORKER_CRASHED');
    expect(error.reason).toMatch(/SIGABRT in stage build \(int8\).*about to abort/s);
    const after = await client.request('test.pid');
    expect(after).not.toBe(before);
    expect(isAlive(before as number)).toBe(false);
  });

  test('a segmentation fault is survived', async () => {
    const client = newClient();
    const error = await failure(client.request('test.signal', 'SIGSEGV'));
    expect(error.code).toBe('WORKER_CRASHED');
    expect(error.reason).toMatch(/SIGSEGV in stage test\.signal.*about to raise SIGSEGV/s);
    expect(await client.request('test.echo', 'alive')).toBe('alive');
  });

  describe.skipIf(!hasCompiler)(`in native code${hasCompiler ? '' : ' (skipped: no C compiler)'}`, () => {
    let folder: string;
    let addon: string;
    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'precision-bench-addon-'));
      addon = path.join(folder, 'crash.node');
      const headers = path.resolve('node_modules/node-api-headers/include');
      const undefinedIsFine = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
      const args = ['-shared', '-fPIC', '-pthread', ...undefinedIsFine, '-I', headers, '-o', addon];
      execFileSync('cc', [...args, path.resolve('test/support/crashAddon.c')]);
    });
    afterAll(() => rm(folder, { recursive: true }));

    test.each([
      ['abortNow', 'SIGABRT', 'about to abort'],
      ['faultInThread', 'SIGSEGV', 'about to fault'],
    ])('%s is survived', async (call, signal, lastWords) => {
      const client = newClient();
      const error = await failure(client.request('test.native', { addon, call }));
      expect(error.code).toBe('WORKER_CRASHED');
      expect(error.reason).toContain(`died with ${signal} in stage test.native`);
      expect(error.reason).toContain(lastWords);
      expect(await client.request('test.echo', 'alive')).toBe('alive');
    });
  });

  test('a kill from outside counts as out of memory', async () => {
    const client = newClient();
    const error = await failure(client.request('test.signal', 'SIGKILL'));
    expect(error.code).toBe('WORKER_OUT_OF_MEMORY');
    expect(error.reason).toMatch(/in stage test\.signal.*SIGKILL/s);
    expect(await client.request('test.echo', 1)).toBe(1);
  });

  test('an exhausted JavaScript heap is out of memory', async () => {
    const client = newClient({ env: { NODE_OPTIONS: '--max-old-space-size=24' } });
    const error = await failure(client.request('test.heap'));
    expect(error).toMatchObject({ code: 'WORKER_OUT_OF_MEMORY' });
    expect(error.reason).toContain('heap');
  });

  test('an exit and an uncaught exception are crashes with their log', async () => {
    const client = newClient();
    expect((await failure(client.request('test.exit', 7))).reason).toMatch(/exit code 7/);
    const error = await failure(client.request('test.uncaught'));
    expect(error.code).toBe('WORKER_CRASHED');
    expect(error.reason).toContain('thrown outside of any handler');
  });

  test('every pending request of the dead worker is rejected', async () => {
    const client = newClient();
    const deaf = failure(client.request('test.deaf'));
    const dying = failure(client.request('test.signal', 'SIGSEGV'));
    expect((await deaf).code).toBe('WORKER_CRASHED');
    expect((await dying).code).toBe('WORKER_CRASHED');
  });

  test('an idle worker that dies is replaced in silence', async () => {
    const client = newClient();
    const pid = (await client.request('test.pid')) as number;
    process.kill(pid, 'SIGKILL');
    await waitUntil(() => client.pid === null || !isAlive(pid), 2000);
    await delay(50);
    expect(await client.request('test.pid')).not.toBe(pid);
  });

  test('a grandchild that holds the pipes does not delay the report', async () => {
    const start = Date.now();
    const error = await failure(newClient().request('test.grandchild'));
    expect(error.reason).toContain('SIGSEGV');
    expect(Date.now() - start).toBeLessThan(3000);
  });
});

describe('start', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(path.join(tmpdir(), 'precision-bench-start-'))));
  afterAll(() => rm(folder, { recursive: true }));

  test('a missing bundle is reported', async () => {
    const error = await failure(newClient({ entry: path.join(folder, 'nothing.cjs') }).request('test.pid'));
    expect(error.code).toBe('WORKER_CRASHED');
    expect(error.reason).toMatch(/exit code 1.*nothing\.cjs/s);
  });

  test('a process that cannot be made is reported; the next request tries again', async () => {
    const client = newClient();
    const { execPath } = process;
    process.execPath = path.join(folder, 'no-node');
    try {
      const error = await failure(client.request('test.pid'));
      expect(error).toMatchObject({ code: 'WORKER_CRASHED', reason: expect.stringContaining('ENOENT') as string });
    } finally {
      process.execPath = execPath;
    }
    expect(await client.request('test.echo', 1)).toBe(1);
  });

  test.skipIf(process.platform !== 'linux')('so is one that the system refuses at once', async () => {
    // One string of the environment may have 128 KiB.
    const client = newClient({ env: { HUGE: 'x'.repeat(200_000) } });
    const error = await failure(client.request('test.pid'));
    expect(error).toMatchObject({ code: 'WORKER_CRASHED', reason: expect.stringContaining('E2BIG') as string });
  });

  test('a worker that never says hello is killed', async () => {
    const entry = path.join(folder, 'mute.cjs');
    await writeFile(entry, 'setInterval(() => {}, 1000);');
    const client = newClient({ entry, startMs: 300 });
    const error = await failure(client.request('test.pid'));
    expect(error.reason).toContain('did not answer within 0.3 s');
  });

  test('a worker of another protocol version is refused', async () => {
    const entry = path.join(folder, 'old.cjs');
    const hello = { channel: 'precision-bench', type: 'hello', version: 0, instance: 'old', isReply: false };
    await writeFile(entry, `process.on('message', () => {}); process.send(${JSON.stringify(hello)});`);
    const client = newClient({ entry });
    const error = await failure(client.request('test.pid'));
    expect(error).toMatchObject({ code: 'WORKER_PROTOCOL', reason: expect.stringMatching(/version 0/) as string });
  });
});

describe('cancellation', () => {
  /** Cancels after `afterMs` and says how long it took from there. */
  async function cancelling(client: TestClient, method: string, afterMs: number): Promise<[CodedError, number]> {
    await client.request('test.pid');
    const controller = new AbortController();
    const pending = failure(client.request(method, null, { signal: controller.signal }));
    await delay(afterMs);
    const start = Date.now();
    controller.abort();
    return [await pending, Date.now() - start];
  }

  test('a cooperative handler stops and the worker stays', async () => {
    const client = newClient();
    const pid = await client.request('test.pid');
    const [error, ms] = await cancelling(client, 'test.cooperative', 30);
    expect(error.code).toBe('CANCELLED');
    expect(ms).toBeLessThan(500);
    expect(await client.request('test.pid')).toBe(pid);
  });

  test.each(['test.spin', 'test.deaf'])(
    '%s is killed within 2 s; the next request gets a fresh worker',
    async (method) => {
      const client = newClient();
      const pid = (await client.request('test.pid')) as number;
      const [error, ms] = await cancelling(client, method, 100);
      expect(error.code).toBe('CANCELLED');
      expect(ms).toBeLessThan(2000);
      expect(isAlive(pid)).toBe(false);
      expect(await client.request('test.pid')).not.toBe(pid);
    },
  );

  test('a request that is cancelled before it is made does not start a worker', async () => {
    const client = newClient();
    const error = await failure(client.request('test.pid', null, { signal: AbortSignal.abort() }));
    expect(error.code).toBe('CANCELLED');
    expect(client.pid).toBeNull();
  });

  test('cancelling while the worker starts does not wait for it', async () => {
    const client = newClient();
    const controller = new AbortController();
    const pending = failure(client.request('test.deaf', null, { signal: controller.signal }));
    controller.abort();
    expect((await pending).code).toBe('CANCELLED');
    expect(await client.request('test.echo', 2)).toBe(2);
  });

  test('a request that ended is not killed by a late cancellation', async () => {
    const client = newClient({ graceMs: 50 });
    const controller = new AbortController();
    const pid = await client.request('test.pid', null, { signal: controller.signal });
    controller.abort();
    await delay(150);
    expect(await client.request('test.pid')).toBe(pid);
  });
});

describe('end of life', () => {
  test('the worker ignores the Ctrl-C of the terminal', async () => {
    const client = newClient();
    const pid = (await client.request('test.pid')) as number;
    process.kill(pid, 'SIGINT');
    await delay(100);
    expect(await client.request('test.pid')).toBe(pid);
  });

  test('dispose ends the process and what is pending', async () => {
    const client = newClient();
    const pid = (await client.request('test.pid')) as number;
    const pending = failure(client.request('test.deaf'));
    await client.dispose();
    expect((await pending).code).toBe('CANCELLED');
    expect(isAlive(pid)).toBe(false);
    await client.dispose();
  });

  test('dispose kills a worker that holds its event loop', async () => {
    const client = newClient({ graceMs: 200 });
    const pid = (await client.request('test.pid')) as number;
    const pending = failure(client.request('test.spin'));
    await delay(50);
    const start = Date.now();
    await client.dispose();
    await pending;
    expect(Date.now() - start).toBeLessThan(1500);
    expect(isAlive(pid)).toBe(false);
  });

  test.concurrent.each(['idle', 'test.spin'])('the worker does not outlive its parent (%s)', async (method) => {
    // A parent of its own, which is then killed without a chance to clean up.
    const code = `
      const { fork } = require('node:child_process');
      const child = fork(${JSON.stringify(bundle.entry)}, [], { execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      child.once('message', () => {
        const send = (message) => child.send({ channel: 'precision-bench', ...message });
        send({ type: 'hello', version: 1, instance: 'parent', isReply: true });
        if (${JSON.stringify(method)} !== 'idle') send({ type: 'request', id: 1, method: ${JSON.stringify(method)} });
        setTimeout(() => console.log(child.pid), 300);
      });`;
    const parent = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    expect(await waitUntil(() => !isAlive(pid), 5000)).toBe(true);
  });
});
