/**
 * Legacy calibration, after the two knobs of TensorRT's IInt8LegacyCalibrator: `getQuantile` and `getRegressionCutoff`.
 *
 * NVIDIA documents the knobs ("the quantile used to select the region maximum"; "the fraction of the maximum used to define
 * the regression cutoff") but not the formula, so the regression is ours: a line through the logarithm of the counts
 * beyond cutoff · max tells where the tail of the distribution thins out to one element per bin; stray values beyond are
 * clipped. Without a cutoff the quantile alone decides.
 */
import { usedBins, type Histogram } from '../histogram';
import { percentileThreshold } from './percentile';

/**
 * @param percentile the quantile, of 100
 * @param cutoff fraction of the maximum at which the tail begins, or null for the quantile method
 */
export function legacyThreshold(
  histogram: Histogram,
  absMax: number,
  percentile: number,
  cutoff: number | null,
): number {
  const quantile = Math.min(percentileThreshold(histogram, percentile), absMax);
  if (cutoff === null) return quantile;
  const tailStart = cutoff * absMax;
  const tailEnd = tailEndByRegression(histogram, tailStart);
  return tailEnd === null ? quantile : Math.min(Math.max(tailEnd, tailStart), absMax);
}

/** Where the fitted line reaches one element per bin; null if the tail has under three bins or does not fall. */
function tailEndByRegression(histogram: Histogram, tailStart: number): number | null {
  const { counts, binWidth } = histogram;
  const used = usedBins(histogram);
  let points = 0;
  let sumX = 0;
  let sumY = 0;
  let sumXX = 0;
  let sumXY = 0;
  for (let bin = Math.max(1, Math.floor(tailStart / binWidth)); bin < used; bin++) {
    const count = counts[bin] ?? 0;
    if (count === 0) continue;
    const x = (bin + 0.5) * binWidth;
    const y = Math.log(count);
    points++;
    sumX += x;
    sumY += y;
    sumXX += x * x;
    sumXY += x * y;
  }
  const variance = points * sumXX - sumX * sumX;
  if (points < 3 || variance <= 0) return null;
  const slope = (points * sumXY - sumX * sumY) / variance;
  if (slope >= 0) return null;
  const intercept = (sumY - slope * sumX) / points;
  return -intercept / slope;
}
