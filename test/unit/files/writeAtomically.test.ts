import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeAtomically } from '../../../extension/files/writeAtomically';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'write-atomically-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('writeAtomically', () => {
  it('replaces a file and leaves nothing else, in folders that it makes', async () => {
    const file = path.join(folder, 'new', 'deep', 'text.txt');
    await writeAtomically(file, 'first');
    await writeAtomically(file, 'sécond');
    expect(await readFile(file, 'utf8')).toBe('sécond');
    expect(await readdir(path.dirname(file))).toEqual(['text.txt']);
  });

  it('keeps what is there when the new file cannot be put in its place', async () => {
    // A folder in the place of the file: the rename fails after the text was written aside.
    const blocked = path.join(folder, 'report.md');
    await mkdir(blocked);
    await writeFile(path.join(blocked, 'inside'), 'x');
    await expect(writeAtomically(blocked, 'y')).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      place: { file: blocked },
    });
    expect(await readFile(path.join(blocked, 'inside'), 'utf8')).toBe('x');
    expect(await readdir(folder)).toEqual(['report.md']);
  });

  it('names the file whose folder cannot be made', async () => {
    const blocker = path.join(folder, 'file');
    await writeFile(blocker, '');
    const file = path.join(blocker, 'out', 'text.txt');
    await expect(writeAtomically(file, 'y')).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      reason: expect.stringContaining(file) as string,
    });
  });

  it('lets writers at the same time all succeed, the file being one of theirs', async () => {
    const file = path.join(folder, 'shared.txt');
    const texts = Array.from({ length: 8 }, (_, index) => String(index).repeat(10_000));
    await Promise.all(texts.map((text) => writeAtomically(file, text)));
    expect(texts).toContain(await readFile(file, 'utf8'));
    expect(await readdir(folder)).toEqual(['shared.txt']);
  });
});
