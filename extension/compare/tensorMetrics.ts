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

/** Sums over some elements; plain fields, because the loop over them is the hot one. */
class Sums {
  signal = 0;
  noise = 0;
  product = 0;
  testPower = 0;
  absError = 0;
  maxAbs = 0;
  maxRel = 0;
  compared = 0;
  nonFinite = 0;
  broken = 0;

  add(other: Sums): void {
    this.signal += other.signal;
    this.noise += other.noise;
    this.product += other.product;
    this.testPower += other.testPower;
    this.absError += other.absError;
    this.maxAbs = Math.max(this.maxAbs, other.maxAbs);
    this.maxRel = Math.max(this.maxRel, other.maxRel);
    this.compared += other.compared;
    this.nonFinite += other.nonFinite;
    this.broken += other.broken;
  }
}

function largestMagnitude(values: Elements, start: number, end: number): number {
  let largest = 0;
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(values[i] as number);
    if (magnitude > largest && magnitude !== Infinity) largest = magnitude;
  }
  return largest;
}

function sumRange(reference: Elements, test: Elements, start: number, end: number): Sums {
  const sums = new Sums();
  const floor = relativeErrorFloor * largestMagnitude(reference, start, end);
  for (let i = start; i < end; i++) {
    const r = reference[i] as number;
    const t = test[i] as number;
    if (!Number.isFinite(t)) {
      sums.nonFinite++;
      if (Number.isFinite(r)) sums.broken++;
      continue;
    }
    if (!Number.isFinite(r)) continue;
    const error = Math.abs(r - t);
    sums.signal += r * r;
    sums.testPower += t * t;
    sums.product += r * t;
    sums.noise += error * error;
    sums.absError += error;
    if (error > sums.maxAbs) sums.maxAbs = error;
    if (Math.abs(r) > floor && error / Math.abs(r) > sums.maxRel) sums.maxRel = error / Math.abs(r);
    sums.compared++;
  }
  return sums;
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
  private readonly total = new Sums();
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
      this.total.add(sumRange(expected, actual, 0, expected.length));
      return null;
    }
    const distances: SampleDistance[] = [];
    for (let row = 0; row < layout.valid; row++) {
      const sums = sumRange(expected, actual, row * length, (row + 1) * length);
      this.total.add(sums);
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
