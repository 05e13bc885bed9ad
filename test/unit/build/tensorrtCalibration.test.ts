import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  notePath,
  TensorrtCalibrationRun,
  type CalibrationRequest,
} from '../../../extension/build/tensorrtCalibration';
import type { Dataset } from '../../../extension/calibrate/dataset';
import { completePlan } from '../../../extension/contract/checkSchema';
import type { CodedError } from '../../../extension/contract/errors';
import type { Plan } from '../../../extension/contract/plan';
import type { DataSelection } from '../../../extension/contract/stageMethods';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'trt-calibration-'));
});
afterEach(async () => rm(folder, { recursive: true }));

/** Samples whose value is their index; noting which were read. */
function dataset(length: number): Dataset & { readonly reads: number[] } {
  const reads: number[] = [];
  return {
    kind: 'npz',
    source: 'data.npz',
    length,
    labelled: false,
    classes: null,
    reads,
    get: (index) => {
      reads.push(index);
      const x = { dtype: 'fp32' as const, dims: [1, 2], data: Float32Array.of(index, -index) };
      return Promise.resolve({ id: String(index), tensors: { x }, label: null });
    },
    sha256: () => Promise.resolve('d'.repeat(64)),
    close: () => Promise.resolve(),
  };
}

const selection = (samples: number): DataSelection => ({
  source: 'data.npz',
  labels: null,
  transforms: [],
  python: 'python3',
  indices: Array.from({ length: samples }, (_, index) => index),
  labelled: false,
  classes: null,
  card: { source: 'data.npz', kind: 'npz', samples, sha256: 'd'.repeat(64) },
});

interface Change {
  readonly plan?: Partial<Plan['calibration']>;
  readonly cache?: string | null;
  readonly samples?: number;
  readonly model?: string;
  readonly algorithm?: CalibrationRequest['algorithm'];
  readonly version?: string;
}

const request = (change: Change = {}): CalibrationRequest => ({
  algorithm: change.algorithm ?? 'entropy2',
  plan: { ...completePlan({ model: 'm.onnx', calibration: { batchSize: 4 } }).calibration, ...change.plan },
  calibration: {
    data: selection(change.samples ?? 10),
    modelSha256: change.model ?? 'm'.repeat(64),
    cache: change.cache ?? null,
    output: path.join(folder, 'out.cache'),
  },
  version: change.version ?? '10.6.0',
  tensors: new Set(['x', 'y']),
  convert: (feeds) => feeds,
});

const prepare = (change: Change = {}) => TensorrtCalibrationRun.prepare(request(change));

async function feed(run: TensorrtCalibrationRun, data = dataset(10)): Promise<number[][]> {
  const fed: number[][] = [];
  const calibrator = await run.open(data);
  for await (const batch of calibrator.batches(new AbortController().signal)) {
    fed.push(Array.from(batch['x']?.data as Float32Array).filter((_, index) => index % 2 === 0));
  }
  return fed;
}

const written = 'TRT-100600-EntropyCalibration2\nx: 3c008912\ny: 3c008912\n';

/** Calibrates once, so that `file` and its note lie there. */
async function calibratedFile(change: Change = {}): Promise<string> {
  const file = path.join(folder, 'my.cache');
  const run = await prepare({ ...change, cache: file });
  await feed(run);
  await run.writeCaches(written);
  return file;
}

async function refusal(change: Change): Promise<CodedError> {
  const error: unknown = await prepare(change).then(
    () => new Error('It was taken.'),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'CALIBRATION_TABLE_MISMATCH' });
  return error as CodedError;
}

