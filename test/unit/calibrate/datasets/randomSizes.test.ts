import { describe, expect, it } from 'vitest';
import type { DType, ValueSpec } from '../../../../extension/contract/tensor';
import { guessSizes } from '../../../../extension/calibrate/datasets/randomSizes';

const spec = (name: string, shape: ValueSpec['shape'], dtype: DType = 'fp32'): ValueSpec => ({ name, dtype, shape });

describe('guessSizes', () => {
  it('has one answer where the model fixes all but the batch', () => {
    expect(guessSizes([spec('x', ['N', 3, 8, 8]), spec('r', [])])).toEqual([{ x: [1, 3, 8, 8], r: [] }]);
  });

  it('the symbol of a batch axis is the batch on every axis, also of inputs before it', () => {
    const [first] = guessSizes([spec('state', [2, 'batch', 128]), spec('x', ['batch', 'time'])]);
    expect(first).toEqual({ state: [2, 1, 128], x: [1, 32] });
  });

  it('one symbol has one size in all inputs, unnamed axes follow the same guess', () => {
    for (const sizes of guessSizes([spec('ids', ['N', 't'], 'int64'), spec('mask', ['N', 't', '?'], 'int64')])) {
      expect(sizes['mask']?.[1]).toBe(sizes['ids']?.[1]);
    }
  });

  it('offers pictures, then lines of text, and repeats nothing', () => {
    const sizes = guessSizes([spec('x', ['N', 3, '?', 'w'])]).map(({ x }) => x?.slice(2));
    expect(sizes.slice(0, 2)).toEqual([
      [224, 224],
      [48, 320],
    ]);
    expect(new Set(sizes.map(String)).size).toBe(sizes.length);
    expect(guessSizes([spec('x', [1, 48, 'w', 3])])[0]).toEqual({ x: [1, 48, 320, 3] });
  });

  it('tries seconds of sound for vectors of floats only', () => {
    const longest = (dtype: DType) => Math.max(...guessSizes([spec('x', [1, 't'], dtype)]).map(({ x }) => x![1]!));
    expect(longest('fp32')).toBe(16000);
    expect(longest('int64')).toBeLessThanOrEqual(1024);
  });

  it('takes what the plan says for one input, and for the same symbol in others', () => {
    const shape = [4, 300];
    const shapes = { x: { min: [1, 300], opt: shape, max: shape } };
    const inputs = [spec('x', ['N', 't']), spec('mask', ['N', 't'], 'bool')];
    expect(guessSizes(inputs, shapes)).toEqual([{ x: [1, 300], mask: [1, 300] }]);
  });
});
