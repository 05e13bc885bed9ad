import { describe, expect, it } from 'vitest';
import { chooseThreshold } from '../../../../extension/calibrate/algorithms/chooseThreshold';
import { QuantizationNoise } from '../../../../extension/calibrate/algorithms/quantizationNoise';
import { percentileThreshold } from '../../../../extension/calibrate/algorithms/percentile';
import { newHistogram, widen, type Histogram } from '../../../../extension/calibrate/histogram';
import { scalarObserver } from '../../../../extension/calibrate/observers/scalarObserver';
import type { CalibrationAlgorithm } from '../../../../extension/contract/plan';
import { normalNumbers, randomNumbers } from '../randomNumbers';

function histogramOf(values: Float32Array): Histogram {
  const histogram = newHistogram();
  widen(histogram, scalarObserver.observeRange(values).absMax);
  scalarObserver.accumulateHistogram(values, histogram.counts, histogram.binWidth);
  return histogram;
}

function choose(
  values: Float32Array,
  algorithm: CalibrationAlgorithm,
  percentile = 99.99,
  cutoff: number | null = null,
) {
  const { absMax } = scalarObserver.observeRange(values);
  return chooseThreshold(histogramOf(values), absMax, { algorithm, percentile, cutoff });
}

/** The SQNR that quantizing the values themselves gives. */
function measuredSqnrDb(values: Float32Array, threshold: number): number {
  let signal = 0;
  let noise = 0;
  for (const value of values) {
    const level = Math.max(-127, Math.min(127, Math.round((value / threshold) * 127)));
    signal += value ** 2;
    noise += (value - (level * threshold) / 127) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

const normal = normalNumbers(1);
const uniform = randomNumbers(2);
const length = 50_000;
const distributions = {
  normal: Float32Array.from({ length }, normal),
  relu: Float32Array.from({ length }, () => Math.max(normal(), 0)),
  sparse: Float32Array.from({ length }, () => (uniform() < 0.98 ? 0 : Math.abs(normal()) * 5)),
  laplace: Float32Array.from({ length }, () => Math.log(1 - uniform()) * Math.sign(uniform() - 0.5)),
  // A scanned digit: 70 % of the pixels are the background −0.4242, the ink reaches 2.8.
  background: Float32Array.from({ length }, () => (uniform() < 0.7 ? -0.4242 : uniform() * 3.2 - 0.4)),
  // A page: nearly everything is background.
  page: Float32Array.from({ length }, () => (uniform() < 0.97 ? 1 : uniform() * 12 - 6)),
};

describe('QuantizationNoise', () => {
  it.each(Object.entries(distributions))('predicts from the histogram what the values give: %s', (_, values) => {
    const { absMax } = scalarObserver.observeRange(values);
    // Where nearly all elements are one value, its place within a bin decides: more is not to be had from a histogram.
    const tolerance = values === distributions.page ? 1.5 : 0.5;
    for (const share of [1, 0.7, 0.4]) {
      const expected = new QuantizationNoise(histogramOf(values)).sqnrDb(absMax * share)!;
      expect(Math.abs(expected - measuredSqnrDb(values, absMax * share))).toBeLessThan(tolerance);
    }
  });

  it('equals the sum over all bins', () => {
    for (const values of Object.values(distributions)) {
      const histogram = histogramOf(values);
      const { absMax } = scalarObserver.observeRange(values);
      for (const threshold of [absMax, absMax * 0.61, absMax / 100]) {
        let sum = 0;
        histogram.counts.forEach((count, bin) => {
          const x = (bin + 0.5) * histogram.binWidth;
          const scale = threshold / 127;
          if (bin > 0) sum += count * (x - scale * Math.min(Math.round(x / scale), 127)) ** 2;
        });
        expect(new QuantizationNoise(histogram).noisePower(threshold) / (sum / length)).toBeCloseTo(1, 6);
      }
    }
  });

  it('is null without signal', () => {
    expect(new QuantizationNoise(histogramOf(new Float32Array(10))).sqnrDb(1)).toBeNull();
    const nothing = new QuantizationNoise(newHistogram());
    expect(nothing.signalPower).toBe(0);
    expect(nothing.noisePower(1)).toBe(0);
  });
});

describe('chooseThreshold', () => {
  it.each(Object.entries(distributions))('auto loses nothing against any other algorithm: %s', (_, values) => {
    const best = measuredSqnrDb(values, choose(values, 'auto').threshold);
    for (const algorithm of ['minmax', 'percentile', 'entropy', 'mse', 'legacy'] as const) {
      expect(measuredSqnrDb(values, choose(values, algorithm).threshold), algorithm).toBeLessThan(best + 0.5);
    }
  });

  it.each(['background', 'page'] as const)('does not let entropy settle on a constant background: %s', (name) => {
    const values = distributions[name];
    const { threshold, algorithm, unfit } = choose(values, 'entropy');
    expect(measuredSqnrDb(values, threshold)).toBeGreaterThan(30);
    if (algorithm !== 'entropy') expect(unfit).toMatch(/entropy clips at .* dB.*% of the elements are one value/);
  });

  it('says of a percentile that it clips the signal away, and does not use it', () => {
    // One element in a thousand carries nearly all of the energy.
    const values = Float32Array.from({ length }, (_, index) => (index % 1000 === 0 ? 100 + uniform() : uniform()));
    const chosen = choose(values, 'percentile', 99);
    expect(chosen.algorithm).toBe('mse');
    expect(chosen.unfit).toMatch(/^percentile clips at 0\.\d+ of 10\d: .* dB where .* gives .* dB$/);
    expect(chosen.threshold).toBeGreaterThan(90);
  });

  it('keeps minmax where it wastes levels on an outlier, and reports it', () => {
    // One stray value among half a billion: clipping it costs nothing, keeping it costs most of the levels.
    const { binWidth, counts } = histogramOf(Float32Array.of(...distributions.normal.subarray(0, 20_000), 60));
    const histogram = { binWidth, counts: counts.map((count, bin) => (bin > 10 / binWidth ? count : count * 25_000)) };
    const options = { algorithm: 'minmax', percentile: 99.99, cutoff: null } as const;
    const chosen = chooseThreshold(histogram, 60, options);
    expect(chosen).toMatchObject({ algorithm: 'minmax', threshold: 60 });
    expect(chosen.unfit).toMatch(/^minmax clips at 60 of 60/);
    expect(choose(distributions.normal, 'minmax').unfit).toBeNull();
  });

  it('percentile is the magnitude that the share of elements stays below', () => {
    const values = Float32Array.from({ length: 100_000 }, (_, index) => (index + 0.5) / 100_000);
    for (const percentile of [50.5, 90, 99, 99.99, 100]) {
      expect(percentileThreshold(histogramOf(values), percentile)).toBeCloseTo(percentile / 100, 3);
    }
  });

  it('legacy cuts stray values beyond the tail, and only with a cutoff', () => {
    const values = Float32Array.from(distributions.laplace);
    values[3] = 40;
    const quantile = choose(values, 'legacy', 100);
    expect(quantile.threshold).toBe(40);
    const regression = choose(values, 'legacy', 100, 0.05);
    expect(regression.threshold).toBeGreaterThan(5);
    expect(regression.threshold).toBeLessThan(20);
  });
});
