/**
 * Steps that move pixels without changing their values: crop, pad, letterbox, rotate. Sizes as torchvision rounds them.
 */
import { blankPixels, roundHalfEven, stridesOf, type Pixels } from './pixels';
import { resizeInterpolated } from './resizeInterpolated';

/** Copies `pixels` into a canvas filled with `value`, its top left corner at (top, left), which may be negative. */
export function place(
  pixels: Pixels,
  canvas: { height: number; width: number },
  corner: { top: number; left: number },
  value: number,
): Pixels {
  const target = blankPixels(pixels, canvas.height, canvas.width);
  if (value !== 0) target.data.fill(value);
  const from = stridesOf(pixels);
  const to = stridesOf(target);
  const firstRow = Math.max(0, -corner.top);
  const endRow = Math.min(pixels.height, canvas.height - corner.top);
  const firstColumn = Math.max(0, -corner.left);
  const endColumn = Math.min(pixels.width, canvas.width - corner.left);
  for (let channel = 0; channel < pixels.channels; channel++) {
    for (let row = firstRow; row < endRow; row++) {
      const source = channel * from.channel + row * from.row;
      const goal = channel * to.channel + (row + corner.top) * to.row + corner.left * to.column;
      for (let column = firstColumn; column < endColumn; column++) {
        target.data[goal + column * to.column] = pixels.data[source + column * from.column]!;
      }
    }
  }
  return target;
}

/**
 * The middle `height` × `width`; a picture that is smaller is padded with zeros first.
 * Rounding as torchvision's `center_crop`: halves to even when cropping, the smaller half first when padding.
 */
export function centerCrop(pixels: Pixels, height: number, width: number): Pixels {
  const padTop = Math.max(0, Math.floor((height - pixels.height) / 2));
  const padLeft = Math.max(0, Math.floor((width - pixels.width) / 2));
  const paddedHeight = Math.max(pixels.height, height);
  const paddedWidth = Math.max(pixels.width, width);
  const top = roundHalfEven((paddedHeight - height) / 2) - padTop;
  const left = roundHalfEven((paddedWidth - width) / 2) - padLeft;
  return place(pixels, { height, width }, { top: -top, left: -left }, 0);
}

/** Pads to `height` × `width`. The picture must not be larger: `applyTransforms` checks it. */
export function pad(
  pixels: Pixels,
  size: { height: number; width: number },
  value: number,
  align: 'topLeft' | 'center',
): Pixels {
  const top = align === 'center' ? Math.floor((size.height - pixels.height) / 2) : 0;
  const left = align === 'center' ? Math.floor((size.width - pixels.width) / 2) : 0;
  return place(pixels, size, { top, left }, value);
}

/**
 * Resizes with the aspect ratio kept to fit into `height` × `width` and fills the rest: evenly on both sides with the
 * rounding of Ultralytics' LetterBox (YOLOv5 to v11), or at right and bottom, cutting sizes down, as YOLOX does.
 * Both interpolate bilinearly without antialiasing.
 */
export function letterbox(
  pixels: Pixels,
  size: { height: number; width: number },
  value: number,
  align: 'topLeft' | 'center',
): Pixels {
  const { height, width } = size;
  const ratio = Math.min(height / pixels.height, width / pixels.width);
  const round = align === 'center' ? roundHalfEven : Math.trunc;
  const inner = {
    height: Math.max(1, round(pixels.height * ratio)),
    width: Math.max(1, round(pixels.width * ratio)),
  };
  const resized = resizeInterpolated(pixels, inner.height, inner.width, 'bilinear');
  if (align === 'topLeft') return place(resized, size, { top: 0, left: 0 }, value);
  const top = roundHalfEven((height - inner.height) / 2 - 0.1);
  const left = roundHalfEven((width - inner.width) / 2 - 0.1);
  return place(resized, size, { top, left }, value);
}

export function rotate180(pixels: Pixels): Pixels {
  const target = blankPixels(pixels, pixels.height, pixels.width);
  const { row, column, channel } = stridesOf(pixels);
  const last = (pixels.height - 1) * row + (pixels.width - 1) * column;
  for (let c = 0; c < pixels.channels; c++) {
    for (let y = 0; y < pixels.height; y++) {
      for (let x = 0; x < pixels.width; x++) {
        const offset = y * row + x * column;
        target.data[c * channel + last - offset] = pixels.data[c * channel + offset]!;
      }
    }
  }
  return target;
}
