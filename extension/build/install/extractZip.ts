/** Unpacks a wheel or jar as a stream: an archive of 1 GB takes no more memory than one of 1 MB. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openPromise, type Entry } from 'yauzl';

export interface ExtractOptions {
  readonly signal?: AbortSignal | undefined;
  /** The share of the bytes that is written. */
  readonly onProgress?: (fraction: number) => void;
}

/**
 * Writes the entries that `keep` names into `folder`.
 *
 * @param keep prefixes of entry names
 * @throws Error when the archive is damaged or an entry would leave the folder
 */
export async function extractZip(
  archive: string,
  folder: string,
  keep: readonly string[],
  { signal, onProgress }: ExtractOptions = {},
): Promise<void> {
  const zip = await openPromise(archive, { lazyEntries: true, autoClose: false });
  try {
    const entries: Entry[] = [];
    await new Promise<void>((done, fail) => {
      zip.on('entry', (entry: Entry) => {
        if (isKept(entry.fileName, keep)) entries.push(entry);
        zip.readEntry();
      });
      zip.on('end', done);
      zip.on('error', fail);
      zip.readEntry();
    });
    const total = entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
    let written = 0;
    for (const entry of entries) {
      const target = insideOf(folder, entry.fileName);
      await mkdir(dirname(target), { recursive: true });
      const stream = await zip.openReadStreamPromise(entry);
      const counter = new Transform({
        transform(piece: Buffer, _encoding, done) {
          written += piece.length;
          onProgress?.(total === 0 ? 1 : written / total);
          done(null, piece);
        },
      });
      await pipeline(stream, counter, createWriteStream(target), { signal });
    }
  } finally {
    zip.close();
  }
}

/** Is it a file, not a folder, and wanted? */
function isKept(name: string, keep: readonly string[]): boolean {
  return !name.endsWith('/') && keep.some((prefix) => name.startsWith(prefix));
}

function insideOf(folder: string, name: string): string {
  const target = resolve(join(folder, name));
  const path = relative(folder, target);
  if (path.startsWith('..') || path.startsWith(sep)) throw new Error(`The entry ${name} leaves the folder.`);
  return target;
}
