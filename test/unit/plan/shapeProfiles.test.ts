import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../extension/contract/errors';
import type { ValueSpec } from '../../../extension/contract/tensor';
import { shapeProfiles } from '../../../extension/plan/shapeProfiles';

const input = (name: string, shape: ValueSpec['shape']): ValueSpec => ({ name, dtype: 'fp32', shape });
const one = { opt: 1, max: 1 };

function refusal(work: () => unknown): CodedError {
  try {
    work();
  } catch (error) {
    if (CodedError.is(error, 'PLAN_INVALID')) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('shapeProfiles', () => {
  test('static inputs need none', () => {
    expect(shapeProfiles([input('x', [1, 3, 8, 8]), input('s', [])], {}, {}, one)).toEqual({});
  });

  test('the batch goes from 1 to the largest asked for, other open axes are as in the data', () => {
    const inputs = [input('x', ['batch', 3, 48, 'width'])];
    expect(shapeProfiles(inputs, { x: [1, 3, 48, 320] }, {}, { opt: 2, max: 8 })).toEqual({
      x: { min: [1, 3, 48, 320], opt: [2, 3, 48, 320], max: [8, 3, 48, 320] },
    });
  });

  test('a first axis that is longer in the data than any batch keeps its length', () => {
    const { x } = shapeProfiles([input('x', ['sequence', 576])], { x: [63, 576] }, {}, { opt: 1, max: 8 });
    expect(x).toEqual({ min: [1, 576], opt: [63, 576], max: [63, 576] });
  });

  test('the batch symbol on another axis follows the batch', () => {
    const inputs = [input('x', ['n', 4]), input('state', [2, 'n', 16])];
    const profiles = shapeProfiles(inputs, { x: [1, 4], state: [2, 1, 16] }, {}, { opt: 1, max: 4 });
    expect(profiles['state']?.max).toEqual([2, 4, 16]);
  });

  test('axes without a name and negative sizes are open', () => {
    const inputs = [input('x', [-1, null, 4])];
    const { x } = shapeProfiles(inputs, { x: [1, 7, 4] }, {}, { opt: 1, max: 2 });
    expect(x).toEqual({ min: [1, 7, 4], opt: [1, 7, 4], max: [2, 7, 4] });
  });

  test('without data an open batch is enough, any other open axis is refused by name', () => {
    expect(shapeProfiles([input('x', ['n', 4])], {}, {}, one)['x']?.opt).toEqual([1, 4]);
    const error = refusal(() => shapeProfiles([input('x', ['n', 'width'])], {}, {}, one));
    expect(error.reason).toContain('axis 1');
    expect(error.fix).toContain('--shape x=');
  });

  test('an unknown rank is taken from the data or refused', () => {
    expect(shapeProfiles([input('x', null)], { x: [1, 5] }, {}, one)['x']?.opt).toEqual([1, 5]);
    expect(refusal(() => shapeProfiles([input('x', null)], {}, {}, one)).reason).toContain('rank');
  });

  describe('shapes from the plan', () => {
    const inputs = [input('images', ['batch', 3, 'h', 'w'])];
    const good = { min: [1, 3, 32, 32], opt: [4, 3, 64, 64], max: [8, 3, 96, 96] };
    const plan = (change: Partial<typeof good>) => () =>
      shapeProfiles(inputs, {}, { images: { ...good, ...change } }, one);

    test('are taken as they are', () => {
      expect(plan({})()).toEqual({ images: good });
    });

    test('of another rank', () => {
      expect(refusal(plan({ opt: [4, 3, 64] })).reason).toMatch(/4 axes.*opt shape 4x3x64 has 3/);
    });

    test('against a fixed size', () => {
      expect(refusal(plan({ max: [8, 1, 96, 96] })).reason).toMatch(/size 3 on axis 1.*max/);
    });

    test.each([
      ['min above opt', { min: [1, 3, 65, 32] }],
      ['opt above max', { max: [8, 3, 96, 63] }],
    ])('%s', (_, change) => {
      expect(refusal(plan(change)).reason).toContain('min ≤ opt ≤ max');
    });

    test('for a name that is no input', () => {
      const error = refusal(() => shapeProfiles(inputs, { images: [1, 3, 32, 32] }, { image: good }, one));
      expect(error.fix).toContain('images');
      expect(error.place?.field).toBe('shapes.image');
    });
  });
});
