import { describe, expect, it } from 'vitest';
import { nearestName } from '../../../extension/contract/nearestName';

const precisions = ['fp32', 'fp16', 'bf16', 'int8', 'fp8'];

describe('nearestName', () => {
  it.each([
    ['in8', 'int8'],
    ['INT8', 'int8'],
    ['fp61', 'fp16'],
    ['bfloat16', 'bf16'],
    ['', null],
    ['quantized', null],
  ])('%j → %j', (name, expected) => {
    expect(nearestName(name, precisions)).toBe(expected);
  });

  it('takes the first of those that are equally near', () => {
    expect(nearestName('ab', ['aX', 'aY'])).toBe('aX');
  });

  it('counts insertions, deletions, substitutions and swaps of neighbors as one each', () => {
    // Names of four letters may differ in two.
    expect(nearestName('abcd', ['abXcdY'])).toBe('abXcdY');
    expect(nearestName('abcd', ['ad'])).toBe('ad');
    expect(nearestName('abcd', ['XbYd'])).toBe('XbYd');
    expect(nearestName('abcd', ['badc'])).toBe('badc');
    expect(nearestName('abcd', ['XbYdZ'])).toBeNull();
  });

  it('knows nothing among nothing', () => {
    expect(nearestName('fp16', [])).toBeNull();
  });
});
