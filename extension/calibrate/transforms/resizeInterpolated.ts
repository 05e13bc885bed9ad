/**
 * Resize by interpolation between the nearest pixels, without antialiasing, as OpenCV's `cv2.resize`.
 *
 * Many detection and OCR models were trained on pictures resized this way (`antialias: false`). Source of the
 * algorithm: OpenCV, `modules/imgproc/src/resize.cpp`. Sample positions lie at pixel centers and clamp at the borders;
 * weights of 8-bit pictures are 11-bit fixed point. Halving both sides bilinearly is the mean of 2×2 pixels there.
 */
import { blankPixels, stridesOf, type Pixels } from './pixels';
import type { FilterName } from './resizeFiltered';

const weightScale = 2048;

/** For each target pixel `taps` source pixels and weights that sum to 1. */
interface Taps {
  readonly taps: number;
  readonly indices: Int32Array;
  readonly weights: Float32Array;
}

/** Keys' cubic with a = −0.75, as OpenCV and PyTorch have it (Pillow's has −0.5). */
function cubicWeights(fraction: number): number[] {
  const a = -0.75;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const weights = [far(fraction + 1), near(fraction), near(1 - fraction)];
  return [...weights, 1 - weights[0]! - weights[1]! - weights[2]!];
}

function computeTaps(source: number, target: number, filter: FilterName): Taps {
  const taps = filter === 'bilinear' ? 2 : 4;
  const indices = new Int32Array(target * taps);
  const weights = new Float32Array(target * taps);
  const scale = source / target;
  for (let at = 0; at < target; at++) {
    const position = Math.fround((at + 0.5) * scale - 0.5);
    const floor = Math.floor(position);
    const fraction = Math.fround(position - floor);
    const values = filter === 'bilinear' ? [1 - fraction, fraction] : cubicWeights(fraction);
    for (let tap = 0; tap < taps; tap++) {
      const index = floor + tap - (taps / 2 - 1);
      indices[at * taps + tap] = Math.min(source - 1, Math.max(0, index));
      weights[at * taps + tap] = values[tap]!;
    }
  }
  return { taps, indices, weights };
}

/** OpenCV's `saturate_cast<short>`: to the nearest integer, halves to even. */
function fixedWeights(weights: Float32Array): Int32Array {
  return Int32Array.from(weights, (weight) => {
    const scaled = weight * weightScale;
    const rounded = Math.round(scaled);
    return Math.abs(scaled % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
  });
}

function halve(pixels: Pixels): Pixels {
  const target = blankPixels(pixels, pixels.height / 2, pixels.width / 2);
  const from = stridesOf(pixels);
  const to = stridesOf(target);
  const { data } = pixels;
  for (let channel = 0; channel < pixels.channels; channel++) {
    for (let row = 0; row < target.height; row++) {
      for (let column = 0; column < target.width; column++) {
        const source = channel * from.channel + 2 * row * from.row + 2 * column * from.column;
        const sum =
          data[source]! +
          data[source + from.column]! +
          data[source + from.row]! +
          data[source + from.row + from.column]!;
        const mean = data instanceof Uint8Array ? (sum + 2) >> 2 : sum / 4;
        target.data[channel * to.channel + row * to.row + column * to.column] = mean;
      }
    }
  }
  return target;
}

export function resizeInterpolated(pixels: Pixels, height: number, width: number, filter: FilterName): Pixels {
  if (pixels.height === height && pixels.width === width) return pixels;
  if (filter === 'bilinear' && pixels.height === 2 * height && pixels.width === 2 * width) return halve(pixels);
  const target = blankPixels(pixels, height, width);
  const rows = computeTaps(pixels.height, height, filter);
  const columns = computeTaps(pixels.width, width, filter);
  const bytes = pixels.data instanceof Uint8Array;
  const rowWeights = bytes ? fixedWeights(rows.weights) : rows.weights;
  const columnWeights = bytes ? fixedWeights(columns.weights) : columns.weights;
  const coarse = bytes && filter === 'bilinear';
  const from = stridesOf(pixels);
  const to = stridesOf(target);
  // Horizontal pass of all source rows, in full precision, then the vertical one.
  const wide = new Float64Array(pixels.height * width);
  for (let channel = 0; channel < pixels.channels; channel++) {
    for (let row = 0; row < pixels.height; row++) {
      const source = channel * from.channel + row * from.row;
      for (let column = 0; column < width; column++) {
        let sum = 0;
        for (let tap = column * columns.taps; tap < (column + 1) * columns.taps; tap++) {
          sum += pixels.data[source + columns.indices[tap]! * from.column]! * columnWeights[tap]!;
        }
        wide[row * width + column] = sum;
      }
    }
    for (let row = 0; row < height; row++) {
      const goal = channel * to.channel + row * to.row;
      for (let column = 0; column < width; column++) {
        let sum = 0;
        for (let tap = row * rows.taps; tap < (row + 1) * rows.taps; tap++) {
          const value = wide[rows.indices[tap]! * width + column]!;
          // OpenCV's bilinear pass drops low bits of each product, to stay within 32 bits.
          sum += coarse ? (rowWeights[tap]! * (value >> 4)) >> 16 : value * rowWeights[tap]!;
        }
        target.data[goal + column * to.column] = coarse ? (sum + 2) >> 2 : bytes ? roundFixed(sum) : sum;
      }
    }
  }
  return target;
}

function roundFixed(sum: number): number {
  const value = Math.floor(sum / (weightScale * weightScale) + 0.5);
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
