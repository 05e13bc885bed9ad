/** Size and content hash of a finished file, as reports and passports carry them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Reads the file once, in pieces; memory does not depend on its size. */
export async function describeArtifact(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
