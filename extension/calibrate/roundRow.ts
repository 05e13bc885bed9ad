/**
 * Which weights of one output channel are rounded to the other of their two neighbours, so that the channel's error is least.
 *
 * The error's power over the data is eᵀ G e, with G = E[x xᵀ] of what the row reads. G is taken as three numbers per input channel
 * (`measureInputMoments.ts`): channels are alike in nothing but their means, and the positions under a kernel are all alike. Then
 *
 *     eᵀ G e = (Σ_c μ_c·s_c)² + Σ_c (ν_c − μ_c²)·s_c² + Σ_c (q_c − ν_c)·Σ_t e_ct²      with s_c = Σ_t e_ct,
 *
 * μ mean, q mean square and ν neighbours of channel c. Coordinate descent from the nearest numbers: a weight changes over where
 * that makes the sum smaller, those first that cost least, so that the result is never worse than rounding to nearest.
 * The problem is that of Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization" (ICML 2020), eq. 11–13, with
 * a Gram matrix small enough for every layer of every model.
 */
import type { InputMoments } from '../contract/calibrationTable';

/** More passes over a row change next to nothing. */
const sweeps = 3;
/** Weights are taken in as many groups, by how near they are to the middle between their two numbers. */
const groups = 16;

/** Rounds rows of one length; keeps the memory that takes. */
export class RowRounder {
  /** By element: does it take the other number? Of the last row. */
  readonly changed: Uint8Array;
  private readonly order: Int32Array;
  private readonly group: Uint8Array;
  /** s, by channel. */
  private readonly sums: Float64Array;

  /**
   * @param channels that a row reads
   * @param taps elements per channel, one after the other
   */
  constructor(
    private readonly channels: number,
    private readonly taps: number,
  ) {
    const count = channels * taps;
    this.changed = new Uint8Array(count);
    this.order = new Int32Array(count);
    this.group = new Uint8Array(count);
    this.sums = new Float64Array(channels);
  }

  /**
   * @param errors by element, nearest number less weight
   * @param others other number less weight; the same as the error where there is no other
   * @param moments of the inputs; the row's channels begin at `first`
   * @param shift mean error that the channel has besides, as that of its bias
   */
  round(
    errors: Float64Array,
    others: Float64Array,
    { mean, square, neighbours }: InputMoments,
    first: number,
    shift: number,
  ): void {
    const { changed, sums, taps } = this;
    const ordered = this.sort(errors, others);
    changed.fill(0);
    let total = this.sumUp(errors, mean, first, shift);
    for (let sweep = 0; sweep < sweeps; sweep++) {
      let changes = 0;
      for (let position = 0; position < ordered; position++) {
        const element = this.order[position]!;
        const channel = taps === 1 ? element : Math.floor(element / taps);
        const isOther = changed[element] === 1;
        const now = isOther ? others[element]! : errors[element]!;
        const then = isOther ? errors[element]! : others[element]!;
        const step = then - now;
        const average = mean[first + channel]!;
        const alike = neighbours[first + channel]! - average * average;
        const own = square[first + channel]! - neighbours[first + channel]!;
        const sum = sums[channel]!;
        const change =
          average * step * (2 * total + average * step) +
          alike * step * (2 * sum + step) +
          own * (then * then - now * now);
        if (change >= 0) continue;
        changed[element] = isOther ? 0 : 1;
        sums[channel] = sum + step;
        total += average * step;
        changes++;
      }
      if (changes === 0) return;
    }
  }

  /** @returns Σ_c μ_c·s_c */
  private sumUp(errors: Float64Array, mean: readonly number[], first: number, shift: number): number {
    const { channels, taps, sums } = this;
    let total = shift;
    for (let channel = 0, element = 0; channel < channels; channel++) {
      let sum = 0;
      for (let tap = 0; tap < taps; tap++) sum += errors[element++]!;
      sums[channel] = sum;
      total += mean[first + channel]! * sum;
    }
    return total;
  }

  /** Elements with another number, nearest to the middle first. @returns how many there are */
  private sort(errors: Float64Array, others: Float64Array): number {
    const { group, order } = this;
    const starts = new Int32Array(groups + 1);
    for (let element = 0; element < group.length; element++) {
      const other = Math.abs(others[element]!);
      const error = Math.abs(errors[element]!);
      const distance = other > error ? Math.min(Math.floor((1 - error / other) * groups), groups - 1) : 0;
      group[element] = others[element] === errors[element] ? groups : distance;
      if (group[element]! < groups) starts[group[element]! + 1]!++;
    }
    for (let next = 1; next <= groups; next++) starts[next]! += starts[next - 1]!;
    const count = starts[groups]!;
    for (let element = 0; element < group.length; element++) {
      if (group[element]! < groups) order[starts[group[element]!]!++] = element;
    }
    return count;
  }
}
