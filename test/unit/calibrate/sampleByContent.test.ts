import { describe, expect, it } from 'vitest';
import { UnreadableSample, type Dataset, type Sample } from '../../../extension/calibrate/dataset';
import { sampleByContent } from '../../../extension/calibrate/sampleByContent';

/** One number per sample; NaN cannot be read. */
function numbers(values: readonly number[]): Dataset {
  return {
    kind: 'module',
    source: 'numbers',
    length: values.length,
    labelled: false,
    classes: null,
    get: (index): Promise<Sample> => {
      const number = values[index] ?? NaN;
      if (Number.isNaN(number)) {
        return Promise.reject(new UnreadableSample({ code: 'DATA_UNREADABLE', reason: 'broken', fix: 'mend' }));
      }
      const data = Float32Array.of(number);
      return Promise.resolve({ id: String(index), label: null, tensors: { x: { dtype: 'fp32', dims: [1], data } } });
    },
    sha256: () => Promise.resolve(''),
    close: () => Promise.resolve(),
  };
}

const all = (values: readonly number[]) => values.map((_, index) => index);

describe('sampleByContent', () => {
  const values = Array.from({ length: 40 }, (_, index) => Math.sin(index));
  const chosen = async (order: readonly number[]) =>
    (await sampleByContent(numbers(order), all(order), 8)).map((index) => order[index]);

  it('chooses the same samples in the same order, however the data set is ordered', async () => {
    const first = await chosen(values);
    expect(new Set(first).size).toBe(8);
    expect(await chosen([...values].reverse())).toEqual(first);
    expect(await chosen([...values].sort())).toEqual(first);
    expect(first).not.toEqual(values.slice(0, 8));
  });

  it('takes all of a few, and passes over what cannot be read', async () => {
    expect((await sampleByContent(numbers([1, NaN, 2]), [0, 1, 2], 8)).sort()).toEqual([0, 2]);
  });

  it('stays within the indices asked for', async () => {
    expect(await sampleByContent(numbers(values), [3], 8)).toEqual([3]);
  });
});
