/**
 * Takes one decoded picture through the preprocessing steps, in order.
 *
 * Comes after `decodeImage` and before `matchInputs`. The steps were checked by `resolvePreprocess`; what is refused
 * here depends on the picture.
 */
import type { Transform } from '../../contract/plan';
import { CodedError } from '../../contract/errors';
import { grayscale, swapRedBlue } from './color';
import { centerCrop, letterbox, pad, rotate180 } from './geometry';
import type { Image, Pixels } from './pixels';
import { resizeFiltered } from './resizeFiltered';
import { resizeInterpolated } from './resizeInterpolated';
import { resizeNearest } from './resizeNearest';
import { normalize, scaleValues, toLayout, toTensor } from './values';

type Step<Op extends Transform['op']> = Extract<Transform, { op: Op }>;

/** Height and width that torchvision's Resize gives: an integer is the shorter side, the longer one is cut off. */
export function resizedSize(pixels: Pick<Pixels, 'height' | 'width'>, size: Step<'resize'>['size']): [number, number] {
  if (Array.isArray(size)) return [size[0], size[1]];
  const { height, width } = pixels;
  return width <= height ? [Math.trunc((size * height) / width), size] : [size, Math.trunc((size * width) / height)];
}

function resize(pixels: Pixels, step: Omit<Step<'resize'>, 'op' | 'size'>, height: number, width: number): Pixels {
  const interpolation = step.interpolation ?? 'bilinear';
  if (interpolation === 'nearest') return resizeNearest(pixels, height, width);
  return (step.antialias ?? true)
    ? resizeFiltered(pixels, height, width, interpolation)
    : resizeInterpolated(pixels, height, width, interpolation);
}

/** Width for a text line of the given height: aspect kept, rounded up, at most `maxWidth` (PaddleOCR's rule). */
function resizeToHeight(pixels: Pixels, step: Step<'resizeHeight'>): Pixels {
  const natural = Math.ceil((step.height * pixels.width) / pixels.height);
  const width = Math.min(step.maxWidth ?? natural, natural);
  return resize(pixels, { antialias: step.antialias ?? true }, step.height, width);
}

function padChecked(pixels: Pixels, step: Step<'pad'>): Pixels {
  const [height, width] = step.size;
  if (pixels.height > height || pixels.width > width) {
    throw new CodedError({
      code: 'DATA_MISMATCH',
      reason: `The picture is ${pixels.height}×${pixels.width} (height × width) where the step pad wants at most ${height}×${width}.`,
      fix: 'Put a resize step before pad, or pad to a larger size.',
    });
  }
  return pad(pixels, { height, width }, step.value ?? 0, step.align ?? 'topLeft');
}

function normalizeChecked(pixels: Pixels, step: Step<'normalize'>): Pixels {
  for (const field of ['mean', 'std'] as const) {
    const count = step[field].length;
    if (count !== 1 && count !== pixels.channels) {
      throw new CodedError({
        code: 'PREPROCESS_INVALID',
        reason: `The step normalize has ${count} values of ${field} for a picture with ${pixels.channels} channel(s).`,
        fix: `Give one value, or ${pixels.channels}.`,
        place: { field },
      });
    }
  }
  return normalize(pixels, step.mean, step.std);
}

function applyStep(pixels: Pixels, step: Transform): Pixels {
  switch (step.op) {
    case 'resize':
      return resize(pixels, step, ...resizedSize(pixels, step.size));
    case 'resizeHeight':
      return resizeToHeight(pixels, step);
    case 'centerCrop': {
      const [height, width] = Array.isArray(step.size) ? step.size : [step.size, step.size];
      return centerCrop(pixels, height, width);
    }
    case 'pad':
      return padChecked(pixels, step);
    case 'letterbox':
      return letterbox(
        pixels,
        { height: step.size[0], width: step.size[1] },
        step.value ?? 114,
        step.align ?? 'center',
      );
    case 'grayscale':
      return grayscale(pixels, step.channels ?? 1);
    case 'bgr':
      return swapRedBlue(pixels);
    case 'rotate180':
      return rotate180(pixels);
    case 'toTensor':
      return toTensor(pixels, step.scale ?? 1 / 255);
    case 'normalize':
      return normalizeChecked(pixels, step);
    case 'scale':
      return scaleValues(pixels, step.factor, step.offset ?? 0);
    case 'nhwc':
      return toLayout(pixels, 'hwc');
  }
}

/** @throws CodedError DATA_MISMATCH (a picture too large to pad), PREPROCESS_INVALID (channels against mean/std) */
export function applyTransforms(image: Image, steps: readonly Transform[]): Pixels {
  return steps.reduce<Pixels>(applyStep, image);
}
