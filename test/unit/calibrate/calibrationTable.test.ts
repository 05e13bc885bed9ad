import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkCalibrationTable,
  formatCalibrationTable,
  readCalibrationTable,
  writeCalibrationTable,
} from '../../../extension/calibrate/calibrationTable';
import type { CalibrationTable } from '../../../extension/contract/calibrationTable';
import { CodedError } from '../../../extension/contract/errors';

const table: CalibrationTable = {
  schemaVersion: 1,
  key: {
    ...{ model: 'a'.repeat(64), data: 'b'.repeat(64), preprocess: 'imagenet' },
    ...{ samples: 100, algorithm: 'entropy', percentile: null },
  },
  representative: true,
  tensors: {
    'x "quoted": é': { min: -1, max: 2, threshold: 2, scale: 2 / 127, algorithm: 'mse', sqnrDb: 40.5, unfit: 'spike' },
    y: { min: 0, max: 0, threshold: 127, scale: 1, algorithm: 'minmax', sqnrDb: null, unfit: null },
  },
  excluded: { z: '3 elements are NaN' },
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'table-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

function mismatch(run: () => void): CodedError {
  try {
    run();
  } catch (error) {
    if (CodedError.is(error, 'CALIBRATION_TABLE_MISMATCH')) return error;
    throw error;
  }
  throw new Error('no mismatch was found');
}

describe('calibration table files', () => {
  it('come back as they were, one line per tensor, nothing left aside', async () => {
    const path = join(folder, 'table.json');
    await writeCalibrationTable(table, path);
    expect(await readCalibrationTable(path)).toEqual(table);
    const lines = (await readFile(path, 'utf8')).split('\n');
    for (const name of ['x "quoted": é', 'y', 'z']) {
      expect(lines.filter((line) => line.startsWith(`    ${JSON.stringify(name)}: `))).toHaveLength(1);
    }
    expect(await readdir(folder)).toEqual(['table.json']);
    expect(JSON.parse(formatCalibrationTable({ ...table, tensors: {} }))).toEqual({ ...table, tensors: {} });
  });

  it('are not half written where the folder cannot be made', async () => {
    await writeFile(join(folder, 'blocked'), '');
    const path = join(folder, 'blocked', 'table.json');
    await expect(writeCalibrationTable(table, path)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });

  it.each([
    ['not JSON', '{"schemaVersion": 1,', 'cannot be read'],
    ['another document', '{"schemaVersion": 1}', 'is not a calibration table'],
    ['a scale of zero', JSON.stringify(table).replace('"scale":1,', '"scale":0,'), 'tensors/y/scale'],
    ['an unknown field', JSON.stringify({ ...table, more: 1 }), 'additional properties'],
    ['a newer schema', JSON.stringify({ ...table, schemaVersion: 2 }), 'schemaVersion'],
    ['an algorithm of ours misspelt', JSON.stringify(table).replace('"mse"', '"msee"'), 'algorithm'],
  ])('are refused when they hold %s', async (_, text, told) => {
    const path = join(folder, 'bad.json');
    await writeFile(path, text);
    await expect(readCalibrationTable(path)).rejects.toSatisfy(
      (error) =>
        CodedError.is(error, 'CALIBRATION_TABLE_MISMATCH') &&
        `${error.reason} ${error.place?.field ?? ''}`.includes(told) &&
        error.place?.file === path,
    );
  });

  it('are refused when missing', async () => {
    await expect(readCalibrationTable(join(folder, 'none.json'))).rejects.toMatchObject({
      code: 'CALIBRATION_TABLE_MISMATCH',
    });
  });
});

describe('checkCalibrationTable', () => {
  it('accepts the same key, with or without absent parts', () => {
    checkCalibrationTable(table, { ...table.key }, 't');
    checkCalibrationTable(table, { ...table.key, cutoff: null }, 't');
  });

  it('names every part that differs, and only those', () => {
    const key = { ...table.key, model: 'c'.repeat(64), samples: 99, percentile: 99.9 };
    const { reason } = mismatch(() => checkCalibrationTable(table, key, '/data/t.json'));
    expect(reason).toContain('/data/t.json');
    expect(reason).toContain('the model (SHA-256) is cccccccccccc, in the table aaaaaaaaaaaa');
    expect(reason).toContain('the number of samples is 99, in the table 100');
    expect(reason).toContain('the percentile is 99.9, in the table none');
    expect(reason).not.toContain('the data');
    expect(reason).not.toContain('the algorithm');
    expect(mismatch(() => checkCalibrationTable(table, { ...table.key, algorithm: 'mse' }, 't')).reason).toContain(
      'the algorithm is mse, in the table entropy',
    );
  });
});
