import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeCalibrationTable } from '../../../../extension/calibrate/calibrationTable';
import { formatTensorrtCache } from '../../../../extension/calibrate/tensorrtCache';
import type { CalibrationKey, CalibrationTable } from '../../../../extension/contract/calibrationTable';
import { cacheWarnings, readReusedTable } from '../../../../extension/worker/stages/reusedTable';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'reused-table-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const key: CalibrationKey = {
  model: 'a'.repeat(64),
  data: 'b'.repeat(64),
  preprocess: 'c'.repeat(64),
  samples: 4,
  algorithm: 'entropy',
  percentile: null,
  cutoff: null,
  biasCorrection: true,
  equalization: true,
};

function cacheFile(): string {
  const scales = new Map([
    ['/conv1/Conv_output: 0', 0.5],
    ['y', 0.25],
  ]);
  const file = path.join(folder, 'calibration.cache');
  writeFileSync(file, formatTensorrtCache(scales, { major: 10, minor: 3, patch: 0 }, 'EntropyCalibration2'));
  return file;
}

describe('readReusedTable', () => {
  it('takes a table of ours that was made for the same, and refuses another', async () => {
    const file = path.join(folder, 'calibration.json');
    const table: CalibrationTable = { schemaVersion: 1, key, representative: true, tensors: {} };
    await writeCalibrationTable(table, file);
    expect(await readReusedTable(file, key)).toEqual({ table, calibrator: 'builtin' });
    await expect(readReusedTable(file, { ...key, samples: 5 })).rejects.toMatchObject({
      code: 'CALIBRATION_TABLE_MISMATCH',
      reason: expect.stringContaining('number of samples') as string,
    });
  });

  it("takes the scales of a TensorRT cache as they are, not as this run's own", async () => {
    const { table, calibrator } = await readReusedTable(cacheFile(), key);
    expect(calibrator).toBe('tensorrt');
    expect(table.tensors['/conv1/Conv_output: 0']).toMatchObject({ scale: 0.5, threshold: 63.5 });
    // Saved and offered again, it must not pass for a table that was calibrated on this data.
    const saved = path.join(folder, 'saved.json');
    await writeCalibrationTable(table, saved);
    await expect(readReusedTable(saved, key)).rejects.toMatchObject({ code: 'CALIBRATION_TABLE_MISMATCH' });
  });

  it.each([
    ['missing', null],
    ['empty', ''],
    ['a cache of an unknown calibrator', 'TRT-8600-Other\nx: 3f000000\n'],
  ])('refuses a file that is %s', async (_, text) => {
    const file = path.join(folder, 'file');
    if (text !== null) writeFileSync(file, text);
    await expect(readReusedTable(file, key)).rejects.toMatchObject({
      code: 'CALIBRATION_TABLE_MISMATCH',
      place: { file },
    });
  });
});

describe('cacheWarnings', () => {
  it('names what a cache lacks, and refuses one that has nothing', async () => {
    const { table } = await readReusedTable(cacheFile(), key);
    expect(cacheWarnings(table, ['y'], 'c')).toEqual([]);
    expect(cacheWarnings(table, ['x', 'y'], 'c')).toEqual([
      'The TensorRT cache c has no scale for 1 of 2 tensors, first "x"; they stay unquantized.',
    ]);
    expect(() => cacheWarnings(table, ['x', 'z'], 'c')).toThrow(
      expect.objectContaining({ code: 'CALIBRATION_TABLE_MISMATCH', place: { file: 'c' } }),
    );
  });
});
