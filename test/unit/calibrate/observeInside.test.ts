import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { nativeAddonState } from '../../../extension/backends/nativeAddon';
import { onnxRuntimeObserving } from '../../../extension/backends/onnxRuntimeObserving';
import { totalCount } from '../../../extension/calibrate/histogram';
import { inParallel } from '../../../extension/calibrate/inParallel';
import { observeRanges, type ObservedRanges } from '../../../extension/calibrate/observeRanges';
import type { ObservingRuntime } from '../../../extension/calibrate/observers/observingRuntime';
import type { Dataset } from '../../../extension/calibrate/dataset';
import { CodedError } from '../../../extension/contract/errors';
import type { Model } from '../../../extension/model/model';
import {
  attributeType,
  newAttribute,
  newGraph,
  type GraphProto,
  type NodeProto,
} from '../../../extension/model/onnx.generated';
import { makeTensor } from '../../../extension/model/tensorValues';
import { convolutionalModel, dataset, float32, images, indicesOf, model, node, open, value } from './smallModels';

const observing = await onnxRuntimeObserving(nativeAddonState().addon);
if (observing === null) console.warn('Skipped, the native module is not built: npm run native');

/** Tensors of the convolutional model with histograms. */
const histograms = ['image', 'features', 'active', 'turned', 'pooled', 'scores'];

async function inside(
  of: Model,
  data: Dataset,
  { indices = indicesOf(data), runs = 2 }: { indices?: number[]; runs?: number } = {},
): Promise<ObservedRanges> {
  const runtime: ObservingRuntime = { ...observing!, parallelRuns: runs };
  return observeRanges(of, { open, observing: runtime, dataset: data, indices, batchSize: 4, histograms });
}

async function outside(of: Model, data: Dataset): Promise<ObservedRanges> {
  return observeRanges(of, { open, dataset: data, indices: indicesOf(data), batchSize: 4, histograms });
}

function plain({ samples, tensors, histograms: gathered }: ObservedRanges): unknown {
  return [samples, [...tensors], [...gathered].map(([name, { binWidth, counts }]) => [name, binWidth, [...counts]])];
}

