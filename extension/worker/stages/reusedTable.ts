/**
 * The table that a plan asks to reuse instead of calibrating: one of ours, which must have been made for the same model, data
 * and algorithm, or a cache that a TensorRT calibrator wrote, which says nothing of that and is taken at its word.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { checkCalibrationTable, readCalibrationTable } from '../../calibrate/calibrationTable';
import { readTensorrtCache, tableFromCache } from '../../calibrate/tensorrtCache';
import type { CalibrationKey, CalibrationTable } from '../../contract/calibrationTable';
import { CodedError } from '../../contract/errors';

export interface ReusedTable {
  readonly table: CalibrationTable;
  /** Whose calibrator set the scales. */
  readonly calibrator: 'builtin' | 'tensorrt';
}

/** @throws CodedError CALIBRATION_TABLE_MISMATCH naming every part that differs */
export async function readReusedTable(file: string, key: CalibrationKey): Promise<ReusedTable> {
  if (!(await isTensorrtCache(file))) {
    const table = await readCalibrationTable(file);
    checkCalibrationTable(table, key, file);
    return { table, calibrator: 'builtin' };
  }
  const cache = await readTensorrtCache(file);
  // Not the key of this run: a table made of a cache must not pass for one that was calibrated on the run's data.
  const data = createHash('sha256')
    .update(JSON.stringify([...cache.scales]))
    .digest('hex');
  const own = { ...key, data, biasCorrection: false, equalization: false };
  return { table: tableFromCache(cache, own), calibrator: 'tensorrt' };
}

/**
 * What a user must know of a TensorRT cache that lacks scales. Caches name tensors as the original graph does.
 *
 * @param tensors that need a scale
 * @throws CodedError CALIBRATION_TABLE_MISMATCH when it has none of them
 */
export function cacheWarnings(
  { tensors: scales }: CalibrationTable,
  tensors: readonly string[],
  file: string,
): string[] {
  const missing = tensors.filter((name) => !(name in scales));
  if (missing.length === 0) return [];
  if (missing.length < tensors.length) {
    const which = `${missing.length} of ${tensors.length} tensors, first "${missing[0]}"`;
    return [`The TensorRT cache ${file} has no scale for ${which}; they stay unquantized.`];
  }
  throw new CodedError({
    code: 'CALIBRATION_TABLE_MISMATCH',
    reason: `The TensorRT cache ${file} names none of the ${tensors.length} tensors that need a scale; it is another model's.`,
    fix: 'Give the cache that was written for this model, or calibrate again (leave --calib-table out).',
    place: { file },
  });
}

/** Our tables are JSON; a cache starts with the release that wrote it. */
async function isTensorrtCache(file: string): Promise<boolean> {
  const handle = await open(file, 'r').catch(() => null);
  // `readCalibrationTable` says why it cannot be opened.
  if (handle === null) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead).toString('latin1') === 'TRT-';
  } finally {
    await handle.close();
  }
}
