/**
 * Entropy calibration: the threshold whose quantized distribution is closest to the original in Kullback-Leibler divergence.
 *
 * Source: S. Migacz, "8-bit Inference with TensorRT", GTC 2017, and TensorRT's IInt8EntropyCalibrator2, whose published caches
 * follow T = (m + 0.5) · binWidth to 1e-6 (ALGORITHMS.md §3). The bin with the zeros takes no part: the zeros of
 * a ReLU would otherwise decide alone. What the divergence is blind to, a spike of one frequent value, is judged
 * afterwards in `chooseThreshold.ts`.
 */

/** Levels that the quantized distribution can tell apart, and so the fewest bins a threshold can span: 2 to this power. */
const levelBits = 7;
const quantizedLevels = 2 ** levelBits;
/** Divergences this close are equal: the rest is rounding. */
const equalDivergence = 1e-12;
/** Every so many spans one is tried to begin with: the smallest of them rules most others out. */
const trialStride = 32;
/** Spans of up to so many bins are looked at one by one, of up to twice as many two at a time, and so on. */
const binsPerSpan = 1024;
/** How far rounding, or `equalDivergence`, can carry a divergence that must not be ruled out; safely more than either. */
const boundSlack = 1e-9;

/**
 * @param counts counts of |x| in equal bins, from 0 up
 * @param binWidth width of a bin
 * @returns the threshold; (bins + 0.5) · binWidth when there are not more bins than levels
 */
export function entropyThreshold(counts: Float64Array, binWidth: number): number {
  let used = counts.length;
  while (used > 0 && counts[used - 1] === 0) used--;
  const sums = prefixSums(counts.subarray(0, used));
  let limit = Infinity;
  for (let span = quantizedLevels; span <= used; span += trialStride) limit = Math.min(limit, divergenceAt(span, sums));
  let bestSpan = used;
  let bestDivergence = Infinity;
  for (const span of spansWithin(limit, used, sums)) {
    const divergence = divergenceAt(span, sums);
    // The last of equal spans, as TensorRT and pytorch-quantization take it: clip less when nothing is gained by clipping.
    if (divergence <= bestDivergence + equalDivergence) {
      bestDivergence = Math.min(divergence, bestDivergence);
      bestSpan = span;
    }
  }
  return (bestSpan + 0.5) * binWidth;
}

interface PrefixSums {
  /** [i]: number of elements in bins 1 … i−1. */
  readonly count: Float64Array;
  /** [i]: number of bins among 1 … i−1 that are not empty. */
  readonly occupied: Float64Array;
  /** [i]: Σ n·ln n over bins 1 … i−1. */
  readonly countLog: Float64Array;
}

function prefixSums(counts: Float64Array): PrefixSums {
  const length = counts.length + 1;
  const sums = {
    count: new Float64Array(length),
    occupied: new Float64Array(length),
    countLog: new Float64Array(length),
  };
  for (let bin = 0; bin < counts.length; bin++) {
    const count = bin === 0 ? 0 : (counts[bin] ?? 0);
    sums.count[bin + 1] = (sums.count[bin] ?? 0) + count;
    sums.occupied[bin + 1] = (sums.occupied[bin] ?? 0) + (count > 0 ? 1 : 0);
    sums.countLog[bin + 1] = (sums.countLog[bin] ?? 0) + (count > 0 ? count * Math.log(count) : 0);
  }
  return sums;
}

/** The first bin of a level. */
function levelStart(level: number, span: number): number {
  return (level * span) >> levelBits;
}

/**
 * KL(P‖Q) for the first `span` bins. P is the reference, the elements beyond counted into its last bin; Q is the same
 * without those, merged to 128 levels and each level spread evenly over its bins that are not empty. Since Q is constant over
 * the occupied bins of a level, the sum over bins collapses to one over levels, which prefix sums give in 128 steps.
 */
