/**
 * Nearest-neighbor resize as Pillow's `Image.resize(…, NEAREST)`.
 *
 * Source of the algorithm: Pillow, `src/libImaging/Geometry.c`, `ImagingScaleAffine`: the source coordinate is
 * accumulated step by step in double precision from the center of the first pixel.
 */
import { blankPixels, stridesOf, type Pixels } from './pixels';

function sourceIndices(source: number, target: number): Int32Array {
  const scale = source / target;
  const indices = new Int32Array(target);
  let position = scale * 0.5;
  for (let at = 0; at < target; at++) {
    indices[at] = Math.min(source - 1, Math.trunc(position));
    position += scale;
  }
  return indices;
}

export function resizeNearest(pixels: Pixels, height: number, width: number): Pixels {
  const target = blankPixels(pixels, height, width);
  const from = stridesOf(pixels);
  const to = stridesOf(target);
  const rows = sourceIndices(pixels.height, height);
  const columns = sourceIndices(pixels.width, width);
  for (let channel = 0; channel < pixels.channels; channel++) {
    for (let row = 0; row < height; row++) {
      const source = channel * from.channel + rows[row]! * from.row;
      const goal = channel * to.channel + row * to.row;
      for (let column = 0; column < width; column++) {
        target.data[goal + column * to.column] = pixels.data[source + columns[column]! * from.column]!;
      }
    }
  }
  return target;
}
