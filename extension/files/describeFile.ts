/** Size and content hash of a finished file, as model cards, artifacts and caches carry them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * Reads the file once, in pieces of 1 MiB; memory does not depend on its size.
 *
 * @returns the size in bytes and the SHA-256 in hexadecimal
 * @throws Error as the file system does
 */
export async function describeFile(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
