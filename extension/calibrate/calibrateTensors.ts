/**
 * Pass 2: a scale for every tensor that a Q/DQ pair needs.
 *
 * Takes the histograms that `observeRanges.ts` gathered, or goes over the data again for the tensors that have none, and
 * lets `algorithms/` choose each threshold. The result is the calibration table that `plan/applyPlan.ts` writes into the graph.
 */
import type { CalibrationEntry, CalibrationKey, CalibrationTable, TensorRanges } from '../contract/calibrationTable';
import { CodedError } from '../contract/errors';
import type { Model } from '../model/model';
import { chooseThreshold, type ThresholdOptions } from './algorithms/chooseThreshold';
import { int8Levels } from './algorithms/quantizationNoise';
import { usedBins, type Histogram } from './histogram';
import { observeTensors, type ObservationOptions, type ObservationSource } from './observeTensors';

export interface CalibrationRequest extends ObservationSource, ThresholdOptions {
  /** Tensors that need a scale. */
  readonly tensors: readonly string[];
  readonly ranges: TensorRanges;
  /** Histograms gathered earlier, on the same model and samples. */
  readonly histograms?: ReadonlyMap<string, Histogram> | undefined;
  readonly key: CalibrationKey;
}

/** @throws CodedError CALIBRATION_FAILED when no tensor gets a scale, CANCELLED, and what `open`, `run` and the data set throw */
export async function calibrateTensors(
  model: Model,
  request: CalibrationRequest,
  options: ObservationOptions = {},
): Promise<CalibrationTable> {
  const excluded: Record<string, string> = {};
  const usable = request.tensors.filter((name) => {
    const reason = exclusionReason(name, request.ranges);
    if (reason !== null) excluded[name] = reason;
    return reason === null;
  });
  const histograms = await allHistograms(model, request, usable, options);
  const entries = usable.map((name): [string, CalibrationEntry] => [name, entry(name, histograms.get(name), request)]);
  if (request.tensors.length > 0 && entries.length === 0) throw nothingCalibrated(model, excluded);
  return {
    schemaVersion: 1,
    key: request.key,
    representative: request.ranges.representative,
    tensors: Object.fromEntries(entries),
    excluded,
  };
}

/** Why a tensor cannot have a scale, or null. */
function exclusionReason(name: string, { tensors, samples }: TensorRanges): string | null {
  const range = tensors.get(name);
  if (range === undefined) return 'not a tensor of the outer graph that was observed';
  if (range.nonFinite > 0) return `${range.nonFinite} elements are NaN or infinite in ${samples} samples`;
  if (range.absMax === null)
    return range.min === null && range.dims.includes(0) ? 'empty' : `no float values (${range.dtype})`;
  return null;
}

async function allHistograms(
  model: Model,
  request: CalibrationRequest,
  names: readonly string[],
  options: ObservationOptions,
): Promise<ReadonlyMap<string, Histogram>> {
  const known = new Map(request.histograms);
  const missing = names.filter((name) => !known.has(name));
  if (missing.length === 0) return known;
  const tensors = missing.map((name) => {
    const { dtype, dims } = request.ranges.tensors.get(name)!;
    return { name, dtype, dims, histogram: true };
  });
  const observations = await observeTensors(model, request, tensors, options);
  for (const [name, { histogram }] of observations.tensors) if (histogram !== null) known.set(name, histogram);
  return known;
}

/** A tensor that is zero throughout gets scale 1: every quantizer maps it to zero, and scales must be positive. */
const allZero = { threshold: int8Levels, algorithm: 'minmax', sqnrDb: null, unfit: null } as const;

function entry(name: string, histogram: Histogram | undefined, request: CalibrationRequest): CalibrationEntry {
  const { min, max, absMax } = request.ranges.tensors.get(name)!;
  const largest = absMax ?? 0;
  const chosen =
    largest === 0 || histogram === undefined || usedBins(histogram) === 0
      ? allZero
      : chooseThreshold(histogram, largest, request);
  return { min: min ?? 0, max: max ?? 0, ...chosen, scale: int8Scale(chosen.threshold) };
}

/** T / 127 as float32; ranges so small that it would be zero or subnormal get the smallest normal number. */
function int8Scale(threshold: number): number {
  return Math.max(Math.fround(threshold / int8Levels), 2 ** -126);
}

function nothingCalibrated(model: Model, excluded: Readonly<Record<string, string>>): CodedError {
  const [[name, reason] = ['', 'none was asked for']] = Object.entries(excluded);
  return new CodedError({
    code: 'CALIBRATION_FAILED',
    reason: `${model.path}: none of the ${Object.keys(excluded).length} tensors to calibrate has a usable range; "${name}": ${reason}.`,
    fix: 'Check the calibration data and its preprocessing: the FP32 model itself gives values that are not numbers on them.',
    place: { file: model.path, field: name },
  });
}
