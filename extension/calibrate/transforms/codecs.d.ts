/* eslint-disable no-restricted-syntax -- these modules have the exports they have */
/**
 * Modules without type declarations of their own.
 *
 * Binary and text imports are inlined: by esbuild's `binary` and `text` loaders in the bundles and by the plugin in
 * `vitest.config.mjs` in tests, so that nothing has to be found on disk at run time.
 */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm' {
  const bytes: Uint8Array;
  export default bytes;
}

declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  interface FrameInfo {
    width: number;
    height: number;
    bitsPerSample: number;
    componentCount: number;
  }
  interface JpegDecoder {
    /** A view into the module's memory to put the file into; invalid after the next call. */
    getEncodedBuffer(size: number): Uint8Array;
    /** Throws a number, the address of a C++ exception, on failure. */
    decode(): void;
    getFrameInfo(): FrameInfo;
    /** Interleaved 8-bit values, `componentCount` (1 or 3) per pixel; a view, invalid after the next call. */
    getDecodedBuffer(): Uint8ClampedArray;
    delete(): void;
  }
  interface JpegModule {
    JPEGDecoder: new () => JpegDecoder;
  }
  export default function createModule(options: {
    wasmBinary: Uint8Array;
    print?: (line: string) => void;
    printErr?: (line: string) => void;
  }): Promise<JpegModule>;
}

declare module '*.wasm' {
  const bytes: Uint8Array;
  export default bytes;
}

declare module '*.py' {
  const text: string;
  export default text;
}
