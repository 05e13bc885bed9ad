/** Windows bitmaps without compression: 8-bit gray or palette, 24-bit and 32-bit (alpha dropped). */
import type { Image } from './pixels';

/** Is every entry of the palette (blue, green, red, unused) the gray of its own index? Such files are gray to PIL. */
function isGrayPalette(palette: Uint8Array): boolean {
  return palette.every((value, at) => at % 4 === 3 || value === at >> 2);
}

/** @throws Error naming what is not supported, or that data is missing */
export function decodeBmp(bytes: Uint8Array): Image {
  if (bytes.length < 54) throw new Error('the file is truncated');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = view.getUint32(10, true);
  const headerSize = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const storedHeight = view.getInt32(22, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  if (headerSize < 40 || width <= 0 || storedHeight === 0) throw new Error('the header is malformed');
  // BI_RGB, or BI_BITFIELDS with the usual masks, which 32-bit files of some programs carry.
  if (compression !== 0 && !(compression === 3 && bits === 32))
    throw new Error(`compression ${compression} is not supported`);
  if (bits !== 8 && bits !== 24 && bits !== 32) throw new Error(`${bits} bits a pixel are not supported`);
  const height = Math.abs(storedHeight);
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  if (bytes.length < start + rowBytes * height) throw new Error('the file is truncated');
  const palette = 14 + headerSize;
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    // A positive height means that the bottom row comes first.
    const source = start + (storedHeight > 0 ? height - 1 - row : row) * rowBytes;
    for (let column = 0; column < width; column++) {
      const at = bits === 8 ? palette + bytes[source + column]! * 4 : source + (column * bits) / 8;
      data.set([bytes[at + 2]!, bytes[at + 1]!, bytes[at]!], (row * width + column) * 3);
    }
  }
  if (bits === 8 && isGrayPalette(bytes.subarray(palette, start))) {
    const gray = Uint8Array.from({ length: width * height }, (_, at) => data[at * 3]!);
    return { width, height, channels: 1, layout: 'hwc', data: gray };
  }
  return { width, height, channels: 3, layout: 'hwc', data };
}
