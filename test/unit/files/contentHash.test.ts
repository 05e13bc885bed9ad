import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { contentHash, rememberContentHash } from '../../../extension/files/contentHash';
import { describeFile } from '../../../extension/files/describeFile';

vi.mock('../../../extension/files/describeFile', async (original) => {
  const real = await original<{ describeFile: typeof describeFile }>();
  return { describeFile: vi.fn(real.describeFile) };
});
const reads = vi.mocked(describeFile);

describe('contentHash', () => {
  let folder = '';
  let file = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'content-hash-'));
    file = join(folder, 'a');
    writeFileSync(file, 'one');
    reads.mockClear();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('reads a file once as long as it stays as it is', async () => {
    const first = await contentHash(file);
    expect(await contentHash(file)).toBe(first);
    expect(reads).toHaveBeenCalledTimes(1);
  });

  test('a file of the same size and time of writing with another content is another file', async () => {
    const first = await contentHash(file);
    utimesSync(file, 1, 1);
    const again = await contentHash(file);
    writeFileSync(file, 'two');
    utimesSync(file, 1, 1);
    expect(await contentHash(file)).not.toBe(first);
    expect(again).toBe(first);

    writeFileSync(join(folder, 'b'), 'one');
    renameSync(join(folder, 'b'), file);
    expect(await contentHash(file)).toBe(first);
  });

  test('what is known from writing is not read, until the file is written again', async () => {
    await rememberContentHash(file, 'known');
    expect(await contentHash(file)).toBe('known');
    expect(reads).not.toHaveBeenCalled();
    writeFileSync(file, 'two');
    expect(await contentHash(file)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a file that is not there is an error, also after it was', async () => {
    await contentHash(file);
    rmSync(file);
    await expect(contentHash(file)).rejects.toThrow('ENOENT');
  });
});
