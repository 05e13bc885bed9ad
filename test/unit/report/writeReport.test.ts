import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../../extension/contract/errors';
import { readReport } from '../../../extension/report/readReport';
import { writeReport } from '../../../extension/report/writeReport';
import { samplePath, sampleReport } from './sampleReport';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'report-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (CodedError.is(error)) return error.code;
    throw error;
  }
  return 'no error';
}

describe('writeReport', () => {
  it('writes four files and leaves nothing else, in a folder that it makes', async () => {
    const out = path.join(folder, 'new', 'out');
    const files = await writeReport(sampleReport(), out);
    expect((await readdir(out)).sort()).toEqual(['report.csv', 'report.html', 'report.json', 'report.md']);
    expect(await readReport(files.json)).toEqual(sampleReport());
  });

  it('names the file that cannot be written', async () => {
    const blocker = path.join(folder, 'file');
    await writeFile(blocker, '');
    expect(await codeOf(writeReport(sampleReport(), path.join(blocker, 'out')))).toBe('OUTPUT_UNWRITABLE');
  });
});

describe('readReport', () => {
  it('reads a saved report', async () => {
    expect((await readReport(samplePath)).variants).toHaveLength(5);
  });

  it.each([
    ['text that is no JSON', '{"schemaVersion": 1,'],
    ['JSON that is no report', '{"schemaVersion": 1}'],
    ['another version', '{"schemaVersion": 99}'],
  ])('refuses %s', async (_, text) => {
    const file = path.join(folder, 'report.json');
    await writeFile(file, text);
    expect(await codeOf(readReport(file))).toBe('REPORT_INVALID');
  });

  it('refuses a file that is not there', async () => {
    expect(await codeOf(readReport(path.join(folder, 'none.json')))).toBe('REPORT_INVALID');
  });
});
