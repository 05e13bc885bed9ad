/**
 * What a data set is to the rest of the pipeline: anything with a length and `get(i)`, never held whole (DESIGN §7).
 *
 * `openDataset` (in `datasets/`) makes one from a path; `batches` (in `batches.ts`) streams it.
 */
import { CodedError } from '../contract/errors';
import type { NamedTensors, ValueSpec } from '../contract/tensor';
import type { Transform } from '../contract/plan';

/** A class index, or a text (OCR), or null without labels. */
export type Label = number | string | null;

export interface Sample {
  /** Stable name for reports: a path relative to the source, or an index. */
  readonly id: string;
  /** One tensor per graph input, preprocessed, first axis = 1 (batch). */
  readonly tensors: NamedTensors;
  readonly label: Label;
}

/** What is known of a sample without decoding it. */
export interface SampleInfo {
  readonly id: string;
  readonly label: Label;
  /** Absolute path of the file that holds the sample, or null where it has none of its own. */
  readonly file: string | null;
}

/**
 * How samples may be put together on the first axis.
 * - `any`: every input has a free first axis
 * - `fixed`: every input wants exactly `size` rows; a short batch is filled up by repeating its last sample
 * - `single`: some input has no batch axis (a scalar, a state of one row), so samples run one by one
 */
export type BatchRule =
  { readonly kind: 'any' } | { readonly kind: 'fixed'; readonly size: number } | { readonly kind: 'single' };

export interface Dataset {
  readonly kind:
    'classFolders' | 'imageFolder' | 'npz' | 'npy' | 'tensors' | 'manifest' | 'module' | 'python' | 'random';
  /** The path as the user gave it. */
  readonly source: string;
  readonly length: number;
  readonly labelled: boolean;
  /** Names of the classes, in label order, where the source has them. */
  readonly classes: readonly string[] | null;
  /** How `batches` may group samples; left out: `any`. */
  readonly batchRule?: BatchRule;
  /**
   * How many samples may be asked for before the first has come; left out: one, since reading shares this thread. It may grow
   * once samples have shown their size.
   */
  readonly readAhead?: number;
  /** Known without decoding; left out where only `get` can tell (JS modules, Python). */
  describe?(index: number): SampleInfo;
  /**
   * @throws CodedError DATA_UNREADABLE or {@link UnreadableSample} (callers may skip and count it), DATA_MISMATCH,
   * DATA_NON_FINITE
   */
  get(index: number, signal?: AbortSignal): Promise<Sample>;
  /** As `contentHashes` of `sampleByContent.ts` does it; where samples are read in a thread, it is done there. */
  contentHashes?(indices: readonly number[], signal?: AbortSignal): Promise<readonly (string | null)[]>;
  /** Hash over the files' names and contents (not the decoded tensors); the key of calibration tables. */
  sha256(): Promise<string>;
  close(): Promise<void>;
}

/** One sample cannot be read (a corrupt file, an exception in the user's `__getitem__`); the others may well be. */
export class UnreadableSample extends CodedError {}

export interface OpenDatasetOptions {
  readonly source: string;
  /** A labels file for sources that carry none. */
  readonly labels: string | null;
  readonly transforms: readonly Transform[];
  /** What the model takes; decides how arrays and images are matched to inputs. */
  readonly inputs: readonly ValueSpec[];
  /** The interpreter for `file.py:ClassName`. */
  readonly python?: string;
  /** Number of samples of `random`; 32 when left out. */
  readonly randomSamples?: number;
  /** Dims of every input of `random`, a batch of one; guessed when left out. */
  readonly randomSizes?: Readonly<Record<string, readonly number[]>> | undefined;
  /** Seed of `random`; 0 when left out. */
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
}
