/**
 * Where the decoder's bytes come from: a file read through a small window, or an array.
 *
 * Comes before `wireReader.ts`. A file is never held whole: large payloads are stepped over, so that decoding a model of
 * gigabytes touches only its structure.
 */
import { closeSync, fstatSync } from 'node:fs';
import { type Bytes, openForReading, readFully, stampOf } from './fileRange';

export interface ByteSource {
  readonly size: number;
  /**
   * A view of the bytes from `offset`, at least `length` of them unless the source ends before. Valid until the next call.
   */
  view(offset: number, length: number): Uint8Array;
  /** Bytes to keep: a copy where the source reuses its buffer. */
  copy(offset: number, length: number): Uint8Array;
  /** A payload to keep without reading it where the source is a file. */
  payload(offset: number, length: number): Bytes;
  close(): void;
}

export function arraySource(array: Uint8Array): ByteSource {
  // A Buffer's subarrays would be Buffers, whose methods differ from those of plain arrays.
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return {
    size: bytes.byteLength,
    view: (offset) => bytes.subarray(offset),
    copy: (offset, length) => bytes.subarray(offset, offset + length),
    payload: (offset, length) => bytes.subarray(offset, offset + length),
    close: () => undefined,
  };
}

const windowSize = 256 * 1024;

/** @throws CodedError MODEL_NOT_FOUND */
export function fileSource(path: string): ByteSource {
  const descriptor = openForReading(path);
  const stats = fstatSync(descriptor, { bigint: true });
  const stamp = stampOf(stats);
  const size = Number(stats.size);
  const window = new Uint8Array(windowSize);
  let start = 0;
  let end = 0;

  const fill = (offset: number): void => {
    start = offset;
    end = offset + readFully(descriptor, window, offset);
  };
  const copy = (offset: number, length: number): Uint8Array => {
    if (offset >= start && offset + length <= end) return window.slice(offset - start, offset - start + length);
    const target = new Uint8Array(length);
    return target.subarray(0, readFully(descriptor, target, offset));
  };
  return {
    size,
    view(offset, length) {
      if (length > windowSize) return copy(offset, length);
      if (offset < start || offset + length > end) fill(offset);
      return window.subarray(offset - start, end - start);
    },
    copy,
    payload: (offset, length) => ({ path, offset, length, stamp }),
    close: () => closeSync(descriptor),
  };
}
