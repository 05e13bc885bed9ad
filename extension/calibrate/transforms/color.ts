/** Steps on channels: PIL's conversions between gray and RGB, and the swap to OpenCV's channel order. */
import { blankPixels, stridesOf, type Image, type Pixels } from './pixels';

/**
 * Gray by ITU-R 601-2, as PIL's `convert('L')`: L = (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶ for 8-bit pictures
 * (Pillow, `src/libImaging/Convert.c`), and torchvision's 0.2989/0.587/0.114 for float ones.
 * @param channels 1, or 3 for the same gray three times (torchvision's `num_output_channels`)
 */
export function grayscale(pixels: Pixels, channels: 1 | 3): Pixels {
  const target = blankPixels(pixels, pixels.height, pixels.width, channels);
  const from = stridesOf(pixels);
  const to = stridesOf(target);
  const bytes = pixels.data instanceof Uint8Array;
  const { data } = pixels;
  for (let row = 0; row < pixels.height; row++) {
    for (let column = 0; column < pixels.width; column++) {
      const source = row * from.row + column * from.column;
      const red = data[source]!;
      let gray = red;
      if (pixels.channels >= 3) {
        const green = data[source + from.channel]!;
        const blue = data[source + 2 * from.channel]!;
        gray = bytes
          ? (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
          : 0.2989 * red + 0.587 * green + 0.114 * blue;
      }
      const goal = row * to.row + column * to.column;
      for (let channel = 0; channel < channels; channel++) target.data[goal + channel * to.channel] = gray;
    }
  }
  return target;
}

/** PIL's `convert('RGB')`: gray is repeated three times. */
export function toRgb(image: Image): Image {
  if (image.channels === 3) return image;
  const data = new Uint8Array(image.width * image.height * 3);
  for (let at = 0; at < image.data.length; at++) data.fill(image.data[at]!, at * 3, at * 3 + 3);
  return { ...image, channels: 3, data };
}

/** Swaps the first and the third channel: RGB ↔ BGR. A gray picture stays as it is. */
export function swapRedBlue(pixels: Pixels): Pixels {
  if (pixels.channels < 3) return pixels;
  const { row, column, channel } = stridesOf(pixels);
  const data = pixels.data.slice();
  for (let y = 0; y < pixels.height; y++) {
    for (let x = 0; x < pixels.width; x++) {
      const at = y * row + x * column;
      data[at] = pixels.data[at + 2 * channel]!;
      data[at + 2 * channel] = pixels.data[at]!;
    }
  }
  return { ...pixels, data };
}
