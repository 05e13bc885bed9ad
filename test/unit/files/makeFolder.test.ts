import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '../../../extension/files/makeFolder';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'make-folder-'));
});
afterEach(async () => rm(root, { recursive: true }));

describe('makeFolder', () => {
  it('makes what is missing and names the topmost', async () => {
    expect(await makeFolder(path.join(root, 'a/b/c'))).toBe(path.join(root, 'a'));
    expect(existsSync(path.join(root, 'a/b/c'))).toBe(true);
    expect(await makeFolder(path.join(root, 'a/b/d'))).toBe(path.join(root, 'a/b/d'));
    expect(await makeFolder(path.join(root, 'a/b'))).toBeNull();
  });

  it('a file in the way is an error', async () => {
    await writeFile(path.join(root, 'file'), '');
    await expect(makeFolder(path.join(root, 'file'))).rejects.toThrow(/ENOTDIR/);
    await expect(makeFolder(path.join(root, 'file', 'below'))).rejects.toThrow();
  });

  it.skipIf(process.platform !== 'linux')('where the system makes nothing it fails and does not hang', async () => {
    await expect(makeFolder('/proc/precision-bench/out')).rejects.toThrow(/ENOENT/);
  });

  it('two at a time do not disturb each other', async () => {
    await Promise.all([makeFolder(path.join(root, 'x/y')), makeFolder(path.join(root, 'x/y'))]);
    expect(existsSync(path.join(root, 'x/y'))).toBe(true);
  });
});
