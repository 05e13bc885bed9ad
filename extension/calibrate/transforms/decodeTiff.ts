/** TIFF, the first page: gray, RGB and palette, 8 or 16 bits (which keep their high byte); alpha is dropped. */
import { decode } from 'tiff';
import type { Image } from './pixels';

/** @throws Error naming what is not supported */
export function decodeTiff(bytes: Uint8Array): Image {
  const page = decode(bytes, { pages: [0] })[0];
  if (page === undefined) throw new Error('the file has no page');
  const { width, height, data, samplesPerPixel, palette } = page;
  if (!(data instanceof Uint8Array) && !(data instanceof Uint16Array))
    throw new Error('float values are not supported');
  const to8 = (value: number) => (data instanceof Uint16Array ? value >> 8 : value);
  if (palette !== undefined) {
    const colors = Array.from(data, (index) => palette[index] ?? [0, 0, 0]);
    const rgb = Uint8Array.from(colors.flat(), (value) => value >> 8);
    return { width, height, channels: 3, layout: 'hwc', data: rgb };
  }
  const channels = samplesPerPixel <= 2 ? 1 : 3;
  const values = new Uint8Array(width * height * channels);
  for (let at = 0; at < width * height; at++) {
    for (let channel = 0; channel < channels; channel++) {
      values[at * channels + channel] = to8(data[at * samplesPerPixel + channel]!);
    }
  }
  return { width, height, channels, layout: 'hwc', data: values };
}
