import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeFile } from '../../../extension/files/describeFile';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'describe-file-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

// Hashes from `sha256sum`: the empty text, "abc" (FIPS 180-2, example B.1) and three million times "a".
describe('describeFile', () => {
  it.each([
    ['', 0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 3, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ])('gives size and hash of %j', async (text, bytes, sha256) => {
    const file = path.join(folder, 'file');
    await writeFile(file, text);
    expect(await describeFile(file)).toEqual({ bytes, sha256 });
  });

  it('reads a file of several pieces whole', async () => {
    const file = path.join(folder, 'file');
    await writeFile(file, 'a'.repeat(3_000_000));
    expect(await describeFile(file)).toEqual({
      bytes: 3_000_000,
      sha256: '2a152c894398719c0570f83fac34ac03a0f6e8e474b995c2403aa5434f7b9dd4',
    });
  });

  it('rejects for a file that is not there', async () => {
    await expect(describeFile(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
