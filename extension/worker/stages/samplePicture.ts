/**
 * Pictures of samples for the panels: what a file holds, and what the model sees after preprocessing, as PNG data URLs that
 * a strict content policy allows. Used by `previewDataStage.ts` only.
 */
import { encode } from 'fast-png';
import type { Image } from '../../calibrate/transforms/pixels';
import { resizeFiltered } from '../../calibrate/transforms/resizeFiltered';
import { resizeNearest } from '../../calibrate/transforms/resizeNearest';
import { asImageInput } from '../../calibrate/transforms/imageInput';
import type { InputPreview } from '../../contract/panels/convertPanel';
import type { Tensor, ValueSpec } from '../../contract/tensor';
import { fromBfloat16Array, fromFloat16Array } from '../../model/float16';

/** Pixels at the longer side. */
const longestSide = 128;
/** Smaller ones are enlarged by whole factors, each pixel a square: 28×28 digits could not be seen otherwise. */
const smallestSide = 64;

/** A decoded picture, at most 128 pixels at the longer side. */
export function pictureUrl(image: Image): string {
  const { width, height, channels, data } = fitted(image);
  const png = encode({ width, height, channels, depth: 8, data });
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

function fitted(image: Image): Image {
  const longer = Math.max(image.width, image.height);
  if (longer > longestSide) {
    const scaled = (size: number) => Math.max(1, Math.round((size * longestSide) / longer));
    return resizeFiltered(image, scaled(image.height), scaled(image.width), 'bilinear') as Image;
  }
  if (longer >= smallestSide) return image;
  const factor = Math.ceil(smallestSide / longer);
  return resizeNearest(image, image.height * factor, image.width * factor) as Image;
}

/** One graph input of one preprocessed sample: its numbers, and a picture where its shape is one's. */
export function previewInput(spec: ValueSpec, tensor: Tensor): InputPreview {
  const values = numbersOf(tensor);
  const statistics = describeValues(values);
  return {
    name: spec.name,
    dtype: tensor.dtype,
    dims: tensor.dims,
    ...statistics,
    picture: seenPicture(spec, tensor.dims, values, statistics),
  };
}

type Numbers = ArrayLike<number>;
type Statistics = Pick<InputPreview, 'min' | 'max' | 'mean' | 'std'>;

function numbersOf({ dtype, data }: Tensor): Numbers {
  if (data instanceof Uint16Array && dtype === 'fp16') return fromFloat16Array(data);
  if (data instanceof Uint16Array && dtype === 'bf16') return fromBfloat16Array(data);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  return data;
}

/** Over finite elements, in two passes: the sum of squares alone would lose what a large mean leaves. */
function describeValues(values: Numbers): Statistics {
  let [count, sum, min, max] = [0, 0, Infinity, -Infinity];
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (!Number.isFinite(value)) continue;
    count++;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (count === 0) return { min: null, max: null, mean: null, std: null };
  const mean = sum / count;
  let squares = 0;
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (Number.isFinite(value)) squares += (value - mean) ** 2;
  }
  return { min, max, mean, std: Math.sqrt(squares / count) };
}

/** The tensor as the model sees it, min–max stretched to 0–255; null where its shape is no picture's. */
function seenPicture(spec: ValueSpec, dims: readonly number[], values: Numbers, range: Statistics): string | null {
  const layout = asImageInput({ ...spec, shape: dims })?.layout;
  const [first, a = 0, b = 0, c = 0] = dims;
  if (layout === undefined || first !== 1) return null;
  const [channels, height, width] = dims.length === 3 ? [1, a, b] : layout === 'nchw' ? [a, b, c] : [c, a, b];
  const shown = channels >= 3 ? 3 : 1;
  if (![1, 3, 4].includes(channels) || height < 4 || width < 4) return null;
  const low = range.min ?? 0;
  const scale = 255 / Math.max((range.max ?? 0) - low, Number.MIN_VALUE);
  const data = new Uint8Array(height * width * shown);
  const [pixelStep, channelStep] = layout === 'nchw' ? [1, height * width] : [channels, 1];
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < shown; channel++) {
      const value = values[pixel * pixelStep + channel * channelStep]!;
      data[pixel * shown + channel] = Number.isFinite(value) ? Math.round((value - low) * scale) : 0;
    }
  }
  return pictureUrl({ height, width, channels: shown, layout: 'hwc', data });
}
