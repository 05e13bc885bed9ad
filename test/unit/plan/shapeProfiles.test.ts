import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../extension/contract/errors';
import type { ValueSpec } from '../../../extension/contract/tensor';
import { checkPlannedShapes, shapeProfiles } from '../../../extension/plan/shapeProfiles';

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

describe('symbols', () => {
  const inputs = [input('ids', ['batch', 'seq']), input('mask', ['batch', 'seq'])];
  const ids = { min: [1, 8], opt: [4, 128], max: [16, 512] };

  test('an input that the plan leaves out has the sizes that another gives to the same symbols', () => {
    expect(shapeProfiles(inputs, { ids: [1, 20], mask: [1, 20] }, { ids }, one)).toEqual({ ids, mask: ids });
  });

  test('one symbol with two sizes is refused before TensorRT is asked', () => {
    const mask = { ...ids, max: [16, 256] };
    const { reason } = refusal(() => shapeProfiles(inputs, {}, { ids, mask }, one));
    expect(reason).toMatch(/mask has 8:128:256 for "seq" \(axis 1\), and ids has 8:128:512/);
  });
});

describe('all that a plan says of sizes', () => {
  const shape: ValueSpec = { name: 'sizes', dtype: 'int64', shape: [2] };
  const inputs = [input('x', ['n', 3]), shape];
  const nothing = { shapes: {}, profiles: [], shapeValues: {}, formats: {} };
  const check = (more: Partial<Parameters<typeof checkPlannedShapes>[2]>) => () =>
    checkPlannedShapes(inputs, ['y'], { ...nothing, ...more });
  const good = { min: [1, 3], opt: [2, 3], max: [4, 3] };

  test('what fits passes', () => {
    const values = { sizes: { min: [1, 1], opt: [2, 2], max: [3, 3] } };
    const formats: Parameters<typeof checkPlannedShapes>[2]['formats'] = { x: ['chw16'], y: ['linear'] };
    expect(check({ shapes: { x: good }, profiles: [{ x: good }], shapeValues: values, formats })).not.toThrow();
  });

  test.each([
    ['a second profile', { profiles: [{ x: { ...good, min: [5, 3] } }] }, /min ≤ opt ≤ max/, 'shapes.x'],
    ['values of a float', { shapeValues: { x: good } }, /fp32, which holds no shape/, 'shapeValues.x'],
    [
      'too few values',
      { shapeValues: { sizes: { min: [1], opt: [1], max: [1] } } },
      /2 elements, the plan gives 1 values/,
      'shapeValues.sizes',
    ],
    [
      'values out of order',
      { shapeValues: { sizes: { min: [1, 9], opt: [1, 1], max: [1, 9] } } },
      /min ≤ opt ≤ max for element 1/,
      'shapeValues.sizes',
    ],
    ['a layout of nothing', { formats: { z: ['linear' as const] } }, /memory layout for z/, 'formats.z'],
    ['values of nothing', { shapeValues: { size: good } }, /values of a shape for size/, 'shapeValues.size'],
  ])('%s is refused', (_, change, reason, field) => {
    const error = refusal(check(change));
    expect(error.reason).toMatch(reason);
    expect(error.place?.field).toBe(field);
  });
});
