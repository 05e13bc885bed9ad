import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { observeRanges } from '../../../extension/calibrate/observeRanges';
import type { OpenModel } from '../../../extension/calibrate/probeSessions';
import { totalCount } from '../../../extension/calibrate/histogram';
import { CodedError } from '../../../extension/contract/errors';
import type { Progress } from '../../../extension/contract/progress';
import {
  convolutionalModel,
  dataset,
  float32,
  images,
  indicesOf,
  model,
  node,
  open,
  unreadable,
  value,
} from './smallModels';

async function ranges(model: ReturnType<typeof convolutionalModel>, data: ReturnType<typeof images>, batchSize = 4) {
  return observeRanges(model, { open, dataset: data, indices: indicesOf(data), batchSize });
}

/** Every probe file is removed, also after a failure. */
async function probeFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith(`precision-bench-`));
}

describe('observeRanges', () => {
  it('gives type and shape of every tensor and the range of every float tensor', async () => {
    const observed = await ranges(convolutionalModel(), images(6));
    expect(observed.samples).toBe(6);
    expect(observed.representative).toBe(true);
    expect([...observed.tensors.keys()].sort()).toEqual(
      [
        'image',
        'features',
        'active',
        'turned',
        'total',
        'logarithm',
        'back',
        'size',
        'pooled',
        'flat',
        'scores',
      ].sort(),
    );
    const of = (name: string) => observed.tensors.get(name)!;
    expect(of('features').dims).toEqual([1, 8, 12, 12]);
    expect(of('turned').dims).toEqual([1, 12, 12, 8]);
    expect(of('size')).toEqual({ dtype: 'int64', dims: [4], min: null, max: null, absMax: null, nonFinite: 0 });
    expect(of('features').min).toBeLessThan(0);
    expect(of('active').min).toBe(0);
    expect(of('active').max).toBe(of('features').max);
    expect({ ...of('turned'), dims: [] }).toEqual({ ...of('active'), dims: [] });
    expect(of('image').absMax).toBe(Math.max(of('image').max!, -of('image').min!));
  });

  it('agrees with the values that the model gives', async () => {
    const data = images(3);
    const observed = await ranges(convolutionalModel(), data);
    let max = -Infinity;
    for (const index of indicesOf(data)) {
      const { image } = (await data.get(index)).tensors;
      max = Math.max(max, ...(image!.data as Float32Array));
    }
    expect(observed.tensors.get('image')!.max).toBe(max);
  });

  it('finds the infinities behind a logarithm of zero and keeps the finite range', async () => {
    const observed = await ranges(convolutionalModel(), images(6));
    const logarithm = observed.tensors.get('logarithm')!;
    expect(logarithm.nonFinite).toBeGreaterThan(0);
    expect(logarithm.nonFinite).toBeLessThan(6 * 8 * 144);
    expect(Number.isFinite(logarithm.min)).toBe(true);
    expect(logarithm.max).toBeCloseTo(Math.log(observed.tensors.get('active')!.max!), 5);
    expect(observed.tensors.get('back')!.nonFinite).toBe(0);
  });

  it('finds a NaN that the operators after it swallow, in the middle of the data', async () => {
    const squareRoot = model(
      [value('x', 'fp32', ['n', 64])],
      [node('Sqrt', ['x'], ['root']), node('Relu', ['root'], ['y'])],
      [value('y', 'fp32', ['n', 64])],
    );
    const data = dataset(5, (index) => {
      const values = new Float32Array(64).fill(4);
      if (index === 2) values[37] = -1;
      return { x: float32([1, 64], values) };
    });
    const observed = await ranges(squareRoot, data);
    expect(observed.tensors.get('root')).toMatchObject({ min: 2, max: 2, nonFinite: 1 });
  });

  it('takes samples of different shapes, empty tensors and scalars', async () => {
    const masked = model(
      [value('x', 'fp32', ['n', 'length'])],
      [
        node('ReduceMax', ['x'], ['peak']),
        node('NonZero', ['x'], ['places']),
        node('Cast', ['places'], ['positions']),
        node('Squeeze', ['peak'], ['scalar']),
        node('Add', ['x', 'scalar'], ['y']),
      ],
      [value('y', 'fp32', ['n', 'length']), value('positions', 'fp32', [2, 'found'])],
    );
    masked.proto.graph.node[2]!.attribute.push({
      ...{ name: 'to', i: 1n, type: 2 },
      ...{ floats: [], ints: [], strings: [], tensors: [], graphs: [], typeProtos: [], sparseTensors: [] },
    });
    const data = dataset(3, (index) => ({ x: float32([1, 4 + index], new Float32Array(4 + index).fill(index)) }));
    const observed = await ranges(masked, data);
    expect(observed.tensors.get('positions')).toMatchObject({ dims: [2, 0], min: 0, max: 5 });
    expect(observed.tensors.get('scalar')).toMatchObject({ dims: [], min: 0, max: 2 });
    expect(observed.tensors.get('x')).toMatchObject({ dims: [1, 4], max: 2 });
  });

  it('gathers histograms in the same pass, also of graph inputs and of tensors in other layout', async () => {
    const data = images(4);
    const observed = await observeRanges(convolutionalModel(), {
      ...{ open, dataset: data, indices: indicesOf(data), batchSize: 2 },
      histograms: ['image', 'turned', 'flat', 'size', 'no such tensor'],
    });
    expect([...observed.histograms.keys()]).toEqual(['image', 'turned', 'flat']);
    expect(totalCount(observed.histograms.get('image')!)).toBe(4 * 3 * 144);
    expect(totalCount(observed.histograms.get('turned')!)).toBe(4 * 8 * 144);
    expect(observed.tensors.get('turned')).toEqual({
      ...(await ranges(convolutionalModel(), data)).tensors.get('turned'),
    });
  });

  it('goes over the data in several passes where the values of one inference exceed the budget', async () => {
    const data = images(3);
    const request = { open, dataset: data, indices: indicesOf(data), batchSize: 1, histograms: ['features', 'active'] };
    const messages: Progress[] = [];
    const small = await observeRanges(convolutionalModel(), request, {
      valueBudgetBytes: 5000,
      onProgress: (progress) => messages.push(progress),
    });
    expect(small).toEqual(await observeRanges(convolutionalModel(), request));
    expect(messages.map(({ fraction }) => Math.round((fraction ?? 0) * 6))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(messages.at(-1)).toMatchObject({ stage: 'calibrate', etaSeconds: 0 });
  });

  it('skips samples that cannot be read, and fails when none can', async () => {
    const good = images(6);
    const data = dataset(6, (index) => {
      if (index !== 3) throw unreadable(index);
      return { image: float32([1, 3, 12, 12], new Float32Array(432).fill(1)) };
    });
    expect((await ranges(convolutionalModel(), { ...good, get: (index) => data.get(index) })).samples).toBe(1);
    const none = dataset(3, (index) => {
      throw unreadable(index);
    });
    await expect(ranges(convolutionalModel(), none)).rejects.toMatchObject({ code: 'DATA_UNREADABLE' });
    await expect(ranges(convolutionalModel(), images(0))).rejects.toMatchObject({ code: 'CALIBRATION_FAILED' });
  });

  it('stops when cancelled, closes its sessions and leaves no file behind', async () => {
    const before = await probeFolders();
    let opened = 0;
    const counted: OpenModel = async (path, options) => {
      const session = await open(path, options);
      opened++;
      return {
        ...{ inputs: session.inputs, outputs: session.outputs },
        run: (feeds, fetches) => session.run(feeds, fetches),
        close: () => {
          opened--;
          return session.close();
        },
      };
    };
    const stop = new AbortController();
    const data = images(50);
    const request = { open: counted, dataset: data, indices: indicesOf(data), batchSize: 1 };
    const run = observeRanges(convolutionalModel(), request, {
      signal: stop.signal,
      onProgress: ({ fraction }) => {
        if ((fraction ?? 0) > 0.1) stop.abort();
      },
    });
    await expect(run).rejects.toSatisfy((error) => CodedError.is(error, 'CANCELLED'));
    expect(opened).toBe(0);
    // Other test files may hold folders of their own at this moment; none may stay of ours.
    await expect.poll(async () => (await probeFolders()).filter((name) => !before.includes(name))).toEqual([]);
  });
});
