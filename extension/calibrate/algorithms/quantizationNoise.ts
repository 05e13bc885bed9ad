/**
 * The noise that symmetric quantization at a given threshold adds to a tensor, computed from its histogram.
 *
 * This is the yardstick by which thresholds are chosen (`meanSquaredError.ts`), judged (`chooseThreshold.ts`) and reported
 * (`CalibrationEntry.sqnrDb`). The quantizer is TensorRT's INT8: q = round(clamp(x / s, −127, 127)), s = T / 127, zero point 0.
 */
import { totalCount, usedBins, type Histogram } from '../histogram';

/** Magnitudes that INT8 tells apart on either side of zero. */
export const int8Levels = 127;

/** Mean of x². */
export function signalPower(histogram: Histogram): number {
  const { counts, binWidth } = histogram;
  const used = usedBins(histogram);
  let sum = 0;
  // Bin 0 holds the exact zeros of a ReLU; its other values, below 1/2048 of the range, carry no power worth counting.
  for (let bin = 1; bin < used; bin++) {
    const centre = (bin + 0.5) * binWidth;
    sum += (counts[bin] ?? 0) * centre * centre;
  }
  return sum / Math.max(totalCount(histogram), 1);
}

/**
 * Mean of (x − Q(x))². Within a bin the values are taken to lie at its centre: a bin is 1/16 to 1/32 of a quantization
 * step, fine enough to see whether a value that occurs very often (a constant background) falls on a step or between two.
 */
export function noisePower(histogram: Histogram, threshold: number, levels = int8Levels): number {
  const { counts, binWidth } = histogram;
  const used = usedBins(histogram);
  const scale = threshold / levels;
  const binsPerStep = binWidth / scale;
  let sum = 0;
  for (let bin = 1; bin < used; bin++) {
    const count = counts[bin] ?? 0;
    if (count === 0) continue;
    const steps = (bin + 0.5) * binsPerStep;
    const error = steps - Math.min(Math.round(steps), levels);
    sum += count * error * error;
  }
  return (sum * scale * scale) / Math.max(totalCount(histogram), 1);
}

/** Signal over quantization noise in dB; null where there is no signal, at most 200 where there is no noise. */
export function expectedSqnrDb(histogram: Histogram, threshold: number): number | null {
  const signal = signalPower(histogram);
  if (signal === 0 || threshold <= 0) return null;
  return Math.min(10 * Math.log10(signal / noisePower(histogram, threshold)), 200);
}

/** The most frequent magnitude other than zero, as its bin's centre, and its share of all elements. */
export function frequentValueShare(histogram: Histogram): { readonly value: number; readonly share: number } {
  const { counts, binWidth } = histogram;
  let fullest = 1;
  for (let bin = 2; bin < counts.length; bin++) if ((counts[bin] ?? 0) > (counts[fullest] ?? 0)) fullest = bin;
  return { value: (fullest + 0.5) * binWidth, share: (counts[fullest] ?? 0) / Math.max(totalCount(histogram), 1) };
}
