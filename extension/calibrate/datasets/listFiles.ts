/** Lists data files below a folder in a fixed order (by path, as Python sorts strings), following links as os.walk can. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { CodedError } from '../../contract/errors';

/** Python's order of strings: by code point, not by locale. */
export function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export interface FolderEntries {
  readonly files: string[];
  readonly folders: string[];
}

/** Names in one folder, sorted; links are resolved, hidden entries (`.DS_Store`, `._x.jpg`) are left out. */
export async function listFolder(folder: string): Promise<FolderEntries> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new CodedError(
      {
        code: 'DATA_NOT_FOUND',
        reason: `The folder ${folder} cannot be read: ${(error as Error).message}.`,
        fix: 'Check the path and its permissions.',
        place: { file: folder },
      },
      { cause: error },
    );
  });
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const target = entry.isSymbolicLink() ? await stat(join(folder, entry.name)).catch(() => null) : entry;
    if (target?.isDirectory()) folders.push(entry.name);
    else if (target?.isFile()) files.push(entry.name);
  }
  return { files: files.sort(byCodePoint), folders: folders.sort(byCodePoint) };
}

export function hasExtension(file: string, extensions: readonly string[]): boolean {
  return extensions.includes(extname(file).toLowerCase());
}

/** All files below `folder` with one of the extensions: those of a folder first, then its subfolders in order. */
export async function listFiles(
  folder: string,
  extensions: readonly string[],
  above: readonly string[] = [],
): Promise<string[]> {
  const { files, folders } = await listFolder(folder);
  // A link to a folder above would go round in circles.
  const real = await realpath(folder);
  if (above.includes(real)) return [];
  const found = files.filter((name) => hasExtension(name, extensions)).map((name) => join(folder, name));
  for (const name of folders) found.push(...(await listFiles(join(folder, name), extensions, [...above, real])));
  return found;
}
