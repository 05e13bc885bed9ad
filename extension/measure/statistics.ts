/**
 * Descriptive statistics of timings, and the question that a benchmark is run for: is one variant faster than another?
 *
 * Fed by `measureInterleaved.ts`. Accuracy has its own statistics in `compare/statistics.ts`.
 */

/** Arithmetic mean. @throws RangeError for no values */
export function mean(values: readonly number[]): number {
  requireValues(values);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Quantile with linear interpolation between order statistics: type 7 of Hyndman and Fan, "Sample quantiles in statistical
 * packages" (1996), the default of NumPy and R.
 * @param sorted ascending
 * @param q 0–1
 * @throws RangeError for no values
 */
export function quantile(sorted: readonly number[], q: number): number {
  requireValues(sorted);
  const position = q * (sorted.length - 1);
  const lower = Math.floor(position);
  const below = sorted[lower] ?? Number.NaN;
  const above = sorted[Math.min(lower + 1, sorted.length - 1)] ?? Number.NaN;
  return below + (position - lower) * (above - below);
}

export function median(values: readonly number[]): number {
  return quantile(ascending(values), 0.5);
}

/** Coefficient of variation: sample standard deviation (n − 1) over mean; 0 for a single value. */
export function coefficientOfVariation(values: readonly number[]): number {
  const center = mean(values);
  if (values.length === 1) return 0;
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1)) / center;
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

export interface RatioInterval {
  /** Median of the paired ratios candidate / baseline: below 1 the candidate is faster. */
  readonly ratio: number;
  /** Confidence interval of that median; null where there are too few pairs for one. */
  readonly low: number | null;
  readonly high: number | null;
}

export type SpeedVerdict = 'faster' | 'same' | 'slower';

/**
 * Compares two series that were measured in turns, pair by pair, so that a change of the machine's state (clock, other
 * programs) hits both sides of a pair and cancels in the ratio.
 *
 * The interval is the distribution-free one for a median that inverts the sign test (Conover, "Practical Nonparametric
 * Statistics", 3rd ed., section 3.2): order statistics k and n + 1 − k of the ratios, with the largest k whose binomial tail
 * P(X < k | n, 1/2) is at most (1 − confidence) / 2. Exact, without random numbers, and a few disturbed rounds do not move
 * it. It exists from 6 pairs on at 95 %.
 *
 * @param candidate,baseline the same unit, all positive, of the same length
 * @throws RangeError when the lengths differ or are zero
 */
export function pairedRatio(
  candidate: readonly number[],
  baseline: readonly number[],
  confidence = 0.95,
): RatioInterval {
  if (candidate.length !== baseline.length) throw new RangeError('Paired series must be of the same length.');
  const ratios = ascending(candidate.map((value, i) => value / (baseline[i] ?? Number.NaN)));
  const ratio = quantile(ratios, 0.5);
  const k = signTestRank(ratios.length, (1 - confidence) / 2);
  return k === 0
    ? { ratio, low: null, high: null }
    : { ratio, low: ratios[k - 1] ?? null, high: ratios[ratios.length - k] ?? null };
}

/**
 * Null without an interval; otherwise `same` unless the whole interval lies on one side of 1 and the ratio is off by more than `smallest`: with many rounds a
 * difference of no practical use becomes significant, too.
 */
export function speedVerdict({ ratio, low, high }: RatioInterval, smallest = 0.01): SpeedVerdict | null {
  if (low === null || high === null) return null;
  if (Math.abs(ratio - 1) <= smallest) return 'same';
  if (high < 1) return 'faster';
  return low > 1 ? 'slower' : 'same';
}

/** Largest k with P(Binomial(n, 1/2) < k) ≤ tail; 0 when there is none. */
function signTestRank(n: number, tail: number): number {
  let probability = 2 ** -n;
  let cumulative = probability;
  let k = 0;
  while (cumulative <= tail && k < n) {
    k++;
    probability *= (n - k + 1) / k;
    cumulative += probability;
  }
  return k;
}

function requireValues(values: readonly number[]): void {
  if (values.length === 0) throw new RangeError('Statistics of no values.');
}
