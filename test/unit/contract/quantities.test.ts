import { describe, expect, it } from 'vitest';
import {
  bytesText,
  decibelsText,
  intervalText,
  listText,
  millisecondsText,
  percentText,
  pluralText,
  pointsText,
  probabilityText,
  significantText,
} from '../../../extension/contract/quantities';

describe('quantities', () => {
  it('never writes a missing number as a number', () => {
    for (const write of [bytesText, decibelsText, millisecondsText, percentText, probabilityText, significantText]) {
      expect(write(null)).toBe('not measured');
      expect(write(undefined)).toBe('not measured');
    }
    expect(intervalText(null, 0.5)).toBe('');
  });

  it.each([
    [0, '0'],
    [0.000123456, '0.000123'],
    [0.2674, '0.267'],
    [9.996, '10.0'],
    [12.34, '12.3'],
    [1234.5, '1235'],
    [-0.5, '-0.500'],
    [1e-9, '1.00e-9'],
  ])('writes %d with three digits as %s', (value, text) => {
    expect(significantText(value)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [18_999_412, '18.1 MiB'],
    [3 * 2 ** 40, '3.00 TiB'],
    [5000 * 2 ** 40, '5000 TiB'],
  ])('writes %d bytes as %s', (value, text) => {
    expect(bytesText(value)).toBe(text);
  });

  it('writes shares, points and probabilities', () => {
    expect(percentText(0.8775)).toBe('87.75%');
    expect(intervalText(0.8333, 0.8994)).toBe('83.3–89.9%');
    expect(pointsText(-0.0075)).toBe('0.75 points');
    expect(pointsText(0.01)).toBe('1.00 point');
    expect(probabilityText(0.58)).toBe('p = 0.58');
    expect(probabilityText(0.0123)).toBe('p = 0.012');
    expect(probabilityText(0.0001)).toBe('p < 0.001');
  });

  it('writes lists and plurals', () => {
    expect([listText([]), listText(['A']), listText(['A', 'B']), listText(['A', 'B', 'C'])]).toEqual([
      '',
      'A',
      'A and B',
      'A, B and C',
    ]);
    expect([pluralText(1, 'sample'), pluralText(1400, 'sample')]).toEqual(['1 sample', '1,400 samples']);
  });
});
