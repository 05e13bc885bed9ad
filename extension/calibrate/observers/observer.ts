/**
 * What calibration asks of the code that looks at every activation value.
 *
 * Two implementations give bit-identical results: `scalarObserver.ts` (TypeScript) and the native module (`native/observe/`,
 * SIMD), which the worker injects because this folder does not know the native module. Called by `observeTensors.ts` once
 * per tensor and sample.
 */

/** The range of a tensor's finite elements; min = Infinity, max = -Infinity and absMax = 0 when there is none. */
export interface ObservedRange {
  readonly min: number;
  readonly max: number;
  /** max(|min|, |max|) */
  readonly absMax: number;
  /** NaN and infinite elements. */
  readonly nonFinite: number;
}

export interface Observer {
  observeRange(values: Float32Array): ObservedRange;
  /**
   * Adds the absolute values to a histogram: bin i counts i ≤ |x| / binWidth < i + 1, the last bin also everything beyond
   * it; elements that are not finite are left out.
   * @param counts whole numbers, added to
   * @param binWidth a power of two, at least 2^-126: the division is then exact in float32
   * @returns the number of elements left out
   */
  accumulateHistogram(values: Float32Array, counts: Float64Array, binWidth: number): number;
}
