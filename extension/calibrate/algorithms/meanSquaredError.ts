/**
 * MSE calibration: the threshold with the least quantization noise, clipping and rounding together.
 *
 * A scan in steps of 3 % from the largest magnitude down to 1/128 of it, then a finer one around the best: the noise is a
 * smooth valley with a ripple where frequent values move from step to step. Follows `quantizationNoise.ts`; pytorch-quantization's
 * MSE calibrator scans the same quantity bin by bin.
 */
import type { Histogram } from '../histogram';
import { noisePower } from './quantizationNoise';

const coarseRatio = 0.97;
const coarseSteps = Math.ceil(Math.log(1 / 128) / Math.log(coarseRatio));
const fineSteps = 12;

/** @param absMax the largest magnitude of the tensor: no threshold beyond it can help */
export function meanSquaredErrorThreshold(histogram: Histogram, absMax: number): number {
  const coarse = best(
    histogram,
    Array.from({ length: coarseSteps }, (_, step) => absMax * coarseRatio ** step),
  );
  const fine = Array.from({ length: 2 * fineSteps + 1 }, (_, step) => coarse * coarseRatio ** (step / fineSteps - 1));
  return best(
    histogram,
    fine.map((threshold) => Math.min(threshold, absMax)),
  );
}

/** The first threshold of least noise. */
function best(histogram: Histogram, thresholds: readonly number[]): number {
  let bestThreshold = thresholds[0] ?? 0;
  let leastNoise = Infinity;
  for (const threshold of thresholds) {
    const noise = noisePower(histogram, threshold);
    if (noise < leastNoise) {
      leastNoise = noise;
      bestThreshold = threshold;
    }
  }
  return bestThreshold;
}
