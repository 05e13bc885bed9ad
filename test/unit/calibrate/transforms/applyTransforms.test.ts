import { describe, expect, it } from 'vitest';
import type { Transform } from '../../../../extension/contract/plan';
import { applyTransforms, resizedSize } from '../../../../extension/calibrate/transforms/applyTransforms';
import type { Image, Pixels } from '../../../../extension/calibrate/transforms/pixels';
import { largestDifference, picture, readFixture, unpack, type ResultCase } from './fixturePictures';

const fixture = readFixture<{ gray: ResultCase; letterbox: ResultCase[] }>('color.json');

/** A gray picture with the values 1, 2, 3 … row by row. */
function counting(height: number, width: number, channels = 1): Image {
  const data = Uint8Array.from({ length: height * width * channels }, (_, at) => at + 1);
  return { height, width, channels, layout: 'hwc', data };
}
const shape = ({ channels, height, width, layout }: Pixels) => [layout, channels, height, width];
const run = (image: Image, ...steps: Transform[]) => applyTransforms(image, steps);

describe('color steps', () => {
  it("grayscale is PIL's convert('L')", () => {
    const result = run(picture(fixture.gray.source, fixture.gray.seed), { op: 'grayscale' });
    expect(largestDifference(result.data, unpack(fixture.gray.values))).toBe(0);
    const tripled = run(picture(fixture.gray.source, fixture.gray.seed), { op: 'grayscale', channels: 3 });
    expect([...tripled.data.slice(0, 3)]).toEqual([result.data[0], result.data[0], result.data[0]]);
  });

  it('bgr swaps red and blue, before and after toTensor', () => {
    expect([...run(counting(1, 2, 3), { op: 'bgr' }).data]).toEqual([3, 2, 1, 6, 5, 4]);
    const planes = run(counting(1, 2, 3), { op: 'toTensor', scale: 1 }, { op: 'bgr' });
    expect([...planes.data]).toEqual([3, 6, 2, 5, 1, 4]);
  });
});

describe('geometry steps', () => {
  it.each([
    // [height, width], size: torchvision's int(size * long / short)
    [[480, 640], 256, [256, 341]],
    [[640, 480], 256, [341, 256]],
    [[500, 375], 224, [298, 224]],
    [[100, 100], 50, [50, 50]],
    [
      [333, 500],
      [224, 200],
      [224, 200],
    ],
  ] as const)('resize of %j to %j gives %j', ([height, width], size, expected) => {
    expect(resizedSize({ height, width }, size as number)).toEqual(expected);
  });

  it('centerCrop rounds halves to even, as Python does', () => {
    // (5 − 2) / 2 = 1.5 → 2; (4 − 3) / 2 = 0.5 → 0
    expect([...run(counting(1, 5), { op: 'centerCrop', size: [1, 2] }).data]).toEqual([3, 4]);
    expect([...run(counting(1, 4), { op: 'centerCrop', size: [1, 3] }).data]).toEqual([1, 2, 3]);
  });

  it('centerCrop pads with zeros what is too small, less at the top and left', () => {
    const result = run(counting(1, 2), { op: 'centerCrop', size: [2, 5] });
    expect([...result.data]).toEqual([0, 1, 2, 0, 0, 0, 0, 0, 0, 0]);
    // One side padded, the other cropped.
    expect([...run(counting(1, 5), { op: 'centerCrop', size: [2, 3] }).data]).toEqual([2, 3, 4, 0, 0, 0]);
  });

  it('centerCrop with an integer is square', () => {
    expect(shape(run(counting(6, 8), { op: 'centerCrop', size: 4 }))).toEqual(['hwc', 1, 4, 4]);
  });

  it('pad places the picture at the top left or in the center', () => {
    const pad = (align: 'topLeft' | 'center') => [
      ...run(counting(1, 1), { op: 'pad', size: [2, 3], value: 9, align }).data,
    ];
    expect(pad('topLeft')).toEqual([1, 9, 9, 9, 9, 9]);
    expect(pad('center')).toEqual([9, 1, 9, 9, 9, 9]);
  });

  it('pad refuses a picture that is larger, naming both sizes', () => {
    expect(() => run(counting(3, 3), { op: 'pad', size: [2, 4] })).toThrow(/DATA_MISMATCH.*3×3.*2×4/);
  });

  for (const test of fixture.letterbox) {
    it(`letterbox ${test.source.join('×')} → ${test.target.join('×')} is Ultralytics'`, () => {
      const result = run(picture(test.source, test.seed), { op: 'letterbox', size: [...test.target] });
      expect(largestDifference(result.data, unpack(test.values))).toBe(0);
    });
  }

  it('letterbox at the top left leaves right and bottom to the filling', () => {
    const result = run(counting(2, 4), { op: 'letterbox', size: [4, 4], value: 7, align: 'topLeft' });
    expect([...result.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 7, 7, 7, 7, 7, 7, 7, 7]);
  });

  it('rotate180 turns rows and columns, channels stay in order', () => {
    expect([...run(counting(2, 2), { op: 'rotate180' }).data]).toEqual([4, 3, 2, 1]);
    expect([...run(counting(1, 2, 3), { op: 'rotate180' }).data]).toEqual([4, 5, 6, 1, 2, 3]);
  });

  it('resizeHeight keeps the aspect, rounds up and stops at maxWidth', () => {
    const width = (picture: Image, maxWidth?: number) =>
      run(picture, { op: 'resizeHeight', height: 4, ...(maxWidth === undefined ? {} : { maxWidth }) }).width;
    expect(width(counting(3, 7))).toBe(10); // 9.33 up
    expect(width(counting(3, 7), 8)).toBe(8);
  });
});