function divergenceAt(span: number, { count, occupied, countLog }: PrefixSums): number {
  const total = count[count.length - 1] ?? 0;
  const inside = count[span] ?? 0;
  if (total === 0 || inside === 0) return Infinity;
  const last = inside - (count[span - 1] ?? 0);
  const outliers = total - inside;
  // Outliers in a last bin that Q leaves empty would be infinitely improbable, and a lone one would keep the whole range.
  // Q is granted one element there.
  const strayOutliers = last === 0 ? outliers : 0;
  let crossEntropy = strayOutliers * Math.log(inside);
  for (let level = 0; level < quantizedLevels; level++) {
    const from = levelStart(level, span);
    const to = levelStart(level + 1, span);
    const merged = (count[to] ?? 0) - (count[from] ?? 0);
    if (merged === 0) continue;
    const spread = merged / ((occupied[to] ?? 0) - (occupied[from] ?? 0));
    const reference = merged + (to === span ? outliers - strayOutliers : 0);
    crossEntropy -= reference * Math.log(spread / inside);
  }
  const lastWithOutliers = last + outliers;
  const selfEntropy =
    (countLog[span - 1] ?? 0) + (lastWithOutliers > 0 ? lastWithOutliers * Math.log(lastWithOutliers) : 0);
  return (selfEntropy - total * Math.log(total) + crossEntropy) / total;
}

/** The spans up to `used` whose divergence is not above a limit, and few others, in ascending order. */
function spansWithin(limit: number, used: number, sums: PrefixSums): number[] {
  const found: number[] = [];
  const search = (first: number, last: number): void => {
    if (exceed(first, last, limit, sums)) return;
    if (first === last) {
      found.push(first);
      return;
    }
    const middle = (first + last) >> 1;
    search(first, middle);
    search(middle + 1, last);
  };
  for (let first = quantizedLevels; first <= used;) {
    const last = Math.min(first + Math.floor(first / binsPerSpan), used);
    search(first, last);
    first = last + 1;
  }
  return found;
}

/**
 * Whether the divergences of all spans from `first` to `last` are above a limit, mostly without computing them. A level without
 * outliers contributes Σ n·ln n − N·ln(N / bins) ≥ 0 (log sum inequality), and some of its bins no more than all of them. So the
 * sum over some of the levels, of each the bins that it has in every one of the spans, is a lower bound; for most spans the first
 * few levels, where distributions are steep, suffice.
 */
function exceed(first: number, last: number, limit: number, sums: PrefixSums): boolean {
  if (limit === Infinity) return false;
  const { count, occupied, countLog } = sums;
  const total = count[count.length - 1]!;
  const most = (limit + boundSlack) * total + total * Math.log(total);
  let sum = Infinity;
  for (let span = first; span <= last; span++) sum = Math.min(sum, shareOfLastLevel(span, total, sums));
  for (let level = 0; level < quantizedLevels - 1 && sum <= most; level++) {
    const begin = levelStart(level, last);
    const end = levelStart(level + 1, first);
    if (begin >= end) continue;
    const elements = count[end]! - count[begin]!;
    if (elements === 0) continue;
    sum += countLog[end]! - countLog[begin]! - elements * Math.log(elements / (occupied[end]! - occupied[begin]!));
  }
  return sum > most;
}

/** What the last level adds to a divergence, as it is, and what the others have in common. */
function shareOfLastLevel(span: number, total: number, { count, occupied, countLog }: PrefixSums): number {
  const inside = count[span]!;
  if (inside === 0) return Infinity;
  const last = inside - count[span - 1]!;
  const outliers = total - inside;
  const strayOutliers = last === 0 ? outliers : 0;
  const from = levelStart(quantizedLevels - 1, span);
  const merged = inside - count[from]!;
  const lastWithOutliers = last + outliers;
  let share = total * Math.log(inside) + countLog[span - 1]! - countLog[from]!;
  if (lastWithOutliers > 0) share += lastWithOutliers * Math.log(lastWithOutliers);
  if (merged > 0) {
    const spread = merged / (occupied[span]! - occupied[from]!);
    share -= (merged + outliers - strayOutliers) * Math.log(spread);
  }
  return share;
}
