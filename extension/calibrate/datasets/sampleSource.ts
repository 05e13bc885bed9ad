/**
 * What a kind of data set has to provide; `openDataset` wraps it with transforms, matching to inputs and checks.
 *
 * One file per kind (`imageSource`, `npzSource`, …). A source knows nothing of the model.
 */
import type { Tensor } from '../../contract/tensor';
import type { Dataset, Label, SampleInfo } from '../dataset';
import type { Image } from '../transforms/pixels';

/** A tensor as stored, or a picture that still has to go through the transforms. */
export type RawValue = Tensor | Image;

/** Steps without parameters that a manifest can ask for, sample by sample, in a column of that name. */
export const sampleSteps = ['rotate180', 'grayscale', 'bgr'] as const;
export type SampleStep = (typeof sampleSteps)[number];

export interface RawSample {
  readonly id: string;
  readonly label: Label;
  /** By input name, or in the order of the graph inputs. */
  readonly values: Readonly<Record<string, RawValue>> | readonly RawValue[];
  /** Run on the sample's pictures before the transforms. */
  readonly steps?: readonly SampleStep[];
}

export interface SampleSource {
  readonly kind: Dataset['kind'];
  readonly length: number;
  readonly labelled: boolean;
  readonly classes: readonly string[] | null;
  describe?(index: number): SampleInfo;
  read(index: number, signal?: AbortSignal): Promise<RawSample>;
  sha256(): Promise<string>;
  close(): Promise<void>;
}

export function isTensor(value: RawValue): value is Tensor {
  return 'dims' in value;
}
