/**
 * MSE calibration: the threshold with the least quantization noise, clipping and rounding together.
 *
 * A scan in steps of 3 % from the largest magnitude down to 1/128 of it, then a finer one around the best: the noise is a
 * smooth valley with a ripple where frequent values move from step to step. pytorch-quantization's MSE calibrator scans the
 * same quantity bin by bin.
 */
import { int8Levels, type QuantizationNoise } from './quantizationNoise';

const coarseRatio = 0.97;
const coarseSteps = Math.ceil(Math.log(1 / 128) / Math.log(coarseRatio));
const fineSteps = 12;

/**
 * @param absMax the largest magnitude of the tensor: no threshold beyond it can help
 * @param levels steps up to a threshold; INT8's 127 unless said otherwise
 */
export function meanSquaredErrorThreshold(
  noise: QuantizationNoise,
  absMax: number,
  levels: (threshold: number) => number = () => int8Levels,
): number {
  const coarse = best(
    noise,
    Array.from({ length: coarseSteps }, (_, step) => absMax * coarseRatio ** step),
    levels,
  );
  const fine = Array.from({ length: 2 * fineSteps + 1 }, (_, step) => coarse * coarseRatio ** (step / fineSteps - 1));
  return best(
    noise,
    fine.map((threshold) => Math.min(threshold, absMax)),
    levels,
  );
}

/** The first threshold of least noise. */
function best(noise: QuantizationNoise, thresholds: readonly number[], levels: (threshold: number) => number): number {
  let bestThreshold = thresholds[0] ?? 0;
  let leastNoise = Infinity;
  for (const threshold of thresholds) {
    const power = noise.noisePower(threshold, levels(threshold));
    if (power < leastNoise) {
      leastNoise = power;
      bestThreshold = threshold;
    }
  }
  return bestThreshold;
}
