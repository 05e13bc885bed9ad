/**
 * Pictures on their way through the preprocessing steps.
 *
 * `decodeImage` makes one from a file, `applyTransforms` takes it through the steps, `matchInputs` (in `datasets/`)
 * turns the result into the tensor of a graph input.
 */

/** Values in memory order `layout`: `hwc` as image libraries keep them, `chw` as torchvision's ToTensor leaves them. */
export interface Pixels<Values extends Uint8Array | Float32Array = Uint8Array | Float32Array> {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly layout: 'hwc' | 'chw';
  readonly data: Values;
}

/** A decoded picture: 8 bits, interleaved; 1 channel (gray) or 3 (red, green, blue). */
export type Image = Pixels<Uint8Array>;

/** How far apart neighbors lie in `data`. */
export interface Strides {
  readonly row: number;
  readonly column: number;
  readonly channel: number;
}

export function stridesOf(pixels: Pick<Pixels, 'height' | 'width' | 'channels' | 'layout'>): Strides {
  return pixels.layout === 'hwc'
    ? { row: pixels.width * pixels.channels, column: pixels.channels, channel: 1 }
    : { row: pixels.width, column: 1, channel: pixels.width * pixels.height };
}

/** A zeroed picture of another size with the channels, layout and element type of `like`. */
export function blankPixels(like: Pixels, height: number, width: number, channels = like.channels): Pixels {
  const size = height * width * channels;
  const data = like.data instanceof Uint8Array ? new Uint8Array(size) : new Float32Array(size);
  return { height, width, channels, layout: like.layout, data };
}

export function isImage(pixels: Pixels): pixels is Image {
  return pixels.data instanceof Uint8Array && pixels.layout === 'hwc';
}

/** Rounds half to even, as Python's `round` and therefore torchvision do. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
