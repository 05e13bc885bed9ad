/**
 * What observing a model on data yields, as plain data.
 *
 * `TensorRanges` (pass 1) holds shape, type and range of every tensor and drives the FP16/BF16 decisions; the
 * `CalibrationTable` (pass 2) holds a scale for each tensor that a Q/DQ pair needs and can be saved, reused, and turned
 * into a TensorRT calibration cache.
 */
import type { CalibrationAlgorithm } from './plan';
import type { DType } from './tensor';

/** Statistics of one tensor over all calibration samples. */
export interface TensorRange {
  readonly dtype: DType;
  /** Shape seen with the first sample (batch 1); in a body, of its last iteration, or the largest where a later sample came there. */
  readonly dims: readonly number[];
  /** Smallest and largest finite value; null for non-float tensors that were not observed. */
  readonly min: number | null;
  readonly max: number | null;
  /** Largest reduction-safe magnitude: max(|min|, |max|). */
  readonly absMax: number | null;
  /** NaN and infinite elements seen. */
  readonly nonFinite: number;
}

/**
 * Moments of what a layer with constant weights reads, by input channel, over samples and positions: what decides how the
 * rounding errors of its weights add up.
 */
export interface InputMoments {
  /** E[x]. */
  readonly mean: readonly number[];
  /** E[x²]. */
  readonly square: readonly number[];
  /** E[x·x′] over the pairs of different positions under one kernel; E[x]² where a kernel reads one position. */
  readonly neighbours: readonly number[];
}

export interface TensorRanges {
  /** False: no data was given and the ranges come from random inputs. */
  readonly representative: boolean;
  readonly samples: number;
  /**
   * By tensor name. Tensors inside If, Loop and Scan bodies are missing where the data never ran them, and all of them where
   * the runtime shows the outer graph only.
   */
  readonly tensors: ReadonlyMap<string, TensorRange>;
  /** By node name of the prepared model; absent where no precision that rounds weights by them was asked for, or no data given. */
  readonly inputMoments?: ReadonlyMap<string, InputMoments>;
}

export interface CalibrationEntry {
  readonly min: number;
  readonly max: number;
  /** The clipping threshold T; values beyond ±T saturate. */
  readonly threshold: number;
  /** T / 127, the INT8 scale; FP8 uses T / 448. */
  readonly scale: number;
  /** The algorithm that set T: differs from the table's where the table's is `auto`. */
  readonly algorithm: Exclude<CalibrationAlgorithm, 'auto'>;
  /** Expected signal-to-quantization-noise ratio of this tensor at this scale, in dB; null when the tensor is all zero. */
  readonly sqnrDb: number | null;
  /** Why the algorithm does not fit this tensor's distribution, or null. */
  readonly unfit: string | null;
}

/** Every hash must match for a table to be reused; each mismatch is named in the refusal. */
export interface CalibrationKey {
  readonly model: string;
  readonly data: string;
  readonly preprocess: string;
  readonly samples: number;
  readonly algorithm: CalibrationAlgorithm;
  readonly percentile: number | null;
  /** Regression cutoff of the legacy algorithm; absent or null without one. */
  readonly cutoff?: number | null;
  /** Whether the table carries bias corrections; absent means no. */
  readonly biasCorrection?: boolean;
  /** Whether the scales are those of an equalized model; absent means no. */
  readonly equalization?: boolean;
  /** Share of the time that the accuracy guard could keep; absent means none. */
  readonly guardShare?: number;
}

/** A tensor y is read as (y − offset) · gain, per channel; the layers that read it make up for both. */
export interface ActivationFit {
  readonly offsets: readonly number[];
  readonly gains: readonly number[];
}

export interface CalibrationTable {
  readonly schemaVersion: 1;
  readonly key: CalibrationKey;
  readonly representative: boolean;
  readonly tensors: Readonly<Record<string, CalibrationEntry>>;
  /** Tensors that were to get a scale and cannot (NaN in them …), with the reason; they stay in a higher precision. */
  readonly excluded?: Readonly<Record<string, string>>;
  /** Factor per output channel by layer (node name of the prepared model): the scales are those of the equalized model. */
  readonly equalization?: Readonly<Record<string, readonly number[]>>;
  /** How tensors (names of the equalized model) are fitted to the range: the scales are those of the fitted model. */
  readonly fits?: Readonly<Record<string, ActivationFit>>;
  /** Layers (node names of the prepared model) that INT8 leaves to the precision of the rest, and why. */
  readonly guarded?: Readonly<Record<string, string>>;
  /** Mean INT8 error per output channel by layer (node name of the prepared model); subtracted from the layer's bias. */
  readonly biasCorrections?: Readonly<Record<string, readonly number[]>>;
}
