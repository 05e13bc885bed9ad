/**
 * JPEG through libjpeg-turbo compiled to WebAssembly: the library that PIL and OpenCV use, so pixels are equal bit for
 * bit. EXIF orientation is ignored, as PIL's `Image.open` and torchvision's loader do. The rare CMYK files (ImageNet has
 * some) go through a decoder in JavaScript, which differs from PIL by a level here and there.
 */
import createModule from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
import wasm from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm';
import { decode as decodeInJavaScript } from 'jpeg-js';
import type { Image } from './pixels';

let loading: ReturnType<typeof createModule> | undefined;

function loadModule(): ReturnType<typeof createModule> {
  // libjpeg's messages lack a line end and stay in a buffer; `diagnose` says what matters instead.
  loading ??= createModule({ wasmBinary: wasm, printErr: () => undefined });
  return loading;
}

/** Start-of-frame markers: C0–CF without DHT (C4), JPG (C8) and DAC (CC). */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Color components that the frame header declares, or null when there is none. */
function componentCount(bytes: Uint8Array): number | null {
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1]!;
    if (isFrame(marker)) return bytes[at + 9]!;
    at += 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
  }
  return null;
}

/** Why a file that the decoder refused cannot be decoded. */
function diagnose(bytes: Uint8Array): string {
  if (componentCount(bytes) === null) return 'it has no picture';
  const ended = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).lastIndexOf('ffd9', undefined, 'hex') > 0;
  return ended ? 'its data is damaged' : 'it is truncated';
}

function decodeCmyk(bytes: Uint8Array): Image {
  const { width, height, data } = decodeInJavaScript(bytes, {
    formatAsRGBA: false,
    useTArray: true,
    tolerantDecoding: false,
  });
  return { width, height, channels: 3, layout: 'hwc', data: Uint8Array.from(data) };
}

/** @throws Error saying why */
export async function decodeJpeg(bytes: Uint8Array): Promise<Image> {
  if (componentCount(bytes) === 4) return decodeCmyk(bytes);
  const module = await loadModule();
  const decoder = new module.JPEGDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { width, height, componentCount: channels } = decoder.getFrameInfo();
    // A view (clamped) into the module's memory.
    const data = Uint8Array.from(decoder.getDecodedBuffer());
    return { width, height, channels, layout: 'hwc', data };
  } catch (error) {
    // A C++ exception is thrown as the number of its address.
    throw typeof error === 'number' ? new Error(diagnose(bytes)) : error;
  } finally {
    decoder.delete();
  }
}
