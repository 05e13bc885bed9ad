import { describe, expect, it } from 'vitest';
import { TensorMetrics } from '../../../extension/compare/tensorMetrics';
import type { Tensor } from '../../../extension/contract/tensor';

const fp32 = (dims: number[], values: number[]): Tensor => ({ dtype: 'fp32', dims, data: new Float32Array(values) });

/** A smooth signal with a known error, long enough that summation order would show. */
function signal(length: number, error: (i: number) => number): [number[], number[]] {
  const reference = Array.from({ length }, (_, i) => Math.fround(Math.sin(0.37 * i) * 3));
  return [reference, reference.map((value, i) => Math.fround(value + error(i)))];
}

/** The same definitions, written as plain sums over whole arrays. */
function expected(reference: number[], test: number[]) {
  const sum = (term: (r: number, t: number) => number) =>
    reference.reduce((total, r, i) => total + term(r, test[i] as number), 0);
  const power = sum((r) => r * r);
  return {
    sqnrDb: 10 * Math.log10(power / sum((r, t) => (r - t) ** 2)),
    cosine: sum((r, t) => r * t) / Math.sqrt(power * sum((_, t) => t * t)),
    maxAbs: Math.max(...reference.map((r, i) => Math.abs(r - (test[i] as number)))),
    meanAbs: sum((r, t) => Math.abs(r - t)) / reference.length,
  };
}

describe('TensorMetrics', () => {
  it('equals the definitions over all batches together', () => {
    const [reference, test] = signal(600, (i) => 0.01 * Math.cos(i));
    const metrics = new TensorMetrics('y');
    for (const start of [0, 200, 400]) {
      metrics.add(fp32([20, 10], reference.slice(start, start + 200)), fp32([20, 10], test.slice(start, start + 200)), {
        rows: 20,
        valid: 20,
      });
    }
    const result = metrics.finish();
    const wanted = expected(reference, test);
    expect(result.sqnrDb).toBeCloseTo(wanted.sqnrDb, 6);
    expect(result.cosine).toBeCloseTo(wanted.cosine, 9);
    expect(result.maxAbs).toBeCloseTo(wanted.maxAbs, 9);
    expect(result.meanAbs).toBeCloseTo(wanted.meanAbs, 9);
    expect(result.nonFinite).toBe(0);
  });

  it('gives 20 dB for an error of a tenth of the signal, and each sample its own', () => {
    const metrics = new TensorMetrics('y');
    const distances = metrics.add(fp32([2, 2], [3, 4, 10, 0]), fp32([2, 2], [3.3, 4.4, 10, 0]), { rows: 2, valid: 2 });
    expect(distances?.[0]?.sqnrDb).toBeCloseTo(20, 4);
    expect(distances?.[1]).toEqual({ sqnrDb: null, identical: true, broken: 0 });
  });

  it('calls identical outputs identical: no SQNR, cosine 1, error 0', () => {
    const metrics = new TensorMetrics('y');
    metrics.add(fp32([1, 2], [1, 2]), fp32([1, 2], [1, 2]), { rows: 1, valid: 1 });
    expect(metrics.finish()).toEqual({
      name: 'y',
      sqnrDb: null,
      cosine: 1,
      maxAbs: 0,
      meanAbs: 0,
      maxRel: 0,
      nonFinite: 0,
    });
  });

  it('has no SQNR either where fp32 is all zero and the variant is not, but the error shows', () => {
    const metrics = new TensorMetrics('y');
    const distances = metrics.add(fp32([1, 2], [0, 0]), fp32([1, 2], [0, 1]), { rows: 1, valid: 1 });
    expect(metrics.finish()).toMatchObject({ sqnrDb: null, cosine: null, maxAbs: 1 });
    expect(distances?.[0]?.identical).toBe(false);
  });

  it('leaves elements near zero out of the relative error', () => {
    const metrics = new TensorMetrics('y');
    // 0.05 is below a thousandth of 100: its hundredfold error says nothing; that of 1 counts.
    metrics.add(fp32([1, 3], [100, 0.05, 1]), fp32([1, 3], [100, 5, 1.5]), { rows: 1, valid: 1 });
    expect(metrics.finish().maxRel).toBeCloseTo(0.5, 6);
  });

  it('counts NaN and infinity of the variant and keeps them out of the sums', () => {
    const metrics = new TensorMetrics('y');
    const reference = fp32([2, 3], [1, 2, 3, -Infinity, 1, 1]);
    const distances = metrics.add(reference, fp32([2, 3], [1, NaN, Infinity, -Infinity, 1, 1]), { rows: 2, valid: 2 });
    expect(metrics.finish()).toMatchObject({ nonFinite: 3, maxAbs: 0, cosine: 1 });
    expect(distances?.map(({ broken, identical }) => [broken, identical])).toEqual([
      [2, false],
      // −∞ where fp32 has it too (a mask) is no damage.
      [0, true],
    ]);
  });

  it('ignores the padding rows of a fixed batch', () => {
    const metrics = new TensorMetrics('y');
    metrics.add(fp32([3, 1], [1, 1, 1]), fp32([3, 1], [1, 1, 99]), { rows: 3, valid: 2 });
    expect(metrics.finish().maxAbs).toBe(0);
  });

  it('compares fp16 with fp32 outputs', () => {
    const metrics = new TensorMetrics('y');
    const half: Tensor = { dtype: 'fp16', dims: [1, 2], data: new Uint16Array([0x3c00, 0x4000]) };
    metrics.add(fp32([1, 2], [1, 2.5]), half, { rows: 1, valid: 1 });
    expect(metrics.finish().maxAbs).toBe(0.5);
  });

  it('measures nothing where sizes differ, such as a number of detections', () => {
    const metrics = new TensorMetrics('y');
    expect(
      metrics.add(fp32([3, 4], Array<number>(12).fill(1)), fp32([2, 4], Array<number>(8).fill(1)), {
        rows: 1,
        valid: 1,
      }),
    ).toBeNull();
    metrics.add(fp32([1, 4], [1, 1, 1, 1]), fp32([1, 4], [1, 1, 1, 1]), { rows: 1, valid: 1 });
    expect(metrics.finish()).toMatchObject({ sqnrDb: null, cosine: null, maxAbs: null, meanAbs: null, maxRel: null });
  });

  it('compares an output without a batch axis as a whole', () => {
    const metrics = new TensorMetrics('y');
    expect(metrics.add(fp32([5], [1, 1, 1, 1, 1]), fp32([5], [1, 1, 1, 1, 2]), { rows: 2, valid: 2 })).toBeNull();
    expect(metrics.finish().maxAbs).toBe(1);
  });

  it('has nulls when nothing was fed', () => {
    expect(new TensorMetrics('y').finish()).toMatchObject({ sqnrDb: null, maxAbs: null, nonFinite: 0 });
  });
});
