import { describe, expect, it } from 'vitest';
import { calibrateTensors } from '../../../extension/calibrate/calibrateTensors';
import { formatCalibrationTable } from '../../../extension/calibrate/calibrationTable';
import type { Dataset } from '../../../extension/calibrate/dataset';
import { observeRanges } from '../../../extension/calibrate/observeRanges';
import { calibrationAlgorithms, type CalibrationAlgorithm } from '../../../extension/contract/plan';
import { convolutionalModel, dataset, float32, images, indicesOf, model, node, open, value } from './smallModels';

const targets = ['image', 'active', 'turned', 'flat'];

async function table(
  data: Dataset,
  {
    algorithm = 'auto',
    batchSize = 8,
    indices = indicesOf(data),
    tensors = targets,
    onePass = true,
    built = convolutionalModel(),
  }: Partial<{
    algorithm: CalibrationAlgorithm;
    batchSize: number;
    indices: number[];
    tensors: string[];
    onePass: boolean;
    built: ReturnType<typeof convolutionalModel>;
  }> = {},
) {
  const source = { open, dataset: data, indices, batchSize };
  const ranges = await observeRanges(built, { ...source, histograms: onePass ? tensors : [] });
  const key = { model: 'm', data: 'd', preprocess: 'p', samples: data.length, algorithm, percentile: 99.99 };
  const options = { algorithm, percentile: 99.99, cutoff: null, key };
  return calibrateTensors(built, { ...source, ...options, tensors, ranges, histograms: ranges.histograms });
}

describe('calibrateTensors', () => {
  it.each(calibrationAlgorithms)(
    '%s gives the same table, bit for bit, for every batch size and order',
    async (algorithm) => {
      const data = images(12);
      const expected = formatCalibrationTable(await table(data, { algorithm, batchSize: 1 }));
      const shuffled = indicesOf(data).sort((a, b) => ((a * 7) % 23) - ((b * 7) % 23));
      for (const variant of [
        { batchSize: 7 },
        { batchSize: 64 },
        { indices: indicesOf(data).reverse() },
        { indices: shuffled, batchSize: 7 },
        { onePass: false },
      ]) {
        expect(formatCalibrationTable(await table(data, { algorithm, ...variant }))).toBe(expected);
      }
    },
  );

  it('differs between data sets and algorithms', async () => {
    const texts = await Promise.all(
      (['minmax', 'percentile', 'entropy', 'mse'] as const).map(async (algorithm) =>
        JSON.stringify((await table(images(9), { algorithm })).tensors),
      ),
    );
    texts.push(JSON.stringify((await table(images(8), { algorithm: 'mse' })).tensors));
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('scales are thresholds over 127, inside the range', async () => {
    for (const algorithm of calibrationAlgorithms) {
      const { tensors } = await table(images(10), { algorithm });
      expect(Object.keys(tensors)).toEqual(targets);
      for (const [name, { min, max, threshold, scale, sqnrDb }] of Object.entries(tensors)) {
        const absMax = Math.max(max, -min);
        expect(threshold, `${algorithm} ${name}`).toBeLessThanOrEqual(absMax);
        expect(threshold, `${algorithm} ${name}`).toBeGreaterThan(absMax / 10);
        if (algorithm === 'minmax') expect(threshold).toBe(absMax);
        expect(scale).toBe(Math.fround(threshold / 127));
        expect(sqnrDb).toBeGreaterThan(20);
      }
    }
  });

  it('leaves out tensors with infinities and names the reason', async () => {
    const { tensors, excluded } = await table(images(5), { tensors: ['image', 'logarithm', 'size', 'kernel'] });
    expect(Object.keys(tensors)).toEqual(['image']);
    expect(excluded).toEqual({
      logarithm: expect.stringMatching(/^\d+ elements are NaN or infinite in 5 samples$/) as string,
      size: 'no float values (int64)',
      kernel: 'not a tensor of the outer graph that was observed',
    });
  });

  it('fails when no tensor can have a scale', async () => {
    await expect(table(images(5), { tensors: ['logarithm'] })).rejects.toMatchObject({
      code: 'CALIBRATION_FAILED',
      reason: expect.stringContaining('"logarithm"') as string,
    });
  });

  it.each(calibrationAlgorithms)('%s handles zero, constant, tiny and huge tensors', async (algorithm) => {
    const names = ['zero', 'constant', 'tiny', 'subnormal', 'huge', 'single'];
    const built = model(
      names.map((name) => value(name, 'fp32', ['n', `${name}.size`])),
      names.map((name) => node('Neg', [name], [`${name}.out`])),
      names.map((name) => value(`${name}.out`, 'fp32', ['n', `${name}.size`])),
    );
    const data = dataset(3, () => ({
      zero: float32([1, 100], new Float32Array(100)),
      constant: float32([1, 100], new Float32Array(100).fill(-0.4242)),
      tiny: float32(
        [1, 100],
        Float32Array.from({ length: 100 }, (_, i) => i * 1e-20),
      ),
      subnormal: float32(
        [1, 100],
        Float32Array.from({ length: 100 }, (_, i) => i * 1e-44),
      ),
      huge: float32(
        [1, 100],
        Float32Array.from({ length: 100 }, (_, i) => i * 3e36),
      ),
      single: float32([1, 1], [7]),
    }));
    const { tensors } = await table(data, { algorithm, built, tensors: names });
    const of = (name: string) => tensors[name]!;
    expect(of('zero')).toMatchObject({ scale: 1, sqnrDb: null, min: 0, max: 0 });
    // The constant lands on a level, so that nothing of it is lost: scale · 127 = the value.
    expect(Math.abs(of('constant').threshold / 0.4242 - 1)).toBeLessThan(0.001);
    expect(of('single').threshold).toBeCloseTo(7, 2);
    expect(of('tiny').threshold).toBeGreaterThan(30e-20);
    expect(of('huge').threshold).toBeGreaterThan(9e37);
    for (const name of names) {
      expect(of(name).scale, name).toBeGreaterThanOrEqual(2 ** -126);
      expect(of(name).scale, name).toBeLessThan(Infinity);
    }
  });
});
