/**
 * Calibration by TensorRT itself: our data sets, streamed batch by batch, and its cache file with a note beside it of what it
 * was made from.
 *
 * TensorRT reads any cache whose first line names its release and calibrator, whatever model and data it came from. So a
 * cache is checked here, before it is handed over, and refused with the reason. Comes before `buildEngine.ts`, for TensorRT
 * 8 and 10.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CalibratorRequest } from '../backends/backend';
import { batches } from '../calibrate/batches';
import type { Dataset } from '../calibrate/dataset';
import { parseTensorrtCache, type TensorrtCalibrator, type TensorrtVersion } from '../calibrate/tensorrtCache';
import { CodedError } from '../contract/errors';
import type { Plan } from '../contract/plan';
import type { CalibrationSummary } from '../contract/report';
import type { TensorrtCalibration, TensorrtCalibratorName } from '../contract/stageMethods';
import type { NamedTensors } from '../contract/tensor';
import { writeAtomically } from '../files/writeAtomically';

/** What a cache was made from, in `CACHE.json` beside it. */
const noteSchema = Type.Object({
  schemaVersion: Type.Literal(1),
  /** SHA-256 of the model as the user gave it. */
  model: Type.String(),
  /** Hash of data, samples chosen and preprocessing. */
  data: Type.String(),
  algorithm: Type.String(),
  quantile: Type.Union([Type.Number(), Type.Null()]),
  cutoff: Type.Union([Type.Number(), Type.Null()]),
  batchSize: Type.Number(),
  samples: Type.Number(),
});
export type CacheNote = Static<typeof noteSchema>;

const headerNames: Readonly<Record<TensorrtCalibratorName, TensorrtCalibrator>> = {
  entropy2: 'EntropyCalibration2',
  entropy: 'EntropyCalibration',
  minmax: 'MinMaxCalibration',
  legacy: 'LegacyCalibration',
};

export interface CalibrationRequest {
  readonly algorithm: TensorrtCalibratorName;
  readonly plan: Plan['calibration'];
  readonly calibration: TensorrtCalibration;
  /** Version of the library that calibrates, as `10.6.0`. */
  readonly version: string;
  /** Names of the graph's tensors: a cache that knows none of them belongs to another model. */
  readonly tensors: ReadonlySet<string>;
  /** Converts a batch to what TensorRT calibrates with: floats in FP32, integers in the graph's type. */
  readonly convert: (feeds: NamedTensors) => NamedTensors;
}

/** One calibration, before, during and after the build that it is for. */
export class TensorrtCalibrationRun {
  readonly warnings: string[] = [];
  private fed = 0;
  private skipped = 0;
  /** The cache that was read, and whether the note beside it vouches for it. */
  private read: { readonly text: string; readonly hasNote: boolean } | null = null;
  private readonly started = performance.now();

  private constructor(
    private readonly request: CalibrationRequest,
    private readonly note: CacheNote,
  ) {}

  /**
   * Reads the cache, if the plan names one that is there. No data yet: an engine that is kept needs none.
   *
   * @throws CodedError CALIBRATION_TABLE_MISMATCH when the cache does not fit
   */
  static async prepare(request: CalibrationRequest): Promise<TensorrtCalibrationRun> {
    const run = new TensorrtCalibrationRun(request, noteOf(request));
    await run.readCache();
    return run;
  }

  /** Hash of everything that decides the scales. */
  get key(): string {
    // A cache of the same note holds the scales that calibrating would give.
    return sha256(this.read === null || this.read.hasNote ? JSON.stringify(this.note) : this.read.text);
  }

  /**
   * What the builder calibrates with; reads the first batch, whose shape all batches have.
   *
   * @param dataset stays open as long as the builder works
   * @throws CodedError those of reading data
   */
  async open(dataset: Dataset, signal?: AbortSignal): Promise<CalibratorRequest> {
    const { algorithm } = this.request;
    const { quantile, cutoff } = this.note;
    const first = await firstBatch(this.request, dataset, signal);
    const shapes = Object.fromEntries(Object.entries(first).map(([name, { dims }]) => [name, dims]));
    return {
      algorithm,
      ...(quantile === null ? {} : { quantile }),
      ...(cutoff === null ? {} : { cutoff }),
      shapes,
      cache: this.read === null ? null : Buffer.from(this.read.text),
      batches: (stop) => this.batches(dataset, shapes, stop),
    };
  }

  /**
   * Writes the cache as a result of the run and, where the plan names a file that was not there, to that file.
   * @param written by the build, now or earlier
   * @returns the files of the result
   */
  async writeCaches(written: string | null): Promise<string[]> {
    const text = written ?? this.read?.text;
    if (text === undefined) return [];
    const { cache, output } = this.request.calibration;
    const files = cache === null || this.read !== null ? [output] : [output, cache];
    for (const file of files) {
      await writeAtomically(file, text);
      await writeAtomically(notePath(file), `${JSON.stringify(this.note, null, 2)}\n`);
    }
    return [output, notePath(output)];
  }

