import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../extension/contract/errors';
import type { Tensor } from '../../../extension/contract/tensor';
import { batches, type Batch } from '../../../extension/calibrate/batches';
import { batchRuleOf } from '../../../extension/calibrate/datasets/batchRule';
import { UnreadableSample, type BatchRule, type Dataset } from '../../../extension/calibrate/dataset';

const unreadable = (index: number) =>
  new UnreadableSample({ code: 'DATA_UNREADABLE', reason: `File ${index} is corrupt.`, fix: 'Replace it.' });

interface FakeOptions {
  readonly length: number;
  readonly rule?: BatchRule;
  readonly bad?: readonly number[];
  /** Rows and columns of a sample's tensor. */
  readonly dims?: (index: number) => readonly [number, number];
  readonly onGet?: (index: number) => void | Promise<void>;
}

/** Sample i is a tensor full of i, and a scalar-free second input full of −i. */
function fake({ length, rule, bad = [], dims = () => [1, 2], onGet }: FakeOptions): Dataset {
  const tensor = (value: number, size: readonly [number, number]): Tensor => ({
    dtype: 'fp32',
    dims: size,
    data: new Float32Array(size[0] * size[1]).fill(value),
  });
  return {
    kind: 'npz',
    source: 'fake.npz',
    length,
    labelled: true,
    classes: null,
    ...(rule === undefined ? {} : { batchRule: rule }),
    async get(index) {
      await onGet?.(index);
      if (bad.includes(index)) throw unreadable(index);
      const tensors = { x: tensor(index, dims(index)), y: tensor(-index, [dims(index)[0], 1]) };
      return { id: `s${index}`, label: index % 10, tensors };
    },
    sha256: () => Promise.resolve(''),
    close: () => Promise.resolve(),
  };
}

const upTo = (length: number) => [...Array(length).keys()];
async function collect(dataset: Dataset, size: number, indices = upTo(dataset.length)): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches(dataset, indices, size)) all.push(batch);
  return all;
}
const values = (batch: Batch) => [...(batch.tensors['x']!.data as Float32Array)];

