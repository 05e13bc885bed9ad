/** The identity of a data set: SHA-256 over its files' names and contents, streamed. Key of calibration tables. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, relative } from 'node:path';

async function updateFromFile(hash: Hash, file: string): Promise<void> {
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
}

/**
 * @param root names are taken relative to it, so that a data set keeps its hash when it moves; null: base names
 * @returns hexadecimal SHA-256; the order of `files` does not matter
 */
export async function hashFiles(files: readonly string[], root: string | null): Promise<string> {
  const name = (file: string) => (root === null ? basename(file) : relative(root, file).split('\\').join('/'));
  const sorted = [...new Set(files)].sort((a, b) => (name(a) < name(b) ? -1 : 1));
  const hash = createHash('sha256');
  for (const file of sorted) {
    hash.update(`${name(file)}\0`);
    const content = createHash('sha256');
    await updateFromFile(content, file).catch((error: unknown) => content.update(`unreadable ${String(error)}`));
    hash.update(content.digest());
  }
  return hash.digest('hex');
}

export function hashText(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('hex');
}
