/**
 * JPEG through libjpeg-turbo compiled to WebAssembly: the library that PIL and OpenCV use, so pixels are equal bit for
 * bit. EXIF orientation is ignored, as PIL's `Image.open` and torchvision's loader do.
 */
import createModule from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
import wasm from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm';
import type { Image } from './pixels';

let lastMessages: string[] = [];
let loading: ReturnType<typeof createModule> | undefined;

function loadModule(): ReturnType<typeof createModule> {
  loading ??= createModule({ wasmBinary: wasm, printErr: (line) => lastMessages.push(line) });
  return loading;
}

/** @throws Error with libjpeg's own words: a truncated or corrupt file, CMYK */
export async function decodeJpeg(bytes: Uint8Array): Promise<Image> {
  const module = await loadModule();
  const decoder = new module.JPEGDecoder();
  lastMessages = [];
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { width, height, componentCount } = decoder.getFrameInfo();
    // A view (clamped) into the module's memory.
    const data = Uint8Array.from(decoder.getDecodedBuffer());
    return { width, height, channels: componentCount, layout: 'hwc', data };
  } catch {
    // What is thrown is the address of a C++ exception; the cause was printed.
    throw new Error(lastMessages.join('; ') || 'the JPEG decoder failed');
  } finally {
    decoder.delete();
  }
}
