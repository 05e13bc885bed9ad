/**
 * Resize with a filter that widens on reduction (antialiasing), bit for bit as Pillow's `Image.resize`.
 *
 * Source of the algorithm: Pillow, `src/libImaging/Resample.c`: two passes, horizontal first; filter coefficients in
 * double precision, normalized, then as 22-bit fixed point for 8-bit pictures, whose first pass is rounded to 8 bits.
 * torchvision's Resize on PIL images calls it. Float pictures (after toTensor) take the same filter without rounding.
 */
import { blankPixels, stridesOf, type Pixels } from './pixels';

export type FilterName = 'bilinear' | 'bicubic';

/** 32 bits less 8 of the pixel less 2 for the overshoot of negative lobes. */
const precisionBits = 22;

interface Filter {
  /** Half of the filter's width at scale 1, in source pixels. */
  readonly support: number;
  weight(distance: number): number;
}

const filters: Record<FilterName, Filter> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight(distance) {
      const a = -0.5;
      const x = Math.abs(distance);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
      return 0;
    },
  },
};

/** Which source pixels make each target pixel, and with what weights. */
interface Coefficients {
  /** Weights per target pixel: `taps` of them, unused ones zero. */
  readonly weights: Float64Array;
  readonly fixed: Int32Array;
  readonly taps: number;
  /** First source pixel and number of source pixels, per target pixel. */
  readonly first: Int32Array;
  readonly count: Int32Array;
}

function computeCoefficients(source: number, target: number, filter: Filter): Coefficients {
  const scale = source / target;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const weights = new Float64Array(target * taps);
  const first = new Int32Array(target);
  const count = new Int32Array(target);
  for (let at = 0; at < target; at++) {
    const center = (at + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(source, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let tap = 0; tap < end - begin; tap++) {
      // Pillow multiplies by the reciprocal; dividing would differ in the last bit.
      const weight = filter.weight((tap + begin - center + 0.5) * (1 / filterScale));
      weights[at * taps + tap] = weight;
      sum += weight;
    }
    for (let tap = 0; sum !== 0 && tap < end - begin; tap++) weights[at * taps + tap]! /= sum;
    first[at] = begin;
    count[at] = end - begin;
  }
  const fixed = Int32Array.from(weights, (weight) =>
    Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * 2 ** precisionBits),
  );
  return { weights, fixed, taps, first, count };
}

/** The last few coefficient sets: data sets resize thousands of pictures of one size. */
const cache = new Map<string, Coefficients>();
const cacheSize = 64;

function coefficients(source: number, target: number, name: FilterName): Coefficients {
  const key = `${name} ${source} ${target}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const fresh = computeCoefficients(source, target, filters[name]);
  if (cache.size >= cacheSize) cache.delete(cache.keys().next().value!);
  cache.set(key, fresh);
  return fresh;
}

/** One pass along an axis: the same for rows and columns, by strides. */
interface Pass {
  /** Offset between neighbors along the resized axis, in source and target. */
  readonly sourceStep: number;
  readonly targetStep: number;
  readonly coefficients: Coefficients;
}

/** Resizes one line of 8-bit values. */
function filterBytes(source: Uint8Array, from: number, target: Uint8Array, to: number, pass: Pass): void {
  const { fixed, taps, first, count } = pass.coefficients;
  const half = 1 << (precisionBits - 1);
  for (let at = 0; at < first.length; at++) {
    let sum = half;
    let offset = from + first[at]! * pass.sourceStep;
    const base = at * taps;
    const end = base + count[at]!;
    for (let tap = base; tap < end; tap++) {
      sum += source[offset]! * fixed[tap]!;
      offset += pass.sourceStep;
    }
    const value = sum >> precisionBits;
    target[to + at * pass.targetStep] = value < 0 ? 0 : value > 255 ? 255 : value;
  }
}

/** Resizes one line of float values. */
function filterFloats(source: Float32Array, from: number, target: Float32Array, to: number, pass: Pass): void {
  const { weights, taps, first, count } = pass.coefficients;
  for (let at = 0; at < first.length; at++) {
    let sum = 0;
    let offset = from + first[at]! * pass.sourceStep;
    const base = at * taps;
    const end = base + count[at]!;
    for (let tap = base; tap < end; tap++) {
      sum += source[offset]! * weights[tap]!;
      offset += pass.sourceStep;
    }
    target[to + at * pass.targetStep] = sum;
  }
}

function resizeAxis(pixels: Pixels, axis: 'row' | 'column', size: number, filter: FilterName): Pixels {
  const vertical = axis === 'row';
  const target = vertical ? blankPixels(pixels, size, pixels.width) : blankPixels(pixels, pixels.height, size);
  const from = stridesOf(pixels);
  const to = stridesOf(target);
  const across = vertical ? 'column' : 'row';
  const pass: Pass = {
    sourceStep: from[axis],
    targetStep: to[axis],
    coefficients: coefficients(vertical ? pixels.height : pixels.width, size, filter),
  };
  const lines = vertical ? pixels.width : pixels.height;
  for (let channel = 0; channel < pixels.channels; channel++) {
    for (let line = 0; line < lines; line++) {
      const source = channel * from.channel + line * from[across];
      const goal = channel * to.channel + line * to[across];
      if (pixels.data instanceof Uint8Array) {
        filterBytes(pixels.data, source, target.data as Uint8Array, goal, pass);
      } else {
        filterFloats(pixels.data, source, target.data as Float32Array, goal, pass);
      }
    }
  }
  return target;
}

/** Resizes to `height` × `width`; an axis that keeps its size is left untouched, as in Pillow. */
export function resizeFiltered(pixels: Pixels, height: number, width: number, filter: FilterName): Pixels {
  let result = pixels;
  if (result.width !== width) result = resizeAxis(result, 'column', width, filter);
  if (result.height !== height) result = resizeAxis(result, 'row', height, filter);
  return result;
}
