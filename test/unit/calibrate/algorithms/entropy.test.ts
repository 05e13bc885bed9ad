import { describe, expect, it } from 'vitest';
import { entropyThreshold } from '../../../../extension/calibrate/algorithms/entropy';
import { normalNumbers, randomNumbers } from '../randomNumbers';

const bins = 2048;

function histogramOf(values: readonly number[], max: number, bins = 2048): Float64Array {
  const counts = new Float64Array(bins);
  for (const value of values) {
    const bin = Math.min(Math.floor((Math.abs(value) / max) * bins), bins - 1);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

/** The published algorithm written out bin by bin: slow, and what the prefix sums have to agree with. */
function literalThreshold(counts: Float64Array, width: number): number {
  const reference = Float64Array.from(counts);
  reference[0] = 0;
  let bestSpan = counts.length;
  let least = Infinity;
  for (let span = 128; span <= counts.length; span++) {
    const inside = [...reference.subarray(0, span)];
    const outliers = reference.subarray(span).reduce((sum, count) => sum + count, 0);
    const p = [...inside];
    p[span - 1] = (p[span - 1] ?? 0) + outliers;
    const q = new Array<number>(span).fill(0);
    for (let level = 0; level < 128; level++) {
      const from = Math.floor((level * span) / 128);
      const to = Math.floor(((level + 1) * span) / 128);
      const occupied = inside.slice(from, to).filter((count) => count > 0).length;
      const sum = inside.slice(from, to).reduce((total, count) => total + count, 0);
      for (let bin = from; bin < to; bin++) if ((inside[bin] ?? 0) > 0) q[bin] = sum / occupied;
    }
    const sumP = p.reduce((sum, value) => sum + value, 0);
    const sumQ = inside.reduce((sum, value) => sum + value, 0);
    if (inside[span - 1] === 0 && outliers > 0) q[span - 1] = 1;
    let divergence = 0;
    for (let bin = 0; bin < span; bin++) {
      const pBin = (p[bin] ?? 0) / sumP;
      if (pBin > 0) divergence += pBin * Math.log(pBin / ((q[bin] ?? 0) / sumQ));
    }
    if (divergence <= least + 1e-12) {
      least = Math.min(least, divergence);
      bestSpan = span;
    }
  }
  return (bestSpan + 0.5) * width;
}

describe('entropyThreshold', () => {
  it('gives the threshold of published TensorRT caches for values spread over their whole range', () => {
    // `x: 4000890a` for images of 0…255 and `data: 3c008912` for the same divided by 256 (ALGORITHMS.md §3).
    const counts = new Float64Array(bins).fill(10);
    expect(entropyThreshold(counts, 255 / bins)).toBeCloseTo(255.06225, 4);
    const scale = new DataView(new ArrayBuffer(4));
    scale.setFloat32(0, entropyThreshold(counts, 255 / bins) / 127);
    expect(scale.getUint32(0).toString(16)).toBe('4000890a');
    // Eight units in the last place apart: the range behind this one is inferred.
    scale.setUint32(0, 0x3c008912);
    expect(entropyThreshold(counts, 255 / 256 / bins) / 127 / scale.getFloat32(0)).toBeCloseTo(1, 5);
  });

  it('equals the published algorithm on distributions with tails, gaps and outliers', () => {
    const normal = normalNumbers(1);
    const uniform = randomNumbers(2);
    const distributions: Record<string, number[]> = {
      normal: Array.from({ length: 20000 }, normal),
      relu: Array.from({ length: 20000 }, () => Math.max(normal(), 0)),
      outliers: [...Array.from({ length: 20000 }, normal), 20, -25],
      laplace: Array.from({ length: 20000 }, () => -Math.log(1 - uniform())),
      few: Array.from({ length: 100 }, normal),
    };
    for (const [name, values] of Object.entries(distributions)) {
      const max = Math.max(...values.map(Math.abs));
      // Fewer bins than in earnest: the literal algorithm is quadratic in them.
      const counts = histogramOf(values, max, 600);
      expect(entropyThreshold(counts, max / 600), name).toBeCloseTo(literalThreshold(counts, max / 600), 9);
    }
  });

  it('equals it where thresholds are ruled out several at a time', () => {
    const width = 1 / 1800;
    for (const [seed, spread] of [0.05, 0.2, 0.6].entries()) {
      const normal = normalNumbers(seed + 3);
      const values = [...Array.from({ length: 20000 }, () => Math.min(Math.abs(normal()) * spread, 1)), 1];
      const counts = histogramOf(values, 1, 1800);
      expect(entropyThreshold(counts, width), `${spread}`).toBeCloseTo(literalThreshold(counts, width), 9);
    }
  });

  it('clips rare outliers', () => {
    const normal = normalNumbers(3);
    const values = [...Array.from({ length: 100000 }, normal), 100];
    expect(entropyThreshold(histogramOf(values, 100), 100 / bins)).toBeLessThan(20);
  });

  it('is not decided by zeros', () => {
    const normal = normalNumbers(4);
    const values = Array.from({ length: 20000 }, () => Math.abs(normal()));
    const max = Math.max(...values);
    const without = entropyThreshold(histogramOf(values, max), max / bins);
    const zeros = new Array<number>(1_000_000).fill(0);
    expect(entropyThreshold(histogramOf([...values, ...zeros], max), max / bins)).toBe(without);
  });

  it('takes the whole range where there are not more bins than levels', () => {
    const counts = new Float64Array(bins);
    counts.fill(1, 0, 100);
    expect(entropyThreshold(counts, 1)).toBe(100.5);
    expect(entropyThreshold(new Float64Array(bins), 1)).toBe(0.5);
  });

  it('rules out no span that would win, whatever the shape of the histogram', () => {
    const random = randomNumbers(5);
    const shapes: ((bin: number) => number)[] = [
      (bin) => 1e5 * Math.exp(-bin / (8 + 90 * random())),
      () => (random() < 0.05 ? 1e4 * random() : 0),
      (bin) => (bin % 32 === 0 ? 5e5 : 10),
      (bin) => 1e6 / (1 + bin) ** (1 + random()),
      (bin) => (bin < 200 ? 50 : 0) + (bin > 380 ? 1e3 * random() : 0),
      () => Math.floor(3 * random()),
    ];
    for (const shape of shapes) {
      for (let round = 0; round < 4; round++) {
        const counts = Float64Array.from({ length: 400 }, (_, bin) => Math.floor(shape(bin)));
        counts[399] = 1 + Math.floor(1e3 * random() ** 8);
        expect(entropyThreshold(counts, 0.25)).toBeCloseTo(literalThreshold(counts, 0.25), 9);
      }
    }
  });
});
