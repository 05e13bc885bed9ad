import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../../extension/calibrate/dataset';
import { observeShapeValues } from '../../../extension/calibrate/observeShapeValues';

/** Samples with an input `shape`; an empty list is a scalar's. */
function shapes(values: readonly (readonly number[])[]): Dataset {
  return {
    ...{ kind: 'module', source: 'shapes', length: values.length, labelled: false, classes: null },
    batchRule: { kind: 'single' },
    get: (index) => {
      const own = values[index] ?? [];
      const tensor = { dtype: 'int64' as const, dims: [own.length], data: BigInt64Array.from(own, BigInt) };
      return Promise.resolve({ id: String(index), label: null, tensors: { shape: tensor } });
    },
    sha256: () => Promise.resolve(''),
    close: () => Promise.resolve(),
  };
}

const observe = (values: readonly (readonly number[])[], inputs = ['shape']) =>
  observeShapeValues([{ dataset: shapes(values), indices: values.map((_, at) => at), batchSize: 8 }], inputs);

describe('observeShapeValues', () => {
  test('spans all samples element by element; the optimum is the first sample', async () => {
    expect(
      await observe([
        [1, 64],
        [2, 32],
        [1, 80],
      ]),
    ).toEqual({
      shape: { min: [1, 32], opt: [1, 64], max: [2, 80] },
    });
  });

  test('leaves out an input whose samples differ in length', async () => {
    expect(
      await observe([
        [1, 64],
        [1, 8, 8],
        [1, 64],
      ]),
    ).toEqual({});
  });

  test('reads nothing where no input holds a shape', async () => {
    const unreadable = { ...shapes([[1]]), get: () => Promise.reject(new Error('read')) };
    expect(await observeShapeValues([{ dataset: unreadable, indices: [0], batchSize: 1 }], [])).toEqual({});
  });
});
