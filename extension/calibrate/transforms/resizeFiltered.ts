/**
 * Resize with a filter that widens on reduction (antialiasing), bit for bit as Pillow's `Image.resize`.
 *
 * Source of the algorithm: Pillow 3.3 to 12, `src/libImaging/Resample.c`: two passes, horizontal first (Pillow 13 takes
 * the vertical one first where the height shrinks much more: up to one level apart, bilinear); filter coefficients in
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

const clamp = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : value);

/** Resizes the rows: every target pixel is a weighted sum of its neighbors on the line. */
function resizeColumns(pixels: Pixels, width: number, filter: FilterName): Pixels {
  const target = blankPixels(pixels, pixels.height, width);
  const from = stridesOf(pixels);
  const to = stridesOf(target);
  const { weights, fixed, taps, first, count } = coefficients(pixels.width, width, filter);
  const bytes = pixels.data instanceof Uint8Array;
  const factors = bytes ? fixed : weights;
  const start = bytes ? 1 << (precisionBits - 1) : 0;
  const { data } = pixels;
  for (let channel = 0; channel < pixels.channels; channel++) {
    for (let row = 0; row < pixels.height; row++) {
      const source = channel * from.channel + row * from.row;
      const goal = channel * to.channel + row * to.row;
      for (let column = 0; column < width; column++) {
        let sum = start;
        let offset = source + first[column]! * from.column;
        const end = column * taps + count[column]!;
        for (let tap = column * taps; tap < end; tap++) {
          sum += data[offset]! * factors[tap]!;
          offset += from.column;
        }
        target.data[goal + column * to.column] = bytes ? clamp(sum >> precisionBits) : sum;
      }
    }
  }
  return target;
}

/** Resizes the columns: whole rows are added up, so that memory is read in its order. */
function resizeRows(pixels: Pixels, height: number, filter: FilterName): Pixels {
  const target = blankPixels(pixels, height, pixels.width);
  const { weights, fixed, taps, first, count } = coefficients(pixels.height, height, filter);
  const bytes = pixels.data instanceof Uint8Array;
  const factors = bytes ? fixed : weights;
  // Interleaved channels lie in one row; planes are resized one by one.
  const planes = pixels.layout === 'hwc' ? 1 : pixels.channels;
  const length = pixels.layout === 'hwc' ? pixels.width * pixels.channels : pixels.width;
  const sums = bytes ? new Int32Array(length) : new Float64Array(length);
  const { data } = pixels;
  for (let plane = 0; plane < planes; plane++) {
    for (let row = 0; row < height; row++) {
      sums.fill(bytes ? 1 << (precisionBits - 1) : 0);
      for (let tap = 0; tap < count[row]!; tap++) {
        const factor = factors[row * taps + tap]!;
        const source = (plane * pixels.height + first[row]! + tap) * length;
        for (let at = 0; at < length; at++) sums[at]! += data[source + at]! * factor;
      }
      const goal = (plane * height + row) * length;
      for (let at = 0; at < length; at++) {
        target.data[goal + at] = bytes ? clamp(sums[at]! >> precisionBits) : sums[at]!;
      }
    }
  }
  return target;
}

/** Resizes to `height` × `width`; an axis that keeps its size is left untouched, as in Pillow. */
export function resizeFiltered(pixels: Pixels, height: number, width: number, filter: FilterName): Pixels {
  let result = pixels;
  if (result.width !== width) result = resizeColumns(result, width, filter);
  if (result.height !== height) result = resizeRows(result, height, filter);
  return result;
}
