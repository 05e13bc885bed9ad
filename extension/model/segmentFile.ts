/**
 * Streams segments, in memory or in other files, into a new file with two small buffers.
 *
 * Used by `saveModel.ts`. Reading the next piece, hashing and writing overlap.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { byteLength, type Bytes, checkStamp, type FileRange, isFileRange, notFound, tooShort } from './fileRange';
import type { Encoded } from './wireWriter';

/** Where a range went. */
export interface Move {
  readonly range: FileRange;
  readonly offset: number;
}

export interface WrittenFile {
  readonly sha256: string | null;
  readonly moves: readonly Move[];
}

const pieceSize = 1 << 20;

/** @throws CodedError MODEL_NOT_FOUND, MODEL_INVALID, EXTERNAL_DATA_MISSING for a source; system errors for the target */
export async function writeSegments(path: string, encoded: Encoded, options: { hash: boolean }): Promise<WrittenFile> {
  const target = await open(path, 'w');
  const sources = new SourceFiles();
  const hash = options.hash ? createHash('sha256') : null;
  const moves: Move[] = [];
  let position = 0;
  let writing: Promise<void> = Promise.resolve();
  try {
    for (const segment of encoded.segments) {
      if (isFileRange(segment)) moves.push({ range: segment, offset: position });
      for await (const piece of pieces(segment, sources)) {
        await writing;
        // Zeros become a hole where the file system has them, so that sparse files stay sparse.
        if (!isZero(piece)) writing = writeFully(target, piece, position);
        // Awaited later; a failure meanwhile must not count as unhandled.
        writing.catch(() => undefined);
        hash?.update(piece);
        position += piece.byteLength;
      }
    }
    await writing;
    // A hole at the end counts too.
    await target.truncate(encoded.bytes);
  } finally {
    await writing.catch(() => undefined);
    await sources.close();
    await target.close();
  }
  return { sha256: hash?.digest('hex') ?? null, moves };
}

/** A segment in pieces; a piece stays valid until the one after the next is asked for. */
async function* pieces(segment: Bytes, sources: SourceFiles): AsyncGenerator<Uint8Array> {
  const total = byteLength(segment);
  if (!isFileRange(segment)) {
    for (let at = 0; at < total; at += pieceSize) yield segment.subarray(at, at + pieceSize);
    return;
  }
  const handle = await sources.open(segment);
  for (let at = 0; at < total; at += pieceSize) {
    const piece = sources.nextBuffer().subarray(0, Math.min(pieceSize, total - at));
    await readFully(handle, piece, segment, segment.offset + at);
    yield piece;
  }
}

/** Open source files, each checked once, and the buffers that their pieces go through. */
class SourceFiles {
  private readonly handles = new Map<string, FileHandle>();
  // One buffer is being written while the next is read; the third is never in use at the time it is handed out.
  private readonly buffers = [0, 1, 2].map(() => new Uint8Array(pieceSize));
  private turn = 0;

  async open(range: FileRange): Promise<FileHandle> {
    let handle = this.handles.get(range.path);
    if (handle === undefined) {
      try {
        handle = await open(range.path, 'r');
      } catch (cause) {
        throw notFound(range.path, cause);
      }
      this.handles.set(range.path, handle);
    }
    checkStamp(range, await handle.stat({ bigint: true }));
    return handle;
  }

  nextBuffer(): Uint8Array {
    this.turn = (this.turn + 1) % this.buffers.length;
    return this.buffers[this.turn]!;
  }

  async close(): Promise<void> {
    for (const handle of this.handles.values()) await handle.close();
  }
}

const zeros = new Uint8Array(pieceSize);

function isZero(piece: Uint8Array): boolean {
  return piece.byteLength > 0 && piece[0] === 0 && Buffer.compare(piece, zeros.subarray(0, piece.byteLength)) === 0;
}

async function readFully(handle: FileHandle, target: Uint8Array, range: FileRange, position: number): Promise<void> {
  let done = 0;
  while (done < target.byteLength) {
    const { bytesRead } = await handle.read(target, done, target.byteLength - done, position + done);
    if (bytesRead === 0) throw tooShort(range.path, position + target.byteLength);
    done += bytesRead;
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}
