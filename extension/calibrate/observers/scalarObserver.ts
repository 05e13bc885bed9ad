/**
 * The observers in TypeScript: the reference for the native ones, and their stand-in where the native module is missing.
 *
 * Used by `observeTensors.ts`; see `observer.ts` for the contract.
 */
import type { Observer, ObservedRange } from './observer';

// Indexed loops: iterating a typed array with for…of is three times slower.

function observeRange(values: Float32Array): ObservedRange {
  let min = Infinity;
  let max = -Infinity;
  let nonFinite = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    // x - x is 0 for a finite x and NaN otherwise.
    if (value - value !== 0) nonFinite++;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return { min, max, absMax: nonFinite === values.length ? 0 : Math.max(Math.abs(min), Math.abs(max)), nonFinite };
}

function accumulateHistogram(values: Float32Array, counts: Float64Array, binWidth: number): number {
  const inverseWidth = 1 / binWidth;
  const lastBin = counts.length - 1;
  let leftOut = 0;
  for (let index = 0; index < values.length; index++) {
    const position = Math.abs(values[index] as number) * inverseWidth;
    if (position < lastBin) counts[position | 0]!++;
    else if (position < Infinity) counts[lastBin]!++;
    else leftOut++;
  }
  return leftOut;
}

export const scalarObserver: Observer = { observeRange, accumulateHistogram };