  /** @param written by the build, now or earlier */
  summary(written: string | null): CalibrationSummary {
    const text = written ?? this.read?.text ?? null;
    const hasCalibrated = this.fed > 0;
    return {
      algorithm: this.request.algorithm,
      calibrator: 'tensorrt',
      batchSize: this.note.batchSize,
      samples: hasCalibrated ? this.fed : this.note.samples,
      seconds: hasCalibrated ? (performance.now() - this.started) / 1000 : null,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      cacheHit: !hasCalibrated,
      tensors: text === null ? 0 : parseTensorrtCache(text, 'the cache that TensorRT wrote').scales.size,
      unfit: [],
    };
  }

  private async *batches(
    dataset: Dataset,
    shapes: CalibratorRequest['shapes'],
    signal: AbortSignal,
  ): AsyncIterable<NamedTensors> {
    const { calibration, plan, convert } = this.request;
    for await (const batch of batches(dataset, calibration.data.indices, plan.batchSize, { signal })) {
      const feeds = convert(batch.tensors);
      if (haveShapes(feeds, shapes)) {
        this.fed += batch.valid;
        yield feeds;
      } else this.skipped += batch.valid;
    }
    if (this.skipped > 0) {
      this.warnings.push(
        `TensorRT calibrates at one shape; ${this.skipped} samples that fill no batch of it were left out.`,
      );
    }
  }

  private async readCache(): Promise<void> {
    const { cache } = this.request.calibration;
    if (cache === null) return;
    const text = await readFile(cache, 'utf8').catch(() => null);
    if (text === null) return;
    this.checkCache(text, cache);
    const note = await readFile(notePath(cache), 'utf8').catch(() => null);
    if (note === null) {
      this.warnings.push(`Nothing beside ${cache} says which model and data it was calibrated with.`);
    } else checkNote(note, this.note, cache);
    this.read = { text, hasNote: note !== null };
  }

  private checkCache(text: string, file: string): void {
    const { algorithm, version, tensors } = this.request;
    const { scales } = parseTensorrtCache(text, file, {
      version: versionOf(version),
      calibrator: headerNames[algorithm],
    });
    const known = [...scales.keys()].filter((name) => tensors.has(name));
    if (known.length === 0) throw mismatch(file, 'none of its tensors is in this model');
  }
}

function haveShapes(feeds: NamedTensors, shapes: CalibratorRequest['shapes']): boolean {
  return Object.entries(shapes).every(([name, dims]) => String(feeds[name]?.dims) === String(dims));
}

function noteOf({ algorithm, plan, calibration }: CalibrationRequest): CacheNote {
  const { data, modelSha256 } = calibration;
  const isLegacy = algorithm === 'legacy';
  return {
    schemaVersion: 1,
    model: modelSha256,
    data: sha256(JSON.stringify([data.card.sha256 ?? data.source, data.indices, data.transforms])),
    algorithm,
    quantile: isLegacy ? plan.percentile / 100 : null,
    cutoff: isLegacy ? (plan.cutoff ?? 1) : null,
    batchSize: plan.batchSize,
    samples: data.indices.length,
  };
}

/** @throws CodedError CALIBRATION_TABLE_MISMATCH naming what differs */
function checkNote(text: string, wanted: CacheNote, file: string): void {
  let note: unknown = null;
  try {
    note = JSON.parse(text);
  } catch {
    // Reported below like any other text that is no note.
  }
  if (!Value.Check(noteSchema, note)) throw mismatch(file, `${notePath(file)} is no note of a calibration`);
  const words: Partial<Record<keyof CacheNote, string>> = {
    model: 'it was calibrated with another model',
    data: 'it was calibrated with other data, samples or preprocessing',
    algorithm: `it was calibrated with ${note.algorithm}, not ${wanted.algorithm}`,
    quantile: `it was calibrated with the quantile ${note.quantile}, not ${wanted.quantile}`,
    cutoff: `it was calibrated with the cutoff ${note.cutoff}, not ${wanted.cutoff}`,
    batchSize: `it was calibrated in batches of ${note.batchSize}, not ${wanted.batchSize}, which moves TensorRT's scales`,
  };
  for (const [part, reason] of Object.entries(words)) {
    if (note[part as keyof CacheNote] !== wanted[part as keyof CacheNote]) throw mismatch(file, reason);
  }
}

async function firstBatch(
  { calibration, plan, convert }: CalibrationRequest,
  dataset: Dataset,
  signal: AbortSignal | undefined,
): Promise<NamedTensors> {
  for await (const batch of batches(dataset, calibration.data.indices, plan.batchSize, { signal })) {
    return convert(batch.tensors);
  }
  throw new CodedError({
    code: 'DATA_EMPTY',
    reason: `${dataset.source} has no sample to calibrate with.`,
    fix: 'Give data with --data.',
    place: { file: dataset.source },
  });
}

/** Where the note of a cache lies. */
export function notePath(cache: string): string {
  return `${cache}.json`;
}

function versionOf(text: string): TensorrtVersion {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map(Number);
  return { major, minor, patch };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function mismatch(file: string, reason: string): CodedError {
  return new CodedError({
    code: 'CALIBRATION_TABLE_MISMATCH',
    reason: `The TensorRT calibration cache ${file} cannot be used: ${reason}.`,
    fix: 'Give another file with --calib-cache (a new one is written), or remove this one.',
    place: { file },
  });
}
