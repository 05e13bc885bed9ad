/**
 * The hash of a file that is asked for again and again: a model whose engine is looked up, an engine that is opened.
 *
 * Read once per process; as long as it is the same file, with the size and the times of writing it had then, the answer is
 * remembered. What was written in place has another time.
 */
import { stat } from 'node:fs/promises';
import { describeFile } from './describeFile';

interface Known {
  /** Of the file when it was read. */
  readonly identity: string;
  readonly sha256: string;
}

const known = new Map<string, Known>();

/** Files of a long session come and go; the oldest answers are forgotten. */
const capacity = 256;

/**
 * @returns the SHA-256 in hexadecimal
 * @throws Error as the file system does
 */
export async function contentHash(file: string): Promise<string> {
  const identity = await identityOf(file);
  const found = known.get(file);
  if (found?.identity === identity) return found.sha256;
  const { sha256 } = await describeFile(file);
  // Not if it was written meanwhile.
  if ((await identityOf(file)) === identity) remember(file, { identity, sha256 });
  return sha256;
}

/** A file just written by this process, whose hash is known from that. */
export async function rememberContentHash(file: string, sha256: string): Promise<void> {
  remember(file, { identity: await identityOf(file), sha256 });
}

function remember(file: string, answer: Known): void {
  known.delete(file);
  known.set(file, answer);
  const [oldest] = known.keys();
  if (known.size > capacity && oldest !== undefined) known.delete(oldest);
}

async function identityOf(file: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}
