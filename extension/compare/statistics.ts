/**
 * The interval and test statistics behind every accuracy statement of a report.
 *
 * Comes after counting (`taskMetrics.ts`), before judging (`verdict.ts`). Pure functions over counts.
 */

/** A two-sided 95 % interval of a share or of a difference of shares. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The 97.5 % quantile of the standard normal distribution. */
const z95 = 1.959963984540054;

/**
 * Wilson score interval of a binomial share, without continuity correction.
 *
 * Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927); method 3
 * in R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998).
 *
 * @param successes 0…trials
 * @param trials at least 1
 * @returns null without trials
 */
export function wilsonInterval(successes: number, trials: number): Interval | null {
  if (trials === 0) return null;
  const share = successes / trials;
  const z2 = z95 * z95;
  const center = share + z2 / (2 * trials);
  const margin = z95 * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials * trials));
  const scale = 1 + z2 / trials;
  // At 0 and at `trials` the bound is exactly 0 or 1; rounding must not push it off.
  return {
    low: successes === 0 ? 0 : (center - margin) / scale,
    high: successes === trials ? 1 : (center + margin) / scale,
  };
}

/**
 * Two-sided exact McNemar test: could `lost` and `gained` be two halves of a fair coin?
 *
 * p = min(1, 2·P(X ≤ min(lost, gained))), X ~ Binomial(lost + gained, ½). Without discordant pairs p is 1.
 * Source: Q. McNemar, Psychometrika 12 (1947), in its exact conditional form; M. W. Fagerland et al., BMC Medical Research
 * Methodology 13:91 (2013).
 *
 * @param lost pairs right before and wrong after
 * @param gained pairs wrong before and right after
 */
export function mcnemarExact(lost: number, gained: number): number {
  const trials = lost + gained;
  const tail = Math.min(lost, gained);
  // Sums C(n, k)/2ⁿ from the largest term down, relative to it: 2ⁿ alone overflows beyond n = 1023.
  let logTerm = -trials * Math.LN2;
  for (let k = 1; k <= tail; k++) logTerm += Math.log((trials - k + 1) / k);
  let sum = 0;
  let relative = 1;
  for (let k = tail; k >= 0 && relative > 1e-18; k--) {
    sum += relative;
    relative *= k / (trials - k + 1);
  }
  return Math.min(1, 2 * sum * Math.exp(logTerm));
}

/**
 * 95 % interval of the loss (lost − gained) / pairs between two classifiers on the same samples.
 *
 * The adjusted Wald interval for matched pairs, half a pair added to each of the four cells, which keeps it honest where
 * few or no answers differ. Source: A. Agresti and Y. Min, "Simple improved confidence intervals for comparing matched
 * proportions", Statistics in Medicine 24 (2005).
 *
 * @returns null without pairs
 */
export function pairedLossInterval(lost: number, gained: number, pairs: number): Interval | null {
  if (pairs === 0) return null;
  const n = pairs + 2;
  const loss = (lost - gained) / n;
  const variance = (lost + gained + 1 - (lost - gained) ** 2 / n) / (n * n);
  const margin = z95 * Math.sqrt(variance);
  return { low: Math.max(-1, loss - margin), high: Math.min(1, loss + margin) };
}
