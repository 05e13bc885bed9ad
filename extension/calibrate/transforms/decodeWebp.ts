/** WebP, lossy and lossless, through libwebp compiled to WebAssembly: the library that PIL uses. Alpha is dropped. */
import decode, { init } from '@jsquash/webp/decode.js';
import wasm from '@jsquash/webp/codec/dec/webp_dec.wasm';
import type { Image } from './pixels';

/** The browser's ImageData, of which Node has no type. */
interface Decoded {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, alpha. */
  readonly data: Uint8ClampedArray;
}

let loading: Promise<void> | undefined;

/** @throws Error when the file is corrupt */
export async function decodeWebp(bytes: Uint8Array): Promise<Image> {
  loading ??= init({ wasmBinary: Uint8Array.from(wasm).buffer });
  await loading;
  const { width, height, data } = (await decode(Uint8Array.from(bytes).buffer)) as unknown as Decoded;
  const rgb = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at++) {
    for (let channel = 0; channel < 3; channel++) rgb[at * 3 + channel] = data[at * 4 + channel]!;
  }
  return { width, height, channels: 3, layout: 'hwc', data: rgb };
}
