import { describe, expect, it } from 'vitest';
import { argmax, ctcAlphabet, ctcBestPath } from '../../../extension/compare/ctcDecoding';

/** One-hot scores of a sequence of classes. */
function scores(path: number[], classes: number): Float32Array {
  const values = new Float32Array(path.length * classes);
  path.forEach((index, step) => (values[step * classes + index] = 1));
  return values;
}

describe('argmax', () => {
  it('takes the first of equal values, as numpy does', () => {
    expect(argmax(new Float32Array([1, 3, 3, 2]), 0, 4)).toBe(1);
    expect(argmax(new Float32Array([9, -5, -4]), 1, 2)).toBe(1);
    expect(argmax(new Float32Array([-Infinity, -Infinity]), 0, 2)).toBe(0);
  });

  it('is -1 when a value is NaN', () => {
    expect(argmax(new Float32Array([NaN, 1]), 0, 2)).toBe(-1);
    expect(argmax(new Float32Array([1, NaN]), 0, 2)).toBe(-1);
  });
});

describe('ctcBestPath', () => {
  it('merges repeats, drops blanks, and keeps a letter doubled across a blank', () => {
    const path = [0, 1, 1, 0, 1, 2, 2, 0, 0, 3];
    const view = { offset: 0, steps: path.length, stride: 4, classes: 4 };
    expect(ctcBestPath(scores(path, 4), view)).toEqual([1, 1, 2, 3]);
  });

  it('gives an empty text for blanks only', () => {
    expect(ctcBestPath(scores([0, 0], 3), { offset: 0, steps: 2, stride: 3, classes: 3 })).toEqual([]);
  });
});

describe('ctcAlphabet', () => {
  it('puts the blank before and the space after, where the class axis has room for it', () => {
    expect(ctcAlphabet('a\nb', 4)).toEqual(['', 'a', 'b', ' ']);
    expect(ctcAlphabet('a\nb', 3)).toEqual(['', 'a', 'b']);
    expect(ctcAlphabet('a\r\nb\r\n', 4)).toEqual(['', 'a', 'b', ' ']);
  });

  it('keeps a blank line inside: it is a character too', () => {
    expect(ctcAlphabet('a\n\u3000\nb', 5)).toEqual(['', 'a', '\u3000', 'b', ' ']);
  });

  it('refuses a list of another length', () => {
    expect(ctcAlphabet('a\nb', 7)).toBeNull();
  });
});
