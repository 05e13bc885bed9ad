/** Steps on values: 8-bit picture to float tensor, normalization, scaling, layout. In float32 steps, as torchvision. */
import { stridesOf, type Pixels } from './pixels';

/**
 * HWC uint8 → CHW float32, times `scale` (torchvision's ToTensor with 1/255). A picture that is float already keeps its
 * values, as there.
 */
export function toTensor(pixels: Pixels, scale: number): Pixels<Float32Array> {
  const from = stridesOf(pixels);
  const data = new Float32Array(pixels.data.length);
  const bytes = pixels.data instanceof Uint8Array;
  const table = Float32Array.from({ length: 256 }, (_, value) => value * scale);
  let at = 0;
  for (let channel = 0; channel < pixels.channels; channel++) {
    for (let row = 0; row < pixels.height; row++) {
      const source = channel * from.channel + row * from.row;
      for (let column = 0; column < pixels.width; column++) {
        const value = pixels.data[source + column * from.column]!;
        data[at++] = bytes ? table[value]! : value;
      }
    }
  }
  return { ...pixels, layout: 'chw', data };
}

/** (x − mean) / std per channel, rounded to float32 after each operation. One value serves all channels. */
export function normalize(pixels: Pixels, mean: readonly number[], std: readonly number[]): Pixels<Float32Array> {
  const { row, column, channel } = stridesOf(pixels);
  const data = new Float32Array(pixels.data.length);
  for (let c = 0; c < pixels.channels; c++) {
    const center = Math.fround(mean[mean.length === 1 ? 0 : c]!);
    const spread = Math.fround(std[std.length === 1 ? 0 : c]!);
    for (let y = 0; y < pixels.height; y++) {
      for (let x = 0; x < pixels.width; x++) {
        const at = c * channel + y * row + x * column;
        data[at] = Math.fround(pixels.data[at]! - center) / spread;
      }
    }
  }
  return { ...pixels, data };
}

/** x · factor + offset. */
export function scaleValues(pixels: Pixels, factor: number, offset: number): Pixels<Float32Array> {
  const data = Float32Array.from(pixels.data, (value) => Math.fround(value * Math.fround(factor)) + offset);
  return { ...pixels, data };
}

/** The same values in the other memory order. */
export function toLayout(pixels: Pixels, layout: Pixels['layout']): Pixels {
  if (pixels.layout === layout) return pixels;
  const target = { ...pixels, layout };
  const from = stridesOf(pixels);
  const to = stridesOf(target);
  const data =
    pixels.data instanceof Uint8Array ? new Uint8Array(pixels.data.length) : new Float32Array(pixels.data.length);
  for (let channel = 0; channel < pixels.channels; channel++) {
    for (let row = 0; row < pixels.height; row++) {
      for (let column = 0; column < pixels.width; column++) {
        const goal = channel * to.channel + row * to.row + column * to.column;
        data[goal] = pixels.data[channel * from.channel + row * from.row + column * from.column]!;
      }
    }
  }
  return { ...target, data };
}
