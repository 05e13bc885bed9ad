/**
 * Decides which samples calibrate and which evaluate: disjoint, the same every time, classes in equal shares.
 *
 * Comes after `openDataset`. Scales fitted on the samples that are evaluated would flatter INT8.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Dataset, Label } from './dataset';

export interface SplitOptions {
  /** The plan's `calibration.samples`: at most this many calibrate. */
  readonly calibrationSamples: number;
  /** The plan's `evaluation.samples`; null: all that are left. */
  readonly evaluationSamples: number | null;
  readonly seed?: number;
}

export interface Split {
  /** Indices into the calibration data, ascending. */
  readonly calibration: readonly number[];
  /** Indices into the evaluation data, ascending; the same data set unless one of its own was given. */
  readonly evaluation: readonly number[];
  /** A sentence for the report's `data.split`. */
  readonly sentence: string;
  /** Evaluation had to use calibration samples, because there is only one sample. */
  readonly shared: boolean;
}

/** Part of a data set that calibrates when no evaluation data is given. */
const calibrationShare = 1 / 4;

function hashOf(seed: number, id: string): string {
  return createHash('sha256').update(`${seed}\0${id}`).digest('hex');
}

/**
 * All indices in an order whose every prefix has the classes in their shares: each class is shuffled by the hash of its
 * sample ids, and the classes are then merged by the position reached in each.
 */
export function stratifiedOrder(dataset: Dataset, seed = 0): number[] {
  const samples = Array.from({ length: dataset.length }, (_, index) => {
    const info = dataset.describe?.(index);
    return { index, label: info?.label ?? null, hash: hashOf(seed, info?.id ?? String(index)) };
  });
  samples.sort((a, b) => (a.hash < b.hash ? -1 : 1));
  // Texts are no classes: nearly every one is different.
  const classOf = (label: Label) => (typeof label === 'number' ? label : null);
  const sizes = new Map<number | null, number>();
  for (const { label } of samples) sizes.set(classOf(label), (sizes.get(classOf(label)) ?? 0) + 1);
  const seen = new Map<number | null, number>();
  const ranked = samples.map((sample, order) => {
    const key = classOf(sample.label);
    const rank = seen.get(key) ?? 0;
    seen.set(key, rank + 1);
    return { index: sample.index, order, position: (rank + 0.5) / sizes.get(key)! };
  });
  ranked.sort((a, b) => a.position - b.position || a.order - b.order);
  return ranked.map(({ index }) => index);
}

const ascending = (indices: readonly number[]) => [...indices].sort((a, b) => a - b);
const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;

/**
 * One data set for both: a quarter of it, at most `calibrationSamples`, calibrates; the rest evaluates. A single sample
 * has to do both, which the sentence says.
 */
export function splitSamples(dataset: Dataset, options: SplitOptions): Split {
  const order = stratifiedOrder(dataset, options.seed);
  const total = order.length;
  if (total === 1) {
    return {
      calibration: order,
      evaluation: order,
      sentence: `${dataset.source} has one sample: it calibrates and is evaluated, so accuracy is flattered.`,
      shared: true,
    };
  }
  const calibrating = Math.min(options.calibrationSamples, Math.max(1, Math.floor(total * calibrationShare)));
  const rest = order.slice(calibrating);
  const evaluation = rest.slice(0, options.evaluationSamples ?? rest.length);
  return {
    calibration: ascending(order.slice(0, calibrating)),
    evaluation: ascending(evaluation),
    sentence:
      `${dataset.source} was split: ${count(calibrating, 'sample')} calibrate${calibrating === 1 ? 's' : ''}, ` +
      `${count(evaluation.length, 'other')} ${evaluation.length === 1 ? 'is' : 'are'} evaluated; no sample does both.`,
    shared: false,
  };
}

/** Evaluation data of its own: calibration is sampled from the one, evaluation from the other. */
export function separateSamples(calibration: Dataset, evaluation: Dataset, options: SplitOptions): Split {
  const calibrating = stratifiedOrder(calibration, options.seed).slice(0, options.calibrationSamples);
  const evaluating = stratifiedOrder(evaluation, options.seed).slice(0, options.evaluationSamples ?? undefined);
  return {
    calibration: ascending(calibrating),
    evaluation: ascending(evaluating),
    sentence:
      `${count(calibrating.length, 'sample')} of ${calibration.source} calibrate${calibrating.length === 1 ? 's' : ''}, ` +
      `${count(evaluating.length, 'sample')} of ${evaluation.source} ${evaluating.length === 1 ? 'is' : 'are'} evaluated.`,
    shared: false,
  };
}

async function contentHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function filesOf(dataset: Dataset, indices: readonly number[]): string[] {
  return [...new Set(indices.flatMap((index) => dataset.describe?.(index).file ?? []))];
}

/**
 * Looks for pictures or arrays that calibrate and are evaluated, too: the same path, or the same content elsewhere.
 * Only files of equal size are read.
 * @returns a warning, or null when the two are disjoint (or hold no files of their own)
 */
export async function findSharedSamples(
  calibration: Dataset,
  evaluation: Dataset,
  split: Split,
): Promise<string | null> {
  const sizes = new Map<number, string[]>();
  for (const file of filesOf(calibration, split.calibration)) {
    const size = (await stat(file).catch(() => null))?.size;
    if (size !== undefined) sizes.set(size, [...(sizes.get(size) ?? []), file]);
  }
  const hashes = new Map<string, Promise<string>>();
  const hash = (file: string) => hashes.get(file) ?? hashes.set(file, contentHash(file)).get(file)!;
  const shared: string[] = [];
  for (const file of filesOf(evaluation, split.evaluation)) {
    const candidates = sizes.get((await stat(file).catch(() => null))?.size ?? -1) ?? [];
    for (const candidate of candidates) {
      if (candidate !== file && (await hash(candidate)) !== (await hash(file))) continue;
      shared.push(file);
      break;
    }
  }
  if (shared.length === 0) {
    const sameArrays = calibration.source === evaluation.source && filesOf(evaluation, split.evaluation).length === 0;
    return sameArrays
      ? `Calibration and evaluation use the same data, ${evaluation.source}: accuracy is flattered.`
      : null;
  }
  return `${shared.length} of ${split.evaluation.length} evaluated samples also calibrate (${shared[0]!} is one): accuracy is flattered.`;
}
