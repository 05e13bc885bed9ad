/**
 * PNG of every color type and bit depth, reduced to 8-bit gray or RGB as PIL's `convert` does: palettes are looked up,
 * alpha is dropped, 16-bit values keep their high byte, 1/2/4-bit gray is spread over 0–255.
 */
import { decode, type DecodedPng } from 'fast-png';
import type { Image } from './pixels';

/** Packed 1/2/4-bit rows (each starting on a byte) to one value per byte. */
function unpackBits(png: DecodedPng): Uint8Array {
  const { width, height, depth } = png;
  const rowBytes = Math.ceil((width * depth) / 8);
  const mask = (1 << depth) - 1;
  const values = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const bit = column * depth;
      const byte = png.data[row * rowBytes + (bit >> 3)]!;
      values[row * width + column] = (byte >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return values;
}

function toBytes(png: DecodedPng): Uint8Array {
  if (png.depth === 16) return Uint8Array.from(png.data, (value) => value >> 8);
  if (png.depth === 8) return png.data instanceof Uint8Array ? png.data : Uint8Array.from(png.data);
  return unpackBits(png);
}

function lookUp(indices: Uint8Array, palette: readonly (readonly number[])[]): Uint8Array {
  const data = new Uint8Array(indices.length * 3);
  for (let at = 0; at < indices.length; at++) {
    const color = palette[indices[at]!];
    if (color === undefined) throw new Error(`color ${indices[at]} is not in the palette of ${palette.length}`);
    data.set([color[0]!, color[1]!, color[2]!], at * 3);
  }
  return data;
}

/** Keeps the first `kept` of `channels` values of each pixel. */
function dropAlpha(values: Uint8Array, channels: number, kept: number): Uint8Array {
  if (channels === kept) return values;
  const pixels = values.length / channels;
  const data = new Uint8Array(pixels * kept);
  for (let at = 0; at < pixels; at++) data.set(values.subarray(at * channels, at * channels + kept), at * kept);
  return data;
}

/** @throws Error when the file is truncated or a checksum does not match */
export function decodePng(bytes: Uint8Array): Image {
  const png = decode(bytes, { checkCrc: true });
  const { width, height } = png;
  const values = toBytes(png);
  if (png.palette !== undefined) {
    return { width, height, channels: 3, layout: 'hwc', data: lookUp(values, png.palette) };
  }
  const channels = png.channels <= 2 ? 1 : 3;
  const data = dropAlpha(values, png.channels, channels);
  if (png.depth < 8) for (let at = 0; at < data.length; at++) data[at]! *= 255 / ((1 << png.depth) - 1);
  return { width, height, channels, layout: 'hwc', data };
}
