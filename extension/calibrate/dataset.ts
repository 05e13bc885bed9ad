/**
 * What a data set is to the rest of the pipeline: anything with a length and `get(i)`, never held whole (DESIGN §7).
 *
 * `openDataset` (in `datasets/`) makes one from a path; `batches` (in `batches.ts`) streams it.
 */
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

export interface Dataset {
  readonly kind:
    'classFolders' | 'imageFolder' | 'npz' | 'npy' | 'tensors' | 'manifest' | 'module' | 'python' | 'random';
  /** The path as the user gave it. */
  readonly source: string;
  readonly length: number;
  readonly labelled: boolean;
  /** Names of the classes, in label order, where the source has them. */
  readonly classes: readonly string[] | null;
  /** @throws CodedError DATA_UNREADABLE (callers may skip and count it), DATA_MISMATCH, DATA_NON_FINITE */
  get(index: number, signal?: AbortSignal): Promise<Sample>;
  /** Hash over the files' names and contents (not the decoded tensors); the key of calibration tables. */
  sha256(): Promise<string>;
  close(): Promise<void>;
}

export interface OpenDatasetOptions {
  readonly source: string;
  /** A labels file for sources that carry none. */
  readonly labels: string | null;
  readonly transforms: readonly Transform[];
  /** What the model takes; decides how arrays and images are matched to inputs. */
  readonly inputs: readonly ValueSpec[];
  /** The interpreter for `file.py:ClassName`. */
  readonly python?: string;
}
