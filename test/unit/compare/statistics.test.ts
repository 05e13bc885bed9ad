import { describe, expect, it } from 'vitest';
import { mcnemarExact, pairedLossInterval, wilsonInterval } from '../../../extension/compare/statistics';

describe('wilsonInterval', () => {
  // Newcombe (1998), table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('gives the published bounds of %i/%i', (successes, trials, low, high) => {
    const interval = wilsonInterval(successes, trials);
    expect(interval?.low).toBeCloseTo(low, 4);
    expect(interval?.high).toBeCloseTo(high, 4);
  });

  it('ends exactly at 0 and 1', () => {
    expect(wilsonInterval(0, 7)?.low).toBe(0);
    expect(wilsonInterval(7, 7)?.high).toBe(1);
    expect(wilsonInterval(7, 7)?.low).toBeCloseTo(1 - (wilsonInterval(0, 7)?.high ?? 0), 12);
  });

  it('has no interval without trials', () => {
    expect(wilsonInterval(0, 0)).toBeNull();
  });
});

describe('mcnemarExact', () => {
  // Fagerland et al. (2013), table 4: airway hyper-responsiveness (1, 7) and complete response (6, 16).
  it.each([
    [1, 7, 0.0703],
    [6, 16, 0.0525],
  ])('gives the published p of %i against %i', (lost, gained, p) => {
    expect(mcnemarExact(lost, gained)).toBeCloseTo(p, 4);
    expect(mcnemarExact(gained, lost)).toBe(mcnemarExact(lost, gained));
  });

  // Integer arithmetic (Python's math.comb) for what a double cannot hold directly.
  it.each([
    [0, 6, 0.03125],
    [5, 8, 0.5810546875],
    [150, 86, 3.715936139571442e-5],
    [900, 1100, 8.457089535503927e-6],
  ])('is exact for %i against %i', (lost, gained, p) => {
    expect(mcnemarExact(lost, gained) / p).toBeCloseTo(1, 9);
  });

  it('is 1 when nothing or the same number changed', () => {
    expect(mcnemarExact(0, 0)).toBe(1);
    expect(mcnemarExact(4, 4)).toBe(1);
    expect(mcnemarExact(1, 0)).toBe(1);
  });
});

describe('pairedLossInterval', () => {
  it('matches the worked formula on the prime-minister ratings of Agresti (150, 86 of 1600)', () => {
    // Plain Wald there is 0.0400 ± 0.0187; half a pair per cell moves it by less than a thousandth.
    const interval = pairedLossInterval(150, 86, 1600);
    expect(interval?.low).toBeCloseTo(0.0212, 3);
    expect(interval?.high).toBeCloseTo(0.0587, 3);
  });

  it('stays open when nothing changed, and narrows with samples', () => {
    const few = pairedLossInterval(0, 0, 50);
    const many = pairedLossInterval(0, 0, 5000);
    expect(few?.high).toBeCloseTo(1.959963984540054 / 52, 12);
    expect(few?.low).toBeCloseTo(-(few?.high ?? 0), 12);
    expect(many?.high).toBeLessThan((few?.high ?? 0) / 50);
    expect(pairedLossInterval(0, 0, 0)).toBeNull();
  });
});