describe.skipIf(observing === null)('observing inside the runtime', () => {
  it('sees what sessions with copied values see', async () => {
    const [own, copied] = [
      await inside(convolutionalModel(), images(9)),
      await outside(convolutionalModel(), images(9)),
    ];
    expect(own.samples).toBe(copied.samples);
    expect([...own.tensors.keys()]).toEqual([...copied.tensors.keys()]);
    for (const [name, range] of copied.tensors) {
      const seen = own.tensors.get(name)!;
      expect({ name, dtype: seen.dtype, dims: seen.dims }).toEqual({ name, dtype: range.dtype, dims: range.dims });
      expect({ name, nonFinite: seen.nonFinite }).toEqual({ name, nonFinite: range.nonFinite });
      if (range.absMax === null) expect(seen.absMax).toBeNull();
      // Optimized kernels sum in another order.
      else
        expect(Math.abs(seen.max! - range.max!) + Math.abs(seen.min! - range.min!)).toBeLessThan(1e-5 * range.absMax);
    }
    for (const [name, { counts, binWidth }] of copied.histograms) {
      const seen = own.histograms.get(name)!;
      expect(seen.binWidth).toBe(binWidth);
      const moved = counts.reduce((sum, count, bin) => sum + Math.abs(count - seen.counts[bin]!), 0);
      expect(moved / totalCount(seen)).toBeLessThan(1e-3);
      expect(totalCount(seen)).toBe(counts.reduce((sum, count) => sum + count, 0));
    }
  });

  it('counts the graph inputs exactly, being no results of arithmetic', async () => {
    const [own, copied] = [
      await inside(convolutionalModel(), images(5)),
      await outside(convolutionalModel(), images(5)),
    ];
    expect(own.tensors.get('image')).toEqual(copied.tensors.get('image'));
    expect(own.histograms.get('image')).toEqual(copied.histograms.get('image'));
  });

  it('gives the same bits for any order of the samples and any number of runs at a time', async () => {
    const data = images(13);
    const indices = indicesOf(data);
    const expected = plain(await inside(convolutionalModel(), data, { runs: 1 }));
    for (const runs of [2, 3, 16]) {
      expect(plain(await inside(convolutionalModel(), data, { runs }))).toEqual(expected);
      expect(plain(await inside(convolutionalModel(), data, { indices: indices.toReversed(), runs }))).toEqual(
        expected,
      );
    }
  });

  it('sees a tensor that is the same in every sample', async () => {
    const constant = makeTensor('constant', float32([3], [1, -5, 2]));
    const of = model(
      [value('x', 'fp32', ['n', 3])],
      [node('Neg', ['constant'], ['negative']), node('Add', ['x', 'negative'], ['y'])],
      [value('y', 'fp32', ['n', 3])],
      [constant],
    );
    const data = dataset(2, (index) => ({ x: float32([1, 3], [index, index, index]) }));
    const { tensors } = await observeRanges(of, {
      open,
      observing: observing!,
      dataset: data,
      indices: [0, 1],
      batchSize: 1,
    });
    expect(tensors.get('negative')).toMatchObject({ min: -2, max: 5, dims: [3] });
    expect(tensors.get('y')).toMatchObject({ min: -2, max: 6 });
  });

  it('sees tensors of bodies: every turn of a Loop, and a branch where a sample takes it', async () => {
    const branch = (name: string, opType: string) =>
      newGraph({ name, node: [node(opType, ['next'], [`${name}_r`])], output: [value(`${name}_r`, 'fp32', ['n', 2])] });
    const carrying = (made: NodeProto, bodies: Record<string, GraphProto>) => {
      const graphs = Object.entries(bodies);
      made.attribute = graphs.map(([name, g]) => newAttribute({ name, type: attributeType.GRAPH, g }));
      return made;
    };
    const body = newGraph({
      name: 'body',
      node: [
        node('Add', ['state', 'x'], ['next']),
        node('ReduceMax', ['next'], ['largest']),
        node('Squeeze', ['largest'], ['scalar']),
        node('Greater', ['scalar', 'limit'], ['far']),
        carrying(node('If', ['far'], ['chosen']), {
          then_branch: branch('far', 'Exp'),
          else_branch: branch('near', 'Neg'),
        }),
        carrying(node('If', ['no'], ['other']), {
          then_branch: branch('never', 'Exp'),
          else_branch: branch('always', 'Neg'),
        }),
        node('Add', ['chosen', 'other'], ['sum']),
      ],
      input: [value('turn', 'int64', []), value('going', 'bool', []), value('state', 'fp32', ['n', 2])],
      output: [value('going', 'bool', []), value('next', 'fp32', ['n', 2]), value('sum', 'fp32', ['n', 2])],
    });
    const of = model(
      [value('x', 'fp32', ['n', 2])],
      [carrying(node('Loop', ['turns', '', 'x'], ['y', 'all']), { body })],
      [value('y', 'fp32', ['n', 2])],
      [
        makeTensor('turns', { dtype: 'int64', dims: [], data: BigInt64Array.of(3n) }),
        makeTensor('no', { dtype: 'bool', dims: [], data: Uint8Array.of(0) }),
        makeTensor('limit', float32([], [7])),
      ],
    );
    // next = 2x, 3x, 4x: beyond 7 in the last turn of sample 2 alone.
    const data = dataset(3, (index) => ({ x: float32([1, 2], [index, -index]) }));
    const { tensors } = await inside(of, data);
    expect(tensors.get('next')).toMatchObject({ min: -8, max: 8, dims: [1, 2] });
    expect(tensors.get('state')).toMatchObject({ min: -6, max: 6 });
    expect(tensors.get('near_r')).toMatchObject({ min: -6, max: 6, dims: [1, 2] });
    expect(tensors.get('far_r')!.max).toBeCloseTo(Math.exp(8), 0);
    expect(tensors.get('far_r')!.dims).toEqual([1, 2]);
    expect(tensors.get('always_r')).toMatchObject({ min: -8, max: 8 });
    expect(tensors.has('never_r')).toBe(false);
    // Plain sessions show the outer graph only.
    expect((await outside(of, data)).tensors.has('next')).toBe(false);
  });

  it("names the file in the runtime's complaint and leaves no probe behind", async () => {
    const of = model(
      [value('x', 'fp32', ['n', 4])],
      [node('Reshape', ['x', 'shape'], ['y'])],
      [value('y', 'fp32', [3])],
      [makeTensor('shape', { dtype: 'int64', dims: [1], data: BigInt64Array.of(3n) })],
    );
    const data = dataset(1, () => ({ x: float32([1, 4], [1, 2, 3, 4]) }));
    const own = await mkdtemp(join(tmpdir(), 'observe-inside-'));
    vi.stubEnv('TMPDIR', own);
    try {
      const failure = await inside(of, data).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(CodedError);
      expect((failure as CodedError).message).toMatch(/probe\.onnx|Reshape/);
      expect(await readdir(own)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      await rm(own, { recursive: true });
    }
  });

  it('says so when the library cannot be opened, by falling back to nothing', async () => {
    const broken = { loadOnnxRuntime: () => Promise.reject(new Error('too old')) };
    expect(await onnxRuntimeObserving({ ...nativeAddonState().addon, ...broken })).toBeNull();
    expect(await onnxRuntimeObserving(null)).toBeNull();
    expect(await onnxRuntimeObserving({})).toBeNull();
    const older = { ...nativeAddonState().addon, observingOperators: ['Observe'] };
    expect(await onnxRuntimeObserving(older)).toBeNull();
  });
});

describe('inParallel', () => {
  async function* numbers(count: number) {
    for (let index = 0; index < count; index++) yield await Promise.resolve(index);
  }
  const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

  it('keeps the order of the items whichever ends first, and the limit', async () => {
    let running = 0;
    let most = 0;
    const seen: number[] = [];
    await inParallel(
      numbers(9),
      3,
      async (item) => {
        most = Math.max(most, ++running);
        await later(item % 3 === 0 ? 12 : 1);
        running--;
        return item * 2;
      },
      (result) => seen.push(result),
    );
    expect(seen).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16]);
    expect(most).toBe(3);
  });

  it('fails with the first failure, after everything under way has ended', async () => {
    let ended = 0;
    const work = async (item: number) => {
      await later(item === 1 ? 1 : 15);
      ended++;
      if (item === 1) throw new Error('broken');
    };
    await expect(inParallel(numbers(5), 3, work, () => undefined)).rejects.toThrow('broken');
    expect(ended).toBeGreaterThanOrEqual(3);
  });

  it('stops when cancelled', async () => {
    const controller = new AbortController();
    const done: number[] = [];
    const run = inParallel(
      numbers(100),
      1,
      (item) => Promise.resolve(item),
      (item) => {
        done.push(item);
        if (item === 4) controller.abort();
      },
      controller.signal,
    );
    await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(done).toEqual([0, 1, 2, 3, 4]);
  });
});
