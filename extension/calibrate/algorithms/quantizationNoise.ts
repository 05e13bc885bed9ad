/**
 * The noise that symmetric quantization at a given threshold adds to a tensor, computed from its histogram.
 *
 * This is the yardstick by which thresholds are chosen (`meanSquaredError.ts`), judged (`chooseThreshold.ts`) and reported
 * (`CalibrationEntry.sqnrDb`). The quantizer is TensorRT's INT8: q = round(clamp(x / s, −127, 127)), s = T / 127, zero point 0.
 */
import { totalCount, usedBins, type Histogram } from '../histogram';

/** Magnitudes that INT8 tells apart on either side of zero. */
export const int8Levels = 127;

/** SQNR reported where there is no noise at all. */
const noiselessDb = 200;

/**
 * Noise and signal of one tensor. Within a bin the values are taken to lie at its centre: a bin is 1/16 to 1/32 of a
 * quantization step, fine enough to see whether a value that occurs very often (a constant background) falls on a step or
 * between two. Bin 0 holds the exact zeros of a ReLU; its other values, below 1/2048 of the range, carry no power worth counting.
 */
export class QuantizationNoise {
  private readonly total: number;
  /** [i]: sums over bins 1 … i−1 of n, n·x and n·x², x in bins. */
  private readonly counts: Float64Array;
  private readonly firstMoments: Float64Array;
  private readonly secondMoments: Float64Array;

  constructor(private readonly histogram: Histogram) {
    const used = usedBins(histogram);
    this.total = Math.max(totalCount(histogram), 1);
    this.counts = new Float64Array(used + 1);
    this.firstMoments = new Float64Array(used + 1);
    this.secondMoments = new Float64Array(used + 1);
    for (let bin = 0; bin < used; bin++) {
      const count = bin === 0 ? 0 : (histogram.counts[bin] ?? 0);
      const centre = bin + 0.5;
      this.counts[bin + 1] = (this.counts[bin] ?? 0) + count;
      this.firstMoments[bin + 1] = (this.firstMoments[bin] ?? 0) + count * centre;
      this.secondMoments[bin + 1] = (this.secondMoments[bin] ?? 0) + count * centre * centre;
    }
  }

  /** Mean of x². */
  get signalPower(): number {
    return this.inUnits(this.secondMoments.at(-1) ?? 0);
  }

  /**
   * Mean of (x − Q(x))². All bins of a level have the same Q, so that Σ n·(x − q)² over them is a difference of three
   * prefix sums: 128 steps, whatever the number of bins.
   */
  noisePower(threshold: number, levels = int8Levels): number {
    const { counts, firstMoments, secondMoments } = this;
    const used = counts.length - 1;
    const step = threshold / levels / this.histogram.binWidth;
    let noise = 0;
    let from = 0;
    for (let level = 0; level <= levels && from < used; level++) {
      const to = level === levels ? used : Math.min(Math.max(Math.ceil((level + 0.5) * step - 0.5), from), used);
      const quantized = level * step;
      const count = counts[to]! - counts[from]!;
      if (count > 0) {
        const first = firstMoments[to]! - firstMoments[from]!;
        const second = secondMoments[to]! - secondMoments[from]!;
        // Rounding can leave a little less than nothing.
        noise += Math.max(second - 2 * quantized * first + quantized * quantized * count, 0);
      }
      from = to;
    }
    return this.inUnits(noise);
  }

  /** Signal over quantization noise in dB; null where there is no signal. */
  sqnrDb(threshold: number): number | null {
    const signal = this.signalPower;
    if (signal === 0 || threshold <= 0) return null;
    return Math.min(10 * Math.log10(signal / this.noisePower(threshold)), noiselessDb);
  }

  /** The most frequent magnitude other than zero, as its bin's centre, and its share of all elements. */
  mostFrequent(): { readonly value: number; readonly share: number } {
    const { counts, binWidth } = this.histogram;
    let fullest = 1;
    for (let bin = 2; bin < counts.length; bin++) if (counts[bin]! > counts[fullest]!) fullest = bin;
    return { value: (fullest + 0.5) * binWidth, share: counts[fullest]! / this.total };
  }

  private inUnits(sum: number): number {
    return (sum * this.histogram.binWidth ** 2) / this.total;
  }
}
