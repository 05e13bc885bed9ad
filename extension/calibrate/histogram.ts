/**
 * Histograms of absolute values that do not depend on the order in which values arrive.
 *
 * Bin i counts the finite elements with i ≤ |x| / binWidth < i + 1. The width is always a power of two, the smallest one
 * whose 4096 bins hold the largest magnitude seen. When a larger value arrives, pairs of bins are merged until it fits;
 * since the edges of the wide bins are edges of the narrow ones, nothing is lost or redistributed. The final histogram is
 * therefore a function of the multiset of values alone: batch size and sample order cannot change a single count, and no
 * earlier pass has to find the range first. (TensorRT's calibrator also widens by powers of two, but from the first
 * batch's maximum, which is why its scales move with the batches; ALGORITHMS.md §3.) Between 2049 and 4096 bins are in
 * use, at least the 2048 of the GTC-2017 calibrator.
 *
 * Filled by `observers/` during `observeTensors.ts`; read by `algorithms/`.
 */

export const binCount = 4096;
const binCountExponent = 12;
/** Below this width |x| / width would overflow the float32 arithmetic of the observers. */
const smallestWidthExponent = -126;

export interface Histogram {
  /** A power of two. */
  readonly binWidth: number;
  /** `binCount` counts; whole numbers, exact up to 2^53. */
  readonly counts: Float64Array;
}

/** A histogram being filled. */
export interface GrowingHistogram {
  binWidth: number;
  readonly counts: Float64Array;
}

/** The width whose `binCount` bins just hold magnitudes up to and including `absMax` (finite, not negative). */
export function binWidthFor(absMax: number): number {
  return 2 ** Math.max(exponentOf(absMax) + 1 - binCountExponent, smallestWidthExponent);
}

/** floor(log2(x)) for x > 0, without the rounding of Math.log2; a number below every other for 0. */
function exponentOf(x: number): number {
  if (x === 0) return -Infinity;
  const exponent = Math.floor(Math.log2(x));
  if (2 ** exponent > x) return exponent - 1;
  return 2 ** (exponent + 1) <= x ? exponent + 1 : exponent;
}

export function newHistogram(): GrowingHistogram {
  return { binWidth: binWidthFor(0), counts: new Float64Array(binCount) };
}

/** Widens the bins, if need be, until `absMax` falls into one of them. */
export function widen(histogram: GrowingHistogram, absMax: number): void {
  const width = binWidthFor(absMax);
  if (width <= histogram.binWidth) return;
  const factor = width / histogram.binWidth;
  const { counts } = histogram;
  // In place: the target index never passes the source index.
  for (let bin = 0; bin < binCount; bin++) {
    const count = counts[bin] ?? 0;
    if (count === 0) continue;
    const target = Math.floor(bin / factor);
    if (target === bin) continue;
    counts[bin] = 0;
    counts[target] = (counts[target] ?? 0) + count;
  }
  histogram.binWidth = width;
}

/** Number of bins up to and including the last one that is not empty; 0 for an empty histogram. */
export function usedBins({ counts }: Histogram): number {
  let used = counts.length;
  while (used > 0 && counts[used - 1] === 0) used--;
  return used;
}

/** Number of elements counted. */
export function totalCount({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
