import { describe, expect, it } from 'vitest';
import { RowRounder } from '../../../extension/calibrate/roundRow';
import type { InputMoments } from '../../../extension/contract/calibrationTable';
import { normalNumbers } from './randomNumbers';

interface Row {
  readonly errors: Float64Array;
  readonly others: Float64Array;
}

/** Weights between two whole numbers, as a quantizer with steps of 1 sees them. */
function row(count: number, seed: number): Row {
  const normal = normalNumbers(seed);
  const errors = Float64Array.from({ length: count }, () => {
    const weight = 5 * normal();
    return Math.round(weight) - weight;
  });
  return { errors, others: errors.map((error) => error - Math.sign(error)) };
}

/** Three or more channels with means, spreads and likeness of their own. */
function moments(channels: number, seed: number): InputMoments {
  const normal = normalNumbers(seed);
  const mean = Array.from({ length: channels }, () => normal());
  const square = mean.map((average) => average * average + 0.2 + Math.abs(normal()));
  const neighbours = mean.map((average, channel) => average * average + 0.8 * (square[channel]! - average * average));
  return { mean, square, neighbours };
}

/** eᵀ G e with G written out, element by element. */
function power(errors: ArrayLike<number>, taps: number, { mean, square, neighbours }: InputMoments, shift = 0): number {
  let sum = shift * shift;
  const channelOf = (element: number) => Math.floor(element / taps);
  for (let i = 0; i < errors.length; i++) {
    sum += 2 * shift * mean[channelOf(i)]! * errors[i]!;
    for (let j = 0; j < errors.length; j++) {
      const [a, b] = [channelOf(i), channelOf(j)];
      const product = i === j ? square[a]! : a === b ? neighbours[a]! : mean[a]! * mean[b]!;
      sum += errors[i]! * errors[j]! * product;
    }
  }
  return sum;
}

function round({ errors, others }: Row, taps: number, inputs: InputMoments, shift = 0): number[] {
  const rounder = new RowRounder(errors.length / taps, taps);
  rounder.round(errors, others, inputs, 0, shift);
  return Array.from(errors, (error, i) => (rounder.changed[i] === 1 ? others[i]! : error));
}

const averageOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('RowRounder', () => {
  const seeds = Array.from({ length: 30 }, (_, seed) => seed);

  it('never does worse than the nearest numbers, and far better on average', () => {
    for (const [channels, taps] of [
      [3, 9],
      [32, 1],
      [64, 9],
    ] as const) {
      const ratios = seeds.map((seed) => {
        const [weights, inputs] = [row(channels * taps, seed), moments(channels, 100 + seed)];
        return power(round(weights, taps, inputs), taps, inputs) / power(weights.errors, taps, inputs);
      });
      expect(Math.max(...ratios)).toBeLessThanOrEqual(1 + 1e-9);
      expect(averageOf(ratios)).toBeLessThan(0.7);
    }
  });

  it('is close to the best there is, where all choices can be tried', () => {
    let [possible, reached] = [0, 0];
    for (const seed of seeds) {
      const [weights, inputs] = [row(12, seed), moments(3, 200 + seed)];
      let best = Infinity;
      for (let choice = 0; choice < 1 << 12; choice++) {
        const errors = weights.errors.map((error, i) => (((choice >> i) & 1) === 1 ? weights.others[i]! : error));
        best = Math.min(best, power(errors, 4, inputs));
      }
      const nearest = power(weights.errors, 4, inputs);
      possible += nearest - best;
      reached += nearest - power(round(weights, 4, inputs), 4, inputs);
    }
    expect(reached).toBeGreaterThan(0.8 * possible);
  });

  it('makes up for an error that the channel has besides', () => {
    const [weights, inputs] = [row(32, 1), moments(32, 2)];
    const blind = power(round(weights, 1, inputs), 1, inputs, 3);
    expect(power(round(weights, 1, inputs, 3), 1, inputs, 3)).toBeLessThan(blind / 2);
  });

  it('leaves what is exact, and what has no other number', () => {
    const inputs: InputMoments = { mean: [1, 1, 1], square: [1, 1, 1], neighbours: [1, 1, 1] };
    const rounder = new RowRounder(3, 1);
    rounder.round(Float64Array.of(0.4, 0.4, 0), Float64Array.of(0.4, 0.4, 0), inputs, 0, 0);
    expect([...rounder.changed]).toEqual([0, 0, 0]);
  });

  it('changes nothing where a layer only ever reads zeros', () => {
    const nothing = [0, 0];
    const rounder = new RowRounder(2, 3);
    const { errors, others } = row(6, 3);
    rounder.round(errors, others, { mean: nothing, square: nothing, neighbours: nothing }, 0, 0);
    expect([...rounder.changed]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
