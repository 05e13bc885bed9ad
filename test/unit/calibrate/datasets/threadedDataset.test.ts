import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { UnreadableSample, type Dataset, type OpenDatasetOptions } from '../../../../extension/calibrate/dataset';
import { openThreadedDataset } from '../../../../extension/calibrate/datasets/threadedDataset';
import { bundleWorker, type BundledWorker } from '../../../support/bundleWorker';
import { grayPng, npyFloats, npyIntegers, npz, open, spec, temporaryFolder, write } from './makeData';

let bundle: BundledWorker;
beforeAll(async () => {
  bundle = await bundleWorker(path.resolve('extension/calibrate/datasets/datasetThread.ts'));
});
afterAll(() => bundle.remove());

const vector = [spec('x', ['N', 3])];

async function openInThread(source: string, options: Partial<OpenDatasetOptions> = {}): Promise<Dataset> {
  const rest = { labels: null, transforms: [{ op: 'toTensor' as const, scale: 1 }], inputs: vector, ...options };
  const dataset = await openThreadedDataset({ source, ...rest }, bundle.entry);
  onTestFinished(() => dataset.close());
  return dataset;
}

function arrays(): string {
  const bytes = npz({
    x: npyFloats(
      [4, 3],
      Float32Array.from({ length: 12 }, (_, at) => at),
    ),
    y: npyIntegers([4], [3, 1, 0, 2]),
  });
  return write(temporaryFolder(), 'd.npz', bytes);
}

describe('openThreadedDataset', () => {
  it('is the data set that openDataset gives', async () => {
    const source = arrays();
    const [here, there] = [await open(source, vector), await openInThread(source)];
    for (const key of ['kind', 'source', 'length', 'labelled', 'classes', 'batchRule'] as const) {
      expect(there[key], key).toEqual(here[key]);
    }
    expect(there.describe?.(2)).toEqual(here.describe?.(2));
    expect(await there.sha256()).toBe(await here.sha256());
    for (let index = 0; index < here.length; index++) expect(await there.get(index)).toEqual(await here.get(index));
  });

  it('answers what is asked for together, each with its own sample', async () => {
    const data = await openInThread(arrays());
    const samples = await Promise.all([3, 0, 2, 1].map((index) => data.get(index)));
    expect(samples.map(({ id }) => id)).toEqual(['3', '0', '2', '1']);
    expect(samples[0]?.tensors['x']?.data).toEqual(Float32Array.of(9, 10, 11));
  });

  it('has more samples read ahead the smaller they are', async () => {
    const row = (length: number) => write(temporaryFolder(), 'd.npy', npyFloats([1, length], new Float32Array(length)));
    for (const [length, ahead] of [
      [3, 256],
      [2 ** 18, 32],
      [2 ** 20, 16],
    ] as const) {
      const data = await openInThread(row(length), { inputs: [spec('x', ['N', length])] });
      expect(data.readAhead, `${length} elements, none seen`).toBe(16);
      await data.get(0);
      expect(data.readAhead, `${length} elements`).toBe(ahead);
    }
  });

  it('gives a sample as often as it is asked for, also one that a module keeps', async () => {
    const kept = 'const kept = new Float32Array([1, 2, 3]); export default { length: 1, get: () => kept };';
    for (const source of [arrays(), write(temporaryFolder(), 'd.mjs', kept)]) {
      const data = await openInThread(source);
      expect(await data.get(0)).toEqual(await data.get(0));
      expect((await data.get(0)).tensors['x']?.data).toHaveLength(3);
    }
  });

  it('errors of opening keep code and place', async () => {
    await expect(openInThread('/nothing/here.npz')).rejects.toMatchObject({
      code: 'DATA_NOT_FOUND',
      place: { file: '/nothing/here.npz' },
    });
  });

  it('a corrupt sample is unreadable, the others are read', async () => {
    const folder = temporaryFolder();
    write(folder, 'a.png', 'hello');
    write(folder, 'b.png', grayPng(7));
    const data = await openInThread(folder, { inputs: [spec('x', ['N', 1, 2, 2])] });
    const [bad, good] = await Promise.allSettled([data.get(0), data.get(1)]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'DATA_UNREADABLE' } });
    expect((bad as PromiseRejectedResult).reason).toBeInstanceOf(UnreadableSample);
    expect(good).toMatchObject({ status: 'fulfilled', value: { id: 'b.png' } });
  });

  it('a sample that concerns the whole run is an error, not an unreadable sample', async () => {
    const data = await openInThread(write(temporaryFolder(), 'd.npy', npyFloats([1, 3], [1, NaN, 3])));
    const error: unknown = await data.get(0).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_NON_FINITE' });
    expect(error).not.toBeInstanceOf(UnreadableSample);
  });

  it('a module that ends its thread is an error, not a wait without end', async () => {
    const code = 'export default { length: 2, get: (i) => (i === 0 ? new Float32Array(3) : process.exit(7)) };';
    const source = write(temporaryFolder(), 'd.mjs', code);
    const data = await openInThread(source);
    await expect(data.get(1)).rejects.toMatchObject({
      code: 'DATA_UNREADABLE',
      reason: expect.stringContaining('exited with 7') as string,
      place: { file: source },
    });
    await expect(data.get(0)).rejects.toMatchObject({ code: 'DATA_UNREADABLE' });
  });

  it('heeds a signal', async () => {
    const abort = new AbortController();
    abort.abort();
    const data = await openInThread(arrays());
    await expect(data.get(0, abort.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    expect((await data.get(1)).id).toBe('1');
  });

  it('closes twice without harm and gives nothing afterwards', async () => {
    const data = await openInThread(arrays());
    await data.close();
    await data.close();
    await expect(data.get(0)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
