/**
 * Payloads that stay in their file: a weight is a range of bytes until someone asks for its values.
 *
 * `wireReader.ts` makes ranges of large embedded payloads, `externalData.ts` of external ones; `tensorValues.ts` reads
 * them and `saveModel.ts` copies them from file to file without holding a whole tensor.
 */
import { closeSync, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { CodedError } from '../contract/errors';

/** Bytes of a file. */
export interface FileRange {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  /** The state of the file when the range was made (`stampOf`); a file that changed since is not read. */
  readonly stamp?: string;
}

/** A payload in memory or in a file. Immutable by convention: clones of a model share it. */
export type Bytes = Uint8Array | FileRange;

export function isFileRange(value: unknown): value is FileRange {
  return (
    typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && 'offset' in value && 'path' in value
  );
}

export function byteLength(bytes: Bytes): number {
  return isFileRange(bytes) ? bytes.length : bytes.byteLength;
}

/** Identity of a file's content as far as the file system tells: another file, size or time of writing differs. */
export function stampOf(stats: BigIntStats): string {
  return `${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

/** @throws CodedError MODEL_INVALID when the file is no longer the one that the range was made from */
export function checkStamp(range: FileRange, stats: BigIntStats): void {
  if (range.stamp === undefined || range.stamp === stampOf(stats)) return;
  throw new CodedError({
    code: 'MODEL_INVALID',
    reason: `${range.path} changed on disk while it was in use.`,
    fix: 'Run again once nothing else writes to the file.',
    place: { file: range.path },
  });
}

/**
 * The bytes of a payload, read now if they are still in a file.
 * @param start first byte wanted, relative to the payload
 * @param length number of bytes wanted; to the end when left out
 * @throws CodedError MODEL_NOT_FOUND, MODEL_INVALID, EXTERNAL_DATA_MISSING
 */
export function readBytes(bytes: Bytes, start = 0, length = byteLength(bytes) - start): Uint8Array {
  if (!isFileRange(bytes)) return bytes.subarray(start, start + length);
  const target = new Uint8Array(length);
  const descriptor = openForReading(bytes.path);
  try {
    checkStamp(bytes, fstatSync(descriptor, { bigint: true }));
    const position = bytes.offset + start;
    if (readFully(descriptor, target, position) < length) throw tooShort(bytes.path, position + length);
  } finally {
    closeSync(descriptor);
  }
  return target;
}

export function tooShort(path: string, needed: number): CodedError {
  return new CodedError({
    code: 'EXTERNAL_DATA_MISSING',
    reason: `${path} ends before byte ${needed}, which a tensor of the model needs.`,
    fix: 'Copy the model and its data files again; one of them is incomplete.',
    place: { file: path },
  });
}

/** Opens a file, with the failures a user can meet as coded errors. */
export function openForReading(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw notFound(path, cause);
  }
}

export function notFound(path: string, cause: unknown): CodedError {
  const code = (cause as NodeJS.ErrnoException).code;
  const reason = code === 'ENOENT' ? `${path} does not exist.` : `${path} cannot be read (${code ?? String(cause)}).`;
  return new CodedError(
    { code: 'MODEL_NOT_FOUND', reason, fix: 'Check the path and its permissions.', place: { file: path } },
    { cause },
  );
}

/** Fills `target` from a file position; returns how many bytes there were. One `read` returns at most 2 GiB on Linux. */
export function readFully(descriptor: number, target: Uint8Array, position: number): number {
  const step = 1 << 30;
  let done = 0;
  while (done < target.byteLength) {
    const count = readSync(descriptor, target, done, Math.min(step, target.byteLength - done), position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