describe('a calibration by TensorRT', () => {
  it('streams batches of the size asked for; what fills none of that shape is left out and told', async () => {
    const run = await prepare();
    expect((await run.open(dataset(10))).shapes).toEqual({ x: [4, 2] });
    expect(await feed(run)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(run.warnings.join()).toMatch(/2 samples/);
    expect(run.summary(written)).toMatchObject({
      calibrator: 'tensorrt',
      algorithm: 'entropy2',
      samples: 8,
      batchSize: 4,
      tensors: 2,
      cacheHit: false,
    });
  });

  it('never holds more than the batch asked for and the one being read', async () => {
    const data = dataset(1000);
    const run = await prepare({ samples: 1000 });
    const batches = (await run.open(data)).batches(new AbortController().signal)[Symbol.asyncIterator]();
    await batches.next();
    expect(data.reads.length).toBeLessThan(30);
    await batches.return?.();
  });

  it("hands TensorRT the legacy calibrator's quantile and cutoff, and nobody else's", async () => {
    const legacy = await prepare({ algorithm: 'legacy', plan: { percentile: 99.9, cutoff: 0.8 } });
    expect(await legacy.open(dataset(10))).toMatchObject({ quantile: expect.closeTo(0.999) as number, cutoff: 0.8 });
    expect(await (await prepare()).open(dataset(10))).not.toHaveProperty('quantile');
  });

  it('writes the cache as a result and to the file that was named, each with its note', async () => {
    const file = await calibratedFile();
    for (const cache of [file, path.join(folder, 'out.cache')]) {
      expect(await readFile(cache, 'utf8')).toBe(written);
      expect(JSON.parse(await readFile(notePath(cache), 'utf8'))).toMatchObject({
        model: 'm'.repeat(64),
        algorithm: 'entropy2',
        batchSize: 4,
        samples: 10,
      });
    }
  });

  it('hands a cache that fits to TensorRT, which then needs no data', async () => {
    const file = await calibratedFile();
    const run = await prepare({ cache: file });
    expect(Buffer.from((await run.open(dataset(10))).cache ?? []).toString()).toBe(written);
    expect(run.warnings).toEqual([]);
    expect(run.summary(null)).toMatchObject({ cacheHit: true, samples: 10, tensors: 2, seconds: null });
    expect(run.key).toBe((await prepare()).key);
  });

  it('a named file that is not there is one to be written', async () => {
    const fresh = await prepare({ cache: path.join(folder, 'new.cache') });
    expect((await fresh.open(dataset(10))).cache).toBeNull();
  });

  it.each<[string, Change, RegExp]>([
    ['another model', { model: 'n'.repeat(64) }, /another model/],
    ['other data', { samples: 9 }, /other data, samples or preprocessing/],
    ['another batch size', { plan: { batchSize: 2 } }, /batches of 4, not 2/],
    ['another calibrator', { algorithm: 'minmax' }, /EntropyCalibration2, not by MinMaxCalibration/],
    ['another release', { version: '10.7.0' }, /version 100600.*10\.7\.0/],
  ])('a cache of %s is refused', async (_, change, reason) => {
    const cache = await calibratedFile();
    expect((await refusal({ ...change, cache })).reason).toMatch(reason);
  });

  it('a cache that knows no tensor of the model is refused; one without a note is taken with a warning', async () => {
    const cache = path.join(folder, 'foreign.cache');
    await writeFile(cache, 'TRT-100600-EntropyCalibration2\nelsewhere: 3c008912\n');
    expect((await refusal({ cache })).reason).toMatch(/none of its tensors/);
    await writeFile(cache, written);
    const run = await prepare({ cache });
    expect(run.warnings.join()).toMatch(/which model and data/);
    expect(run.key).not.toBe((await prepare()).key);
  });

  it('a note that is none is refused', async () => {
    const cache = await calibratedFile();
    await writeFile(notePath(cache), '{"schemaVersion":1}');
    expect((await refusal({ cache })).reason).toMatch(/no note of a calibration/);
    await writeFile(notePath(cache), 'not JSON');
    expect((await refusal({ cache })).reason).toMatch(/no note of a calibration/);
  });

  it('without samples there is nothing to calibrate with', async () => {
    await expect((await prepare({ samples: 0 })).open(dataset(0))).rejects.toMatchObject({ code: 'DATA_EMPTY' });
  });
});
