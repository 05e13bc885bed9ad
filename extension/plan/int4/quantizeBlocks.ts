/**
 * A matrix in INT4: a scale for each block of a column, and the rounded values.
 *
 * Round to nearest with a clipping search. The usual scale lets the largest weight of a block be the largest integer (absmax / 7);
 * with 16 levels it pays to clip that one weight and to round the others more finely. Searched per block: shrunken copies of the usual
 * scale as AWQ's clip search tries them (Lin et al. 2023, `auto_clip`: down to half), judged by the squared error of the weights
 * themselves, since no data is needed then; the best is refined by the scale of least squares for its integers, Σwq / Σq² (OMSE,
 * Choukroun et al. 2019). Measured gain: docs/measurements/precision-notes.md. The result depends on the weights alone.
 */
import { fromFloat16, toFloat16 } from '../../model/float16';
import { fp16Max } from '../precisionRules';

/** What 4 bits hold in two's complement. */
const smallest = -8;
const largest = 7;

/** Shrink factors of the usual scale, the usual one first; a later one has to be better. */
const shrinkFactors: readonly number[] = Array.from({ length: 17 }, (_, step) => 1 - step / 32);
const refinements = 2;

/** Scales are stored in FP16: its smallest positive number, and the largest that keeps −8 · scale finite. */
const smallestScale = 2 ** -24;
const largestScale = fp16Max / 8;

export interface BlockShape {
  /** Matrices one behind the other. */
  readonly matrices: number;
  /** Rows of each, the axis that is cut into blocks: K of a product x·W. */
  readonly rows: number;
  readonly columns: number;
  /** Rows of a block; a divisor of `rows`. */
  readonly block: number;
}

export interface QuantizedBlocks {
  /** From −8 to 7, in the order of the weights. */
  readonly values: Int8Array;
  /** FP16 numbers above zero, `matrices` × `rows / block` × `columns`. A block of zeros has scale 1. */
  readonly scales: Float32Array;
}

/** How a block's scale is found: `search`, or `absmax` for absmax / 7, the yardstick of the tests and measurements. */
export type ScaleChoice = 'search' | 'absmax';

/** @param weights finite, row-major: `matrices` × `rows` × `columns` */
export function quantizeBlocks(
  weights: Float32Array,
  { matrices, rows, columns, block }: BlockShape,
  choice: ScaleChoice = 'search',
): QuantizedBlocks {
  const values = new Int8Array(weights.length);
  const scales = new Float32Array((matrices * rows * columns) / block);
  const column = new Float64Array(block);
  for (let first = 0, number = 0; first < weights.length; first += block * columns) {
    for (let start = first; start < first + columns; start++, number++) {
      for (let i = 0, at = start; i < block; i++, at += columns) column[i] = weights[at]!;
      const scale = blockScale(column, choice);
      scales[number] = scale;
      for (let i = 0, at = start; i < block; i++, at += columns) values[at] = rounded(column[i]! / scale);
    }
  }
  return { values, scales };
}

function blockScale(weights: Float64Array, choice: ScaleChoice): number {
  let magnitude = 0;
  for (let i = 0; i < weights.length; i++) magnitude = Math.max(magnitude, Math.abs(weights[i]!));
  if (magnitude === 0) return 1;
  const usual = magnitude / largest;
  if (choice === 'absmax') return storedScale(usual);
  let best = 0;
  let least = Infinity;
  const judge = (exact: number): void => {
    const scale = storedScale(exact);
    const error = squaredError(weights, scale);
    if (error >= least) return;
    best = scale;
    least = error;
  };
  for (const factor of shrinkFactors) judge(usual * factor);
  for (let i = 0; i < refinements; i++) judge(leastSquaresScale(weights, best));
  return best;
}

/** The FP16 number that the file will hold. */
function storedScale(scale: number): number {
  return fromFloat16(toFloat16(Math.min(Math.max(scale, smallestScale), largestScale)));
}

function squaredError(weights: Float64Array, scale: number): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const error = weights[i]! - rounded(weights[i]! / scale) * scale;
    sum += error * error;
  }
  return sum;
}

/** The scale that suits the integers best which a scale gives. */
function leastSquaresScale(weights: Float64Array, scale: number): number {
  let product = 0;
  let square = 0;
  for (let i = 0; i < weights.length; i++) {
    const value = rounded(weights[i]! / scale);
    product += weights[i]! * value;
    square += value * value;
  }
  return square === 0 ? scale : product / square;
}

/** To the nearest, ties to even, within 4 bits. */
function rounded(divided: number): number {
  const whole = divided + noFraction - noFraction;
  return whole > largest ? largest : whole < smallest ? smallest : whole;
}

/** Doubles of this size have no bits for a fraction: adding it rounds, ties to even, and taking it off again keeps that. */
const noFraction = 1.5 * 2 ** 52;
