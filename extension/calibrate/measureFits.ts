/**
 * Which offsets and gains fit the activations of INT8 layers, and whether they are worth their operations.
 *
 * Runs before calibration on a few samples, on the equalized model; `fitActivations.ts` applies the result.
 */
import type { ActivationFit } from '../contract/calibrationTable';
import type { RunOptions } from '../contract/progress';
import type { NamedTensors, Tensor } from '../contract/tensor';
import { fromFloat16, toFloat16 } from '../model/float16';
import type { Model } from '../model/model';
import { meanSquaredErrorThreshold } from './algorithms/meanSquaredError';
import { int8Levels, QuantizationNoise } from './algorithms/quantizationNoise';
import { fittableTensors, type FittableTensor } from './fitActivations';
import { newHistogram, widen, type GrowingHistogram } from './histogram';
import { inferenceFeeds } from './inferenceFeeds';
import { inParallel } from './inParallel';
import type { Observer } from './observers/observer';
import { scalarObserver } from './observers/scalarObserver';
import type { ObservationSource } from './observeTensors';
import { valueProbe } from './probeModels';
import { withProbe } from './probeSessions';
import { toFloat32 } from './toFloat32';

/**
 * How much of the difference between channels the activation gives to the weights: at 0 none, at 1 all. SmoothQuant's 0.5 suits
 * activations that are much harder to quantize than weights; of 0, 0.25 and 0.5 the middle was best on both text models.
 */
const migration = 0.25;
/** A channel that far below the others has little to say, and other samples may find it larger. */
const largestGain = 16;
/** Less would not pay for the operations where they do not fuse. */
const worthwhileGainDb = 1;

/** What was seen of one tensor. */
interface Seen {
  readonly fittable: FittableTensor;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly histogram: GrowingHistogram;
}

/**
 * @param tensors those that INT8 layers may read
 * @param source a few samples, as `sampleByContent.ts` picks them
 * @returns by tensor; numbers that FP16 holds, independent of the order and batches of the samples
 * @throws CodedError CANCELLED, and what `open`, `run` and the data set throw
 */
export async function measureFits(
  model: Model,
  tensors: readonly string[],
  source: ObservationSource,
  options: RunOptions = {},
): Promise<Record<string, ActivationFit>> {
  const wanted = new Set(tensors);
  const found = fittableTensors(model).filter(({ tensor }) => wanted.has(tensor));
  if (found.length === 0) return {};
  const seen = found.map((fittable): Seen => ({
    fittable,
    min: new Float64Array(fittable.channels).fill(Infinity),
    max: new Float64Array(fittable.channels).fill(-Infinity),
    histogram: newHistogram(),
  }));
  const observer: Observer = source.observer ?? scalarObserver;
  const probe = valueProbe(
    model,
    found.map(({ tensor }) => tensor),
  );
  const addSample = (outputs: NamedTensors): void => {
    for (const entry of seen) {
      const tensor = outputs[entry.fittable.tensor];
      if (tensor === undefined) continue;
      const values = toFloat32(tensor);
      widen(entry.histogram, observer.observeRange(values).absMax);
      observer.accumulateHistogram(values, entry.histogram.counts, entry.histogram.binWidth);
      observeChannels(entry, tensor, values);
    }
  };
  await withProbe(probe, source, (opened) =>
    inParallel(
      inferenceFeeds(source, options.signal),
      opened.parallelRuns,
      ({ feeds }) => opened.run(feeds),
      addSample,
      options.signal,
    ),
  );
  const fits = seen.map((entry) => [entry.fittable.tensor, fit(entry)] as const);
  return Object.fromEntries(fits.filter((entry): entry is readonly [string, ActivationFit] => entry[1] !== null));
}

function observeChannels({ fittable, min, max }: Seen, { dims }: Tensor, values: Float32Array): void {
  const run = dims.slice(dims.length - fittable.axesBehind).reduce((count, size) => count * size, 1);
  for (let start = 0, channel = 0; start < values.length; start += run, channel = (channel + 1) % fittable.channels) {
    let low = min[channel]!;
    let high = max[channel]!;
    for (let i = start; i < start + run; i++) {
      const value = values[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    min[channel] = low;
    max[channel] = high;
  }
}

/** The range of all channels together: from −short to long, or mirrored, is what INT8 has to tell apart with least noise. */
interface Range {
  /** The threshold of least noise with symmetric levels. */
  readonly symmetric: number;
  readonly long: number;
  /** Half of the range, and what every channel has to keep within around its offset. */
  readonly half: number;
}

/**
 * The histogram is of magnitudes: it says where to clip the long side only while the short side is too short to be clipped.
 * Otherwise the levels stay symmetric.
 */
function rangeOf({ fittable, min, max, histogram }: Seen): Range | null {
  const low = Math.min(...min);
  const high = Math.max(...max);
  const absMax = Math.max(-low, high);
  if (!Number.isFinite(absMax) || absMax <= 0) return null;
  const noise = new QuantizationNoise(histogram);
  const symmetric = meanSquaredErrorThreshold(noise, absMax);
  const short = Math.max(-low < high ? -low : high, 0);
  if (short >= symmetric || fittable.isPadded) return { symmetric, long: symmetric, half: symmetric };
  const levels = (threshold: number) => Math.round((2 * int8Levels * threshold) / (threshold + short));
  const long = meanSquaredErrorThreshold(noise, absMax, levels);
  return { symmetric, long, half: (long + short) / 2 };
}

/** Null where it would change little. */
function fit(seen: Seen): ActivationFit | null {
  const range = rangeOf(seen);
  if (range === null) return null;
  const { long, half, symmetric } = range;
  const channels = Array.from(seen.min, (low, channel) => ({
    bottom: Math.max(low, -long),
    top: Math.min(seen.max[channel]!, long),
  }));
  const offsets = channels.map(({ bottom, top }) => (seen.fittable.isPadded ? 0 : asHalf(offset(bottom, top, half))));
  const gains = channels.map(({ bottom, top }, channel) => {
    const reach = Math.max(top - offsets[channel]!, offsets[channel]! - bottom);
    const gain = reach > 0 ? Math.min((half / reach) ** migration, largestGain) : 1;
    return asHalf(Math.max(gain, 1));
  });
  const power = gains.reduce((sum, gain) => sum + gain * gain, 0) / gains.length;
  const gainDb = 20 * Math.log10(symmetric / half) + 10 * Math.log10(power);
  return gainDb >= worthwhileGainDb ? { offsets, gains } : null;
}

/**
 * The smallest offset with which a channel keeps within ±half: most need none. Small ones matter: the bias takes them up in FP16,
 * and loses the digits that they push out of it.
 */
function offset(bottom: number, top: number, half: number): number {
  if (top > half) return Math.min(top - half, Math.max(0, bottom + half));
  if (bottom < -half) return Math.max(bottom + half, Math.min(0, top - half));
  return 0;
}

const asHalf = (value: number): number => fromFloat16(toFloat16(value));
