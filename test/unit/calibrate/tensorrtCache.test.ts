import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  cacheScales,
  cacheVersion,
  calibratorFor,
  formatTensorrtCache,
  parseTensorrtCache,
  readTensorrtCache,
  tableFromCache,
  writeTensorrtCache,
} from '../../../extension/calibrate/tensorrtCache';

const key = {
  ...{ model: 'm', data: 'd', preprocess: 'p', samples: 10 },
  ...{ algorithm: 'entropy' as const, percentile: null },
};
const text = [
  'TRT-8510-EntropyCalibration2',
  'x: 4000890a',
  'data: 3c008912',
  '(Unnamed Layer* 4) [Fully Connected]_output: 3d2b0c1a',
  'scope: a: b: 3f800000',
  'small: 3a0',
  'empty: 00000000',
  '',
].join('\n');

describe('parseTensorrtCache', () => {
  it('reads published caches: T = 127 · scale = (2048 + 0.5) · 255 / 2048', () => {
    const cache = parseTensorrtCache(text, 'c');
    expect(cache).toMatchObject({ version: 8510, calibrator: 'EntropyCalibration2' });
    expect(cache.scales.get('x')! * 127).toBeCloseTo(255.06225, 4);
    expect(cache.scales.get('data')! * 127).toBeCloseTo((255 / 256) * (2048.5 / 2048), 5);
  });

  it('splits on the last colon and takes hexadecimals without leading zeros', () => {
    const { scales } = parseTensorrtCache(text.replaceAll('\n', '\r\n'), 'c');
    expect([...scales.keys()]).toEqual([
      ...['x', 'data', '(Unnamed Layer* 4) [Fully Connected]_output', 'scope: a: b', 'small', 'empty'],
    ]);
    expect(scales.get('scope: a: b')).toBe(1);
    expect(scales.get('small')).toBeCloseTo(0x3a0 * 2 ** -149, 50);
  });

  it.each([
    ['an empty file', '', 'first line'],
    ['a header of another tool', 'TF-8510-EntropyCalibration2\nx: 3f800000', 'TF-8510'],
    ['an unknown calibrator', 'TRT-8510-Magic\nx: 3f800000', 'TRT-8510-Magic'],
    ['no line', 'TRT-8510-EntropyCalibration2\n', 'no scale'],
    ['a line without scale', 'TRT-8510-EntropyCalibration2\nx 3f800000', 'line 2'],
    ['nine digits', 'TRT-8510-EntropyCalibration2\nx: 3f8000000', 'line 2'],
    ['a NaN', 'TRT-8510-EntropyCalibration2\nx: 3f800000\ny: 7fc00000', 'line 3'],
    ['a negative scale', 'TRT-8510-EntropyCalibration2\nx: bf800000', 'line 2'],
  ])('refuses %s', (_, bad, told) => {
    expect(() => parseTensorrtCache(bad, '/c.cache')).toThrow(
      expect.objectContaining({
        code: 'CALIBRATION_TABLE_MISMATCH',
        reason: expect.stringContaining(told) as string,
        place: { file: '/c.cache' },
      }) as Error,
    );
  });

  it('refuses another release or calibrator with the reason', () => {
    const version = { major: 10, minor: 3, patch: 0 };
    expect(() => parseTensorrtCache(text, 'c', { version })).toThrow(/8510.*10\.3\.0 needs 100300/);
    expect(() => parseTensorrtCache(text, 'c', { calibrator: 'MinMaxCalibration' })).toThrow(
      /EntropyCalibration2, not by MinMaxCalibration/,
    );
    const same = { version: { major: 8, minor: 5, patch: 10 }, calibrator: 'EntropyCalibration2' } as const;
    expect(parseTensorrtCache(text, 'c', same).scales.size).toBe(6);
  });
});

describe('writing a cache', () => {
  it.each([
    [{ major: 8, minor: 5, patch: 10 }, 8510],
    [{ major: 8, minor: 6, patch: 1 }, 8601],
    [{ major: 10, minor: 3, patch: 0 }, 100300],
    [{ major: 10, minor: 16, patch: 1 }, 101601],
  ])('has the version number of %o', (version, number) => {
    expect(cacheVersion(version)).toBe(number);
  });

  it('pads to eight digits and comes back bit for bit', async () => {
    const scales = new Map([
      ['a: b', Math.fround(0.1)],
      ['tiny', 1e-42],
      ['one', 1],
    ]);
    const version = { major: 8, minor: 6, patch: 1 };
    const written = formatTensorrtCache(scales, version, 'MinMaxCalibration');
    expect(written).toBe('TRT-8601-MinMaxCalibration\na: b: 3dcccccd\ntiny: 000002ca\none: 3f800000\n');
    const folder = await mkdtemp(join(tmpdir(), 'cache-test-'));
    try {
      const file = join(folder, 'calibration.cache');
      await writeTensorrtCache(scales, version, 'MinMaxCalibration', file);
      expect(await readFile(file, 'utf8')).toBe(written);
      const read = await readTensorrtCache(file, { version, calibrator: 'MinMaxCalibration' });
      expect(formatTensorrtCache(read.scales, version, 'MinMaxCalibration')).toBe(written);
      await writeFile(file, 'x');
      await expect(readTensorrtCache(file)).rejects.toMatchObject({ code: 'CALIBRATION_TABLE_MISMATCH' });
      await expect(writeTensorrtCache(scales, version, 'MinMaxCalibration', join(file, 'x'))).rejects.toMatchObject({
        code: 'OUTPUT_UNWRITABLE',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('names the calibrator class that will take it', () => {
    expect(calibratorFor('minmax')).toBe('MinMaxCalibration');
    expect(calibratorFor('legacy')).toBe('LegacyCalibration');
    expect(calibratorFor('auto')).toBe('EntropyCalibration2');
  });
});

describe('tableFromCache', () => {
  it('carries the scales over and back, leaving out tensors that TensorRT found empty', () => {
    const table = tableFromCache(parseTensorrtCache(text, 'c'), key);
    expect(table.tensors['empty']).toBeUndefined();
    expect(table.tensors['x']).toMatchObject({ algorithm: 'entropy', sqnrDb: null, unfit: null });
    const again = formatTensorrtCache(cacheScales(table), { major: 8, minor: 5, patch: 10 }, 'EntropyCalibration2');
    expect(again).toBe(text.replace('small: 3a0', 'small: 000003a0').replace('empty: 00000000\n', ''));
  });
});
