/**
 * A few samples that stand for many: for measurements after the calibration pass that need no more than an average.
 */

/** `count` of the indices, evenly spread over them in ascending order, so that the order asked for does not matter. */
export function spreadSamples(indices: readonly number[], count: number): number[] {
  const ascending = [...indices].sort((a, b) => a - b);
  if (ascending.length <= count) return ascending;
  return Array.from({ length: count }, (_, step) => ascending[Math.floor((step * ascending.length) / count)] ?? 0);
}
