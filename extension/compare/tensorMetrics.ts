/**
 * How far an output of a variant lies from that of fp32: one accumulator per output, fed batch by batch.
 *
 * Comes after inference of both on the same batch; `comparison.ts` owns the accumulators. Holds sums only, never outputs.
 * Definitions follow ALGORITHMS §5, r being the fp32 element and t the variant's:
 *
 * - SQNR = 10·log₁₀(Σr² / Σ(r−t)²) dB over all samples; cosine = Σrt / √(Σr²·Σt²)
 * - max and mean |r−t|; max |r−t|/|r| where |r| > 0.001·max|r| of the sample, so that noise around zero does not count
 * - NaN and infinite elements of t are counted; an element that is not finite on either side enters no sum.
 */
import type { OutputAccuracy } from '../contract/report';
import { elementCount, type Tensor } from '../contract/tensor';
import { elementValues, type Elements } from './elementValues';

/** Elements below this share of the sample's largest magnitude take no part in the relative error. */
const relativeErrorFloor = 1e-3;

/** How the rows of a batch are laid out. */
export interface BatchLayout {
  /** Rows fed to the model, padding included. */
  readonly rows: number;
  /** Rows that are real samples; they come first. */
  readonly valid: number;
}

/** The distance of one sample: `sqnrDb` null when identical or undefined, see `identical`. */
export interface SampleDistance {
  readonly sqnrDb: number | null;
  readonly identical: boolean;
  /** NaN and infinite elements in the variant's output that fp32 does not have. */
  readonly broken: number;
}

/** Sums over some elements of an output. */
interface Sums {
  readonly signal: number;
  readonly noise: number;
  readonly product: number;
  readonly testPower: number;
  readonly absError: number;
  readonly maxAbs: number;
  readonly maxRel: number;
  /** Elements that are finite on both sides. */
  readonly compared: number;
  readonly nonFinite: number;
  /** Elements that are finite in fp32 only. */
  readonly broken: number;
}

const nothing: Sums = {
  signal: 0,
  noise: 0,
  product: 0,
  testPower: 0,
  absError: 0,
  maxAbs: 0,
  maxRel: 0,
  compared: 0,
  nonFinite: 0,
  broken: 0,
};

function sumBoth(a: Sums, b: Sums): Sums {
  return {
    signal: a.signal + b.signal,
    noise: a.noise + b.noise,
    product: a.product + b.product,
    testPower: a.testPower + b.testPower,
    absError: a.absError + b.absError,
    maxAbs: Math.max(a.maxAbs, b.maxAbs),
    maxRel: Math.max(a.maxRel, b.maxRel),
    compared: a.compared + b.compared,
    nonFinite: a.nonFinite + b.nonFinite,
    broken: a.broken + b.broken,
  };
}

function largestMagnitude(values: Elements, start: number, end: number): number {
  let largest = 0;
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(values[i] as number);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

/**
 * Sums over elements that are all finite; otherwise `noise` is not finite either. This is the hot loop, a text recognizer
 * has a million elements a sample: any test for finiteness in it makes it five times slower in V8.
 */
function sumFinite(reference: Elements, test: Elements, start: number, end: number): Sums {
  const floor = relativeErrorFloor * largestMagnitude(reference, start, end);
  let [signal, noise, product, testPower, absError] = [0, 0, 0, 0, 0];
  let [maxAbs, maxRel] = [0, 0];
  for (let i = start; i < end; i++) {
    const r = reference[i] as number;
    const t = test[i] as number;
    const error = Math.abs(r - t);
    const magnitude = Math.abs(r);
    signal += r * r;
    testPower += t * t;
    product += r * t;
    noise += error * error;
    absError += error;
    if (error > maxAbs) maxAbs = error;
    if (magnitude > floor && error > maxRel * magnitude) maxRel = error / magnitude;
  }
  return { ...nothing, signal, noise, product, testPower, absError, maxAbs, maxRel, compared: end - start };
}

/** Sums over the elements finite on both sides, and the number of those that are not. */
function sumRange(reference: Elements, test: Elements, start: number, end: number): Sums {
  const sums = sumFinite(reference, test, start, end);
  if (Number.isFinite(sums.noise)) return sums;
  const finite = { reference: new Float64Array(end - start), test: new Float64Array(end - start), length: 0 };
  let nonFinite = 0;
  let broken = 0;
  for (let i = start; i < end; i++) {
    const r = reference[i] as number;
    const t = test[i] as number;
    if (!Number.isFinite(t)) nonFinite++;
    if (!Number.isFinite(t) && Number.isFinite(r)) broken++;
    if (!Number.isFinite(t) || !Number.isFinite(r)) continue;
    finite.reference[finite.length] = r;
    finite.test[finite.length] = t;
    finite.length++;
  }
  return { ...sumFinite(finite.reference, finite.test, 0, finite.length), nonFinite, broken };
}

/** Null where the ratio is infinite (no noise) or zero (no signal): neither is a number of decibels. */
function decibels(signal: number, noise: number): number | null {
  return signal > 0 && noise > 0 ? 10 * Math.log10(signal / noise) : null;
}

function cosine(sums: Sums): number | null {
  if (sums.noise === 0) return sums.compared > 0 ? 1 : null;
  const norms = Math.sqrt(sums.signal) * Math.sqrt(sums.testPower);
  return norms > 0 ? Math.max(-1, Math.min(1, sums.product / norms)) : null;
}

/** Does the first axis of the tensor count the rows of the batch? With one row, the whole tensor is that row. */
export function rowLength(dims: readonly number[], rows: number): number | null {
  const count = elementCount(dims);
  if (rows === 1) return count;
  return dims.length > 0 && dims[0] === rows ? count / rows : null;
}

export class TensorMetrics {
  private total = nothing;
  private comparable = true;

  /**
   * @param name the graph output
   */
  constructor(readonly name: string) {}

  /**
   * Takes one batch of this output.
   * @returns the distance of each valid sample, or null where the output has no batch axis or cannot be compared. Two
   *   outputs of different sizes (a data-dependent number of detections) cannot be, and make all metrics null.
   */
  add(reference: Tensor, test: Tensor, layout: BatchLayout): SampleDistance[] | null {
    const expected = elementValues(reference);
    const actual = elementValues(test);
    if (expected === null || actual === null || expected.length !== actual.length) {
      this.comparable = false;
      return null;
    }
    const length = rowLength(reference.dims, layout.rows);
    if (length === null) {
      this.total = sumBoth(this.total, sumRange(expected, actual, 0, expected.length));
      return null;
    }
    const distances: SampleDistance[] = [];
    for (let row = 0; row < layout.valid; row++) {
      const sums = sumRange(expected, actual, row * length, (row + 1) * length);
      this.total = sumBoth(this.total, sums);
      distances.push({
        sqnrDb: decibels(sums.signal, sums.noise),
        identical: sums.noise === 0 && sums.broken === 0,
        broken: sums.broken,
      });
    }
    return distances;
  }

  finish(): OutputAccuracy {
    const { total } = this;
    const compared = this.comparable && total.compared > 0;
    return {
      name: this.name,
      sqnrDb: compared ? decibels(total.signal, total.noise) : null,
      cosine: compared ? cosine(total) : null,
      maxAbs: compared ? total.maxAbs : null,
      meanAbs: compared ? total.absError / total.compared : null,
      maxRel: compared ? total.maxRel : null,
      nonFinite: total.nonFinite,
    };
  }
}
