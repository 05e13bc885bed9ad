/** Reads from a graph input's shape how it takes pictures: layout, channels, size. Used by presets and `matchInputs`. */
import type { ValueSpec } from '../../contract/tensor';

export interface ImageInput {
  readonly name: string;
  readonly layout: 'nchw' | 'nhwc';
  /** Null where the model leaves it open. */
  readonly channels: number | null;
  readonly height: number | null;
  readonly width: number | null;
}

/** A size as a number, or null where it is symbolic, unknown, or written as −1 or 0 by an exporter. */
export function staticSize(size: number | string | null | undefined): number | null {
  return typeof size === 'number' && size > 0 ? size : null;
}

const isChannels = (size: number | null): boolean => size === 1 || size === 3 || size === 4;

/**
 * The input as one for pictures, or null where its shape cannot be one.
 * Rank 4 is N×C×H×W or N×H×W×C, told apart by which axis has 1, 3 or 4 entries; rank 3 is N×H×W (gray).
 */
export function asImageInput(input: ValueSpec): ImageInput | null {
  const sizes = input.shape?.map(staticSize);
  if (sizes?.length === 4) {
    const [, a = null, b = null, c = null] = sizes;
    const last = isChannels(c) && !isChannels(a);
    return last
      ? { name: input.name, layout: 'nhwc', channels: c, height: a, width: b }
      : { name: input.name, layout: 'nchw', channels: a, height: b, width: c };
  }
  if (sizes?.length === 3) {
    const [, height = null, width = null] = sizes;
    return { name: input.name, layout: 'nchw', channels: 1, height, width };
  }
  return null;
}

/** The input that pictures go to: the first of rank 4, else the first of rank 3, else null. */
export function findImageInput(inputs: readonly ValueSpec[]): ImageInput | null {
  const input = inputs.find(({ shape }) => shape?.length === 4) ?? inputs.find(({ shape }) => shape?.length === 3);
  return input === undefined ? null : asImageInput(input);
}
