/**
 * The arrays of a `.npz` archive, opened for reading row by row.
 *
 * `numpy.savez` stores entries as they are: they are read in place, by range. `savez_compressed` deflates them: such an
 * entry is inflated once into a temporary file, as a stream, so that archives larger than memory work either way.
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { throwIfCancelled } from '../../contract/errors';
import { ArrayFile } from './arrayFile';

export class NpzArchive {
  private constructor(
    /** By name, without the `.npy` ending, in the order of the archive. */
    readonly arrays: ReadonlyMap<string, ArrayFile>,
    private readonly handles: readonly FileHandle[],
    private readonly folder: string | null,
  ) {}

  /** @throws Error naming the entry that is malformed */
  static async open(file: string, signal?: AbortSignal): Promise<NpzArchive> {
    const handle = await open(file, 'r');
    const handles = [handle];
    let folder: string | null = null;
    const arrays = new Map<string, ArrayFile>();
    try {
      const zip = await openPromise(file, { autoClose: false, lazyEntries: true });
      try {
        for (const entry of await listEntries(zip)) {
          throwIfCancelled(signal);
          const name = entry.fileName.replace(/\.npy$/, '');
          const range = entry.compressionMethod === 0 ? await storedRange(zip, entry, handle) : null;
          folder ??= range === null ? await mkdtemp(join(tmpdir(), 'precision-bench-npz-')) : null;
          const inflated = range ?? (await inflate(zip, entry, join(folder!, String(arrays.size)), signal));
          if (range === null) handles.push(inflated.handle);
          arrays.set(name, openEntry(name, inflated));
        }
      } finally {
        zip.close();
      }
      return new NpzArchive(arrays, handles, folder);
    } catch (error) {
      await release(handles, folder);
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const array of this.arrays.values()) await array.close();
    await release(this.handles, this.folder);
  }
}

async function release(handles: readonly FileHandle[], folder: string | null): Promise<void> {
  for (const handle of handles) await handle.close();
  if (folder !== null) await rm(folder, { recursive: true, force: true });
}

function openEntry(name: string, range: { handle: FileHandle; offset: number; size: number }): ArrayFile {
  try {
    return ArrayFile.open(range);
  } catch (error) {
    throw new Error(`the entry ${name}: ${(error as Error).message}`, { cause: error });
  }
}

async function listEntries(zip: ZipFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) if (!entry.fileName.endsWith('/')) entries.push(entry);
  return entries;
}

async function storedRange(zip: ZipFile, entry: Entry, handle: FileHandle) {
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  return { handle, offset: fileDataStart, size: entry.uncompressedSize };
}

async function inflate(zip: ZipFile, entry: Entry, target: string, signal: AbortSignal | undefined) {
  const source = await zip.openReadStreamPromise(entry);
  await pipeline(source, createWriteStream(target), signal === undefined ? {} : { signal });
  return { handle: await open(target, 'r'), offset: 0, size: entry.uncompressedSize };
}
