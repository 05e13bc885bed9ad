/**
 * Percentile calibration: the magnitude below which the given share of all elements lies.
 *
 * The percentile counts every element, zeros included, as pytorch-quantization and ONNX Runtime do. Within the bin that
 * the percentile falls into, values are taken to be evenly spread.
 */
import { totalCount, type Histogram } from '../histogram';

/** @param percentile of 100; 99.99 by default in the plan */
export function percentileThreshold(histogram: Histogram, percentile: number): number {
  const { counts, binWidth } = histogram;
  const target = (totalCount(histogram) * percentile) / 100;
  let below = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin] ?? 0;
    if (count > 0 && below + count >= target) return (bin + (target - below) / count) * binWidth;
    below += count;
  }
  return 0;
}
