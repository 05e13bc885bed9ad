/** Makes a folder that the user named, with the folders above it. */
import { mkdir, stat } from 'node:fs/promises';
import * as path from 'node:path';

/**
 * As `mkdir -p`. Step by step and not by `mkdir`'s own `recursive`, which in Node 20 never returns where the system answers
 * ENOENT below a folder that exists, as /proc does.
 *
 * @returns the topmost folder that was made, or null where all were there
 * @throws Error as the file system does
 */
export async function makeFolder(folder: string): Promise<string | null> {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !(await exists(at)); at = path.dirname(at)) {
    missing.unshift(at);
    if (path.dirname(at) === at) break;
  }
  for (const name of missing) {
    await mkdir(name).catch((error: NodeJS.ErrnoException) => {
      // Another process may have been faster.
      if (error.code !== 'EEXIST') throw error;
    });
  }
  if (!(await stat(folder)).isDirectory()) {
    throw Object.assign(new Error(`ENOTDIR: ${folder} is a file, not a folder`), { code: 'ENOTDIR' });
  }
  return missing[0] ?? null;
}

async function exists(name: string): Promise<boolean> {
  try {
    await stat(name);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}
