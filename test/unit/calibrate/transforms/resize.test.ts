import { describe, expect, it } from 'vitest';
import { resizeFiltered, type FilterName } from '../../../../extension/calibrate/transforms/resizeFiltered';
import { resizeInterpolated } from '../../../../extension/calibrate/transforms/resizeInterpolated';
import { resizeNearest } from '../../../../extension/calibrate/transforms/resizeNearest';
import { toTensor } from '../../../../extension/calibrate/transforms/values';
import { largestDifference, picture, readFixture, unpack, type ResultCase } from './fixturePictures';

interface ResizeCase extends ResultCase {
  readonly library: 'PIL' | 'OpenCV';
  readonly interpolation: FilterName | 'nearest';
}
const fixture = readFixture<{ cases: ResizeCase[]; float: ResultCase[] }>('resize.json');
const title = ({ source, target }: ResultCase) => `${source.join('×')} → ${target.join('×')}`;

describe('resize as Pillow does it', () => {
  for (const test of fixture.cases.filter(({ library }) => library === 'PIL')) {
    it(`${test.interpolation} ${title(test)} is equal bit for bit`, () => {
      const source = picture(test.source, test.seed);
      const [height, width] = test.target;
      const result =
        test.interpolation === 'nearest'
          ? resizeNearest(source, height, width)
          : resizeFiltered(source, height, width, test.interpolation);
      expect([result.height, result.width]).toEqual(test.target);
      expect(largestDifference(result.data, unpack(test.values))).toBe(0);
    });
  }

  for (const test of fixture.float) {
    it(`float bilinear ${title(test)} agrees within rounding`, () => {
      const [height, width] = test.target;
      const result = resizeFiltered(toTensor(picture(test.source, test.seed), 1 / 255), height, width, 'bilinear');
      const expected = new Float32Array(unpack(test.values).buffer);
      expect(largestDifference(result.data, expected)).toBeLessThan(2e-7);
    });
  }

  it('leaves the source untouched and an equal size as it is', () => {
    const source = picture([8, 6, 3], 1);
    const copy = source.data.slice();
    expect(resizeFiltered(source, 8, 6, 'bicubic')).toBe(source);
    resizeFiltered(source, 3, 3, 'bicubic');
    expect(source.data).toEqual(copy);
  });
});

describe('resize without antialiasing as OpenCV does it', () => {
  for (const test of fixture.cases.filter(({ library }) => library === 'OpenCV')) {
    const tolerance = test.interpolation === 'bilinear' ? 0 : 1;
    it(`${test.interpolation} ${title(test)} differs by at most ${tolerance}`, () => {
      const [height, width] = test.target;
      const result = resizeInterpolated(
        picture(test.source, test.seed),
        height,
        width,
        test.interpolation as FilterName,
      );
      const expected = unpack(test.values);
      expect(largestDifference(result.data, expected)).toBeLessThanOrEqual(tolerance);
      // Almost everywhere it is the same; a wrong grid or filter would show in most pixels.
      const different = expected.filter((value, at) => value !== result.data[at]).length;
      expect(different / expected.length).toBeLessThan(0.05);
    });
  }
});
