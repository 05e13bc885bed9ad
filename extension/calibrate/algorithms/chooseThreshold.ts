/**
 * One tensor's clipping threshold: runs the algorithm asked for and judges its answer by the noise it would cause.
 *
 * Entropy and percentile thresholds look at how often values occur, not at what clipping them costs. On a tensor with one
 * constant value in most elements (the background of a scanned digit or page) they settle on that constant and clip everything
 * else: TensorRT's own Entropy2 drops the digits model to 10 % that way, ONNX Runtime's drops the OCR model to 1 %. So every
 * answer is held against the threshold of least noise; one that loses more than `tolerableLossDb` is reported as unfit, and
 * the least-noise threshold is used instead. MinMax never clips, hence is never replaced, only reported.
 *
 * Called by `calibrateTensors.ts` with the histograms of `observeTensors.ts`.
 */
import type { CalibrationAlgorithm } from '../../contract/plan';
import type { Histogram } from '../histogram';
import { entropyThreshold } from './entropy';
import { legacyThreshold } from './legacy';
import { meanSquaredErrorThreshold } from './meanSquaredError';
import { percentileThreshold } from './percentile';
import { QuantizationNoise } from './quantizationNoise';

/** One bit of resolution: a threshold this much worse wastes half of the 8-bit levels or clips as much as that costs. */
const tolerableLossDb = 6;
/** From this share on, one bin counts as a constant background in messages. */
const backgroundShare = 0.2;

export interface ThresholdOptions {
  readonly algorithm: CalibrationAlgorithm;
  /** Of 100; for percentile and legacy. */
  readonly percentile: number;
  /** Legacy only: fraction of the maximum where the tail begins; null for the quantile method. */
  readonly cutoff: number | null;
}

export interface ThresholdChoice {
  readonly threshold: number;
  readonly algorithm: Exclude<CalibrationAlgorithm, 'auto'>;
  /** Expected SQNR at this threshold; null for a tensor without signal. */
  readonly sqnrDb: number | null;
  /** Why the algorithm asked for does not suit this tensor, or null. */
  readonly unfit: string | null;
}

/** @param absMax largest magnitude of the tensor, greater than zero */
export function chooseThreshold(histogram: Histogram, absMax: number, options: ThresholdOptions): ThresholdChoice {
  const noise = new QuantizationNoise(histogram);
  const leastNoise = choice(noise, 'mse', meanSquaredErrorThreshold(noise, absMax));
  if (options.algorithm === 'auto' || options.algorithm === 'mse') return leastNoise;
  const asked = choice(noise, options.algorithm, threshold(histogram, absMax, options.algorithm, options));
  const lossDb = (leastNoise.sqnrDb ?? 0) - (asked.sqnrDb ?? -Infinity);
  if (leastNoise.sqnrDb === null || lossDb <= tolerableLossDb) return asked;
  const unfit = unfitReason(noise, absMax, asked, leastNoise);
  return asked.algorithm === 'minmax' ? { ...asked, unfit } : { ...leastNoise, unfit };
}

function choice(
  noise: QuantizationNoise,
  algorithm: Exclude<CalibrationAlgorithm, 'auto'>,
  threshold: number,
): ThresholdChoice {
  return { threshold, algorithm, sqnrDb: noise.sqnrDb(threshold), unfit: null };
}

function threshold(
  histogram: Histogram,
  absMax: number,
  algorithm: 'minmax' | 'entropy' | 'percentile' | 'legacy',
  { percentile, cutoff }: ThresholdOptions,
): number {
  switch (algorithm) {
    case 'minmax':
      return absMax;
    case 'entropy':
      // The formula adds half a bin; nothing lies beyond the largest magnitude.
      return Math.min(entropyThreshold(histogram.counts, histogram.binWidth), absMax);
    case 'percentile':
      return Math.min(percentileThreshold(histogram, percentile), absMax);
    case 'legacy':
      return legacyThreshold(histogram, absMax, percentile, cutoff);
  }
}

function unfitReason(
  noise: QuantizationNoise,
  absMax: number,
  asked: ThresholdChoice,
  leastNoise: ThresholdChoice,
): string {
  const comparison =
    `${asked.algorithm} clips at ${short(asked.threshold)} of ${short(absMax)}: ` +
    `${short(asked.sqnrDb ?? 0)} dB where ${short(leastNoise.threshold)} gives ${short(leastNoise.sqnrDb ?? 0)} dB`;
  const background = noise.mostFrequent();
  if (background.share < backgroundShare) return comparison;
  const percent = Math.round(background.share * 100);
  return `${comparison}; ${percent} % of the elements are one value, ±${short(background.value)}`;
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
