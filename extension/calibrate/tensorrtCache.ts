/**
 * TensorRT's own calibration cache files, read and written.
 *
 * Text: a header `TRT-<version>-<calibrator>`, then `tensor: scale` per line, the scale (T / 127) as the hexadecimal digits
 * of its big-endian IEEE-754 float32. The version is major·1000 + minor·100 + patch below TensorRT 10 (8.5.10 is 8510) and
 * major·10000 + minor·100 + patch from 10 on (10.3.0 is 100300). Source: caches published with networks, and
 * ALGORITHMS.md §3. TensorRT silently calibrates again when the header is of another release or calibrator, so a refusal
 * here says which of the two it is. Used by the command line (`calibrate --tensorrt-cache`) and by the weakly typed builds
 * of TensorRT 8 and 10.
 */
import { readFile } from 'node:fs/promises';
import type { CalibrationTable } from '../contract/calibrationTable';
import { CodedError } from '../contract/errors';
import type { CalibrationAlgorithm } from '../contract/plan';
import { writeAtomically } from '../files/writeAtomically';
import { int8Levels } from './algorithms/quantizationNoise';

/** The calibrator classes that write caches, by the name in the header. */
export const tensorrtCalibrators = [
  'EntropyCalibration2',
  'EntropyCalibration',
  'MinMaxCalibration',
  'LegacyCalibration',
] as const;
export type TensorrtCalibrator = (typeof tensorrtCalibrators)[number];

export interface TensorrtVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

export interface TensorrtCache {
  /** The number in the header. */
  readonly version: number;
  readonly calibrator: TensorrtCalibrator;
  /** INT8 scale (T / 127) by tensor name. */
  readonly scales: ReadonlyMap<string, number>;
}

/** What a cache has to be to be taken by a build; parts left out are not checked. */
export interface CacheExpectation {
  readonly version?: TensorrtVersion;
  readonly calibrator?: TensorrtCalibrator;
}

/**
 * The calibrator class under whose name our scales are handed to TensorRT: the class decides which TensorRT calibrator accepts
 * the cache, not how the scales were found. Algorithms that TensorRT has no class for go as EntropyCalibration2, its default.
 */
export function calibratorFor(algorithm: CalibrationAlgorithm): TensorrtCalibrator {
  if (algorithm === 'minmax') return 'MinMaxCalibration';
  return algorithm === 'legacy' ? 'LegacyCalibration' : 'EntropyCalibration2';
}

/** The version number as cache headers carry it. */
export function cacheVersion({ major, minor, patch }: TensorrtVersion): number {
  return major * (major < 10 ? 1000 : 10000) + minor * 100 + patch;
}

/** The text of a cache. */
export function formatTensorrtCache(
  scales: ReadonlyMap<string, number>,
  version: TensorrtVersion,
  calibrator: TensorrtCalibrator,
): string {
  const lines = [...scales].map(([name, scale]) => `${name}: ${hexOfFloat(scale)}`);
  return [`TRT-${cacheVersion(version)}-${calibrator}`, ...lines, ''].join('\n');
}

/** The scales of a calibration table, as a cache carries them. */
export function cacheScales({ tensors }: CalibrationTable): Map<string, number> {
  return new Map(Object.entries(tensors).map(([name, { scale }]) => [name, scale]));
}

/**
 * @param file named in errors
 * @throws CodedError CALIBRATION_TABLE_MISMATCH when the text is no cache, or not the one expected
 */
export function parseTensorrtCache(text: string, file: string, expected: CacheExpectation = {}): TensorrtCache {
  const [header = '', ...lines] = text.split(/\r?\n/);
  const match = /^TRT-(\d+)-(\w+)$/.exec(header.trim());
  const calibrator = tensorrtCalibrators.find((name) => name === match?.[2]);
  if (match === null || calibrator === undefined) {
    const known = tensorrtCalibrators.join(', ');
    throw refused(file, `its first line is "${header.slice(0, 80)}", not TRT-<version>-<one of ${known}>`);
  }
  const version = Number(match[1]);
  checkExpectation(version, calibrator, expected, file);
  const scales = new Map<string, number>();
  lines.forEach((line, index) => {
    if (line.trim() === '') return;
    const [name, scale] = parseLine(line, index + 2, file);
    scales.set(name, scale);
  });
  if (scales.size === 0) throw refused(file, 'it holds no scale');
  return { version, calibrator, scales };
}