describe('value steps', () => {
  it('toTensor divides by 255 as float32 does, for all 256 values', () => {
    const all: Image = { height: 1, width: 256, channels: 1, layout: 'hwc', data: Uint8Array.from(Array(256).keys()) };
    const { data } = run(all, { op: 'toTensor' });
    expect([...data]).toEqual(Array.from({ length: 256 }, (_, value) => Math.fround(value / 255)));
  });

  it('toTensor puts channels first, nhwc last again', () => {
    const tensor = run(counting(1, 2, 3), { op: 'toTensor', scale: 1 });
    expect(shape(tensor)).toEqual(['chw', 3, 1, 2]);
    expect([...tensor.data]).toEqual([1, 4, 2, 5, 3, 6]);
    const last = run(counting(1, 2, 3), { op: 'toTensor', scale: 1 }, { op: 'nhwc' });
    expect([...last.data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('normalize works in float32 steps, per channel or with one value', () => {
    const perChannel = run(
      counting(1, 1, 3),
      { op: 'toTensor' },
      { op: 'normalize', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    );
    const f = Math.fround;
    const expected = [0.485, 0.456, 0.406].map((mean, c) =>
      f(f(f((c + 1) / 255) - f(mean)) / f([0.229, 0.224, 0.225][c]!)),
    );
    expect([...perChannel.data]).toEqual(expected);
    const one = run(counting(1, 1, 3), { op: 'toTensor', scale: 1 }, { op: 'normalize', mean: [127], std: [128] });
    expect([...one.data]).toEqual([-126 / 128, -125 / 128, -124 / 128]);
  });

  it('normalize with values for other channels is refused', () => {
    const steps: Transform[] = [{ op: 'toTensor' }, { op: 'normalize', mean: [1, 2, 3], std: [1] }];
    expect(() => run(counting(1, 1), ...steps)).toThrow(/PREPROCESS_INVALID.*3 values of mean.*1 channel/);
  });

  it('scale multiplies and adds; pad works on floats', () => {
    const result = run(
      counting(1, 2),
      { op: 'toTensor', scale: 1 },
      { op: 'scale', factor: 0.5, offset: -1 },
      { op: 'pad', size: [1, 3], value: -9 },
    );
    expect([...result.data]).toEqual([-0.5, 0, -9]);
  });
});