describe('batches', () => {
  it('joins samples on the first axis in the order of the indices; the last batch is short', async () => {
    const all = await collect(fake({ length: 5 }), 2, [4, 0, 3, 1, 2]);
    expect(all.map(({ indices }) => indices)).toEqual([[4, 0], [3, 1], [2]]);
    expect(all[0]).toMatchObject({ ids: ['s4', 's0'], labels: [4, 0], valid: 2, rowsPerSample: 1, skipped: [] });
    expect(all[0]!.tensors['x']).toEqual({ dtype: 'fp32', dims: [2, 2], data: Float32Array.of(4, 4, 0, 0) });
    expect(all[0]!.tensors['y']).toEqual({ dtype: 'fp32', dims: [2, 1], data: Float32Array.of(-4, -0) });
    expect(all[2]!.tensors['x']!.dims).toEqual([1, 2]);
  });

  it('ends a batch where the shape changes', async () => {
    const all = await collect(fake({ length: 5, dims: (index) => [1, index < 3 ? 2 : 4] }), 4);
    expect(all.map(({ indices }) => indices)).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
    expect(all[1]!.tensors['x']!.dims).toEqual([2, 4]);
  });

  it('a sample with several rows stands alone', async () => {
    const all = await collect(fake({ length: 3, dims: (index) => [index === 1 ? 6 : 1, 2] }), 8);
    expect(all.map(({ indices, rowsPerSample }) => [indices, rowsPerSample])).toEqual([
      [[0], 1],
      [[1], 6],
      [[2], 1],
    ]);
    expect(all[1]!.tensors['x']!.dims).toEqual([6, 2]);
  });

  it('a fixed batch is filled up by repeating the last sample', async () => {
    const all = await collect(fake({ length: 5, rule: { kind: 'fixed', size: 3 } }), 64);
    expect(all.map(({ valid }) => valid)).toEqual([3, 2]);
    expect(all[1]!.tensors['x']!.dims).toEqual([3, 2]);
    expect(values(all[1]!)).toEqual([3, 3, 4, 4, 4, 4]);
    const whole = await collect(fake({ length: 2, rule: { kind: 'fixed', size: 3 }, dims: () => [3, 1] }), 64);
    expect(whole.map(({ valid, rowsPerSample, tensors }) => [valid, rowsPerSample, tensors['x']!.dims])).toEqual([
      [1, 3, [3, 1]],
      [1, 3, [3, 1]],
    ]);
  });

  it('a model without a batch axis gets one sample at a time', async () => {
    const all = await collect(fake({ length: 3, rule: { kind: 'single' } }), 8);
    expect(all.map(({ valid }) => valid)).toEqual([1, 1, 1]);
  });

  it('skips and counts what cannot be read, at the end, too', async () => {
    const all = await collect(fake({ length: 7, bad: [0, 3, 6] }), 2);
    expect(all.map(({ indices }) => indices)).toEqual([
      [1, 2],
      [4, 5],
    ]);
    expect(all.flatMap(({ skipped }) => skipped)).toEqual(
      [0, 3, 6].map((index) => ({ index, id: String(index), reason: `File ${index} is corrupt.` })),
    );
  });

  it('nothing readable is an error that gives the first reason', async () => {
    await expect(collect(fake({ length: 2, bad: [0, 1] }), 2)).rejects.toMatchObject({
      code: 'DATA_UNREADABLE',
      reason: expect.stringMatching(/None of the 2 .*fake\.npz.*File 0 is corrupt/) as string,
    });
  });

  it('other errors end the stream', async () => {
    const wrong = new CodedError({ code: 'DATA_NON_FINITE', reason: 'NaN', fix: '-' });
    const data = fake({ length: 4, onGet: (index) => (index === 3 ? Promise.reject(wrong) : undefined) });
    const seen: number[] = [];
    await expect(async () => {
      for await (const batch of batches(data, upTo(4), 1)) seen.push(...batch.indices);
    }).rejects.toBe(wrong);
    expect(seen).toEqual([0, 1]);
  });

  it('reads the next batch while the caller works, and no further', async () => {
    const read: number[] = [];
    const stream = batches(fake({ length: 100, onGet: (index) => void read.push(index) }), upTo(100), 4);
    await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    // The batch in hand, the next one, and the sample that shows that it is full.
    expect(read).toEqual(upTo(9));
    await stream.return();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(read.length).toBe(9);
  });

  it('stops on abort', async () => {
    const abort = new AbortController();
    const seen: number[] = [];
    await expect(async () => {
      for await (const batch of batches(fake({ length: 100 }), upTo(100), 4, { signal: abort.signal })) {
        seen.push(...batch.indices);
        abort.abort();
      }
    }).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('no indices, no batches', async () => {
    expect(await collect(fake({ length: 3 }), 2, [])).toEqual([]);
  });
});

describe('batchRuleOf', () => {
  const inputs = (...shapes: (readonly (number | string | null)[] | null)[]) =>
    shapes.map((shape, at) => ({ name: `i${at}`, dtype: 'fp32' as const, shape }));
  it.each([
    [inputs(['N', 3, 8, 8]), { kind: 'any' }],
    [inputs([-1, 3], [null, 4]), { kind: 'any' }],
    [inputs([1, 3, 8, 8]), { kind: 'single' }],
    [inputs([8, 3], [8, 4]), { kind: 'fixed', size: 8 }],
    [inputs(['N', 3], [1, 4]), { kind: 'single' }],
    [inputs(['N', 3], []), { kind: 'single' }],
    [inputs(null), { kind: 'single' }],
    [inputs(['sequence_len', 576]), { kind: 'single' }],
    [inputs([4, 3], [8, 3]), { kind: 'single' }],
  ])('%j → %j', (specs, rule) => {
    expect(batchRuleOf(specs)).toEqual(rule);
  });
});
