import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BuildRequest } from '../../../extension/backends/backend';
import { FakeBackend, type FakeStep } from '../../../extension/backends/fake';
import { completePlan } from '../../../extension/contract/checkSchema';
import { CodedError } from '../../../extension/contract/errors';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(path.join(tmpdir(), 'precision-bench-fake-'))));
afterAll(() => rm(folder, { recursive: true }));

const { builder, shapes } = completePlan({ model: 'm.onnx' });
const request = (name: string): BuildRequest => ({
  onnx: 'm.onnx',
  precision: 'int8',
  engine: path.join(folder, name),
  target: 'sm_89',
  builder,
  shapes,
});
const broken = new CodedError({ code: 'ENGINE_BUILD', reason: 'broke', fix: 'mend' });
const artifact = { kind: 'engine', path: 'x.engine' } as const;
const feeds = { x: { dtype: 'fp32', dims: [1], data: Float32Array.of(3) } } as const;

/** Takes all steps; the first that fails throws. */
async function everything(backend: FakeBackend): Promise<void> {
  await backend.probe();
  await backend.build(request('all.engine'), {});
  const session = await backend.open(artifact);
  await session.run(feeds);
  await session.close();
}

describe('FakeBackend', () => {
  test('succeeds where it is not told to fail', async () => {
    const backend = new FakeBackend();
    await everything(backend);
    expect(backend.steps).toEqual(['probe', 'build', 'open', 'run', 'close']);
    expect(backend.openSessions).toBe(0);
    expect(JSON.parse(await readFile(path.join(folder, 'all.engine'), 'utf8'))).toMatchObject({ precision: 'int8' });
  });

  test.each<FakeStep>(['probe', 'build', 'open', 'run', 'close'])('fails on demand in %s', async (step) => {
    const backend = new FakeBackend({ failures: { [step]: broken } });
    await expect(everything(backend)).rejects.toBe(broken);
    expect(backend.steps.at(-1)).toBe(step);
  });

  test('a failed build leaves no file', async () => {
    const backend = new FakeBackend({ failures: { build: broken } });
    await expect(backend.build(request('failed.engine'), {})).rejects.toBe(broken);
    expect((await readdir(folder)).filter((name) => name.startsWith('failed'))).toEqual([]);
  });

  test('a cancelled build ends soon and leaves no file', async () => {
    const backend = new FakeBackend({ delays: { build: 60_000 } });
    const controller = new AbortController();
    const building = backend.build(request('cancelled.engine'), {
      signal: controller.signal,
      onProgress: () => setTimeout(() => controller.abort(), 10),
    });
    await expect(building).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(existsSync(path.join(folder, 'cancelled.engine'))).toBe(false);
  });

  test('computes what it is told and returns what is asked for', async () => {
    const { x } = feeds;
    const backend = new FakeBackend({ compute: (given) => ({ ...given, y: x }) });
    const session = await backend.open(artifact);
    expect(Object.keys(await session.run(feeds))).toEqual(['x', 'y']);
    expect(Object.keys(await session.run(feeds, ['y']))).toEqual(['y']);
  });

  test('a closed session does not run; closing twice is harmless', async () => {
    const backend = new FakeBackend();
    const session = await backend.open(artifact);
    await session.close();
    await session.close();
    await expect(session.run(feeds)).rejects.toThrow('closed');
    expect(backend.openSessions).toBe(0);
  });
});