function checkExpectation(
  version: number,
  calibrator: TensorrtCalibrator,
  expected: CacheExpectation,
  file: string,
): void {
  if (expected.version !== undefined && cacheVersion(expected.version) !== version) {
    const { major, minor, patch } = expected.version;
    throw refused(
      file,
      `it was written by version ${version} and caches are not portable across releases; ` +
        `TensorRT ${major}.${minor}.${patch} needs ${cacheVersion(expected.version)}`,
    );
  }
  if (expected.calibrator !== undefined && expected.calibrator !== calibrator) {
    throw refused(file, `it was written by ${calibrator}, not by ${expected.calibrator}`);
  }
}

/** Tensor names may hold colons and spaces: the last `": "` parts name and scale. */
function parseLine(line: string, number: number, file: string): [string, number] {
  const split = line.lastIndexOf(': ');
  const digits = line.slice(split + 2).trim();
  if (split < 1 || !/^[0-9a-fA-F]{1,8}$/.test(digits)) {
    throw refused(file, `line ${number} is "${line.slice(0, 80)}", not "tensor: 8 hexadecimal digits"`);
  }
  const scale = floatOfHex(digits);
  if (!Number.isFinite(scale) || scale < 0) throw refused(file, `line ${number} has the scale ${scale}`);
  return [line.slice(0, split), scale];
}

/** @throws CodedError CALIBRATION_TABLE_MISMATCH */
export async function readTensorrtCache(file: string, expected: CacheExpectation = {}): Promise<TensorrtCache> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw refused(file, `it cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  return parseTensorrtCache(text, file, expected);
}

/** @throws CodedError OUTPUT_UNWRITABLE */
export async function writeTensorrtCache(
  scales: ReadonlyMap<string, number>,
  version: TensorrtVersion,
  calibrator: TensorrtCalibrator,
  file: string,
): Promise<void> {
  await writeAtomically(file, formatTensorrtCache(scales, version, calibrator));
}

/**
 * A cache as a calibration table: thresholds are known, the distributions behind them are not.
 *
 * The range is taken to be ±T. TensorRT writes zero for tensors it found empty; those are left out.
 */
export function tableFromCache(cache: TensorrtCache, key: CalibrationTable['key']): CalibrationTable {
  const algorithms = {
    EntropyCalibration2: 'entropy',
    EntropyCalibration: 'entropy',
    MinMaxCalibration: 'minmax',
    LegacyCalibration: 'legacy',
  } as const;
  const entries = [...cache.scales].filter(([, scale]) => scale > 0);
  return {
    schemaVersion: 1,
    key,
    representative: true,
    tensors: Object.fromEntries(
      entries.map(([name, scale]) => {
        const threshold = scale * int8Levels;
        const algorithm = algorithms[cache.calibrator];
        return [name, { min: -threshold, max: threshold, threshold, scale, algorithm, sqnrDb: null, unfit: null }];
      }),
    ),
  };
}

function hexOfFloat(value: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0).toString(16).padStart(8, '0');
}

function floatOfHex(digits: string): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, parseInt(digits, 16));
  return view.getFloat32(0);
}

function refused(file: string, reason: string, cause?: unknown): CodedError {
  return new CodedError(
    {
      code: 'CALIBRATION_TABLE_MISMATCH',
      reason: `The TensorRT calibration cache ${file} cannot be used: ${reason}.`,
      fix: 'Calibrate again with the TensorRT release and calibrator that will read the cache.',
      place: { file },
    },
    { cause },
  );
}
