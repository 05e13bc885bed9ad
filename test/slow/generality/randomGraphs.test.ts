/**
 * A quick slice of `npm run test:random`: graphs of the first seeds, rewritten in every precision, run and compared. The
 * judges themselves are tested, too: what would pass anything proves nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { NamedTensors } from '../../../extension/contract/tensor';
import { compareOutputs, roundings } from '../../generality/compareOutputs';
import { compareSignals } from '../../generality/compareSignals';
import { randomCase } from '../../generality/randomCase';
import { randomGraph } from '../../generality/randomGraph';

const folder = mkdtempSync(join(tmpdir(), 'precision-bench-random-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const batch = 10;
const batches = 6;

describe('random graphs', () => {
  it('are the same for the same seed, and a limit gives a prefix', () => {
    const graph = randomGraph(5);
    expect(randomGraph(5)).toEqual(graph);
    const shorter = randomGraph(5, 3);
    expect(shorter.blocks).toEqual(graph.blocks.slice(0, 3));
    expect(randomGraph(6).model.proto).not.toEqual(graph.model.proto);
  });

  it.each(Array.from({ length: batches }, (_, index) => index * batch + 1))(
    'give the same results in every precision, from seed %i on',
    async (first) => {
      for (let seed = first; seed < first + batch; seed++) {
        const { status, reason, variants } = await randomCase(seed, join(folder, String(seed)));
        expect({ seed, status, reason }).toEqual({ seed, status: 'passed', reason: null });
        expect(variants.map(({ variant }) => variant).slice(0, 3)).toEqual(['prepared', 'fp16', 'bf16']);
      }
    },
    60_000,
  );
});

const floats = (...values: number[]): NamedTensors => ({
  y: { dtype: 'fp32', dims: [values.length], data: Float32Array.from(values) },
});
const integers = (...values: number[]): NamedTensors => ({
  y: { dtype: 'int32', dims: [values.length], data: Int32Array.from(values) },
});

describe('compareOutputs', () => {
  const compare = (expected: NamedTensors, actual: NamedTensors, moved: NamedTensors[] = []) =>
    compareOutputs({ expected, actual, moved, rounding: roundings.fp16, nodes: 1 }).differences;

  it('allows the rounding of the type and no more', () => {
    expect(compare(floats(1, 2), floats(1.0004, 2.001))).toEqual([]);
    expect(compare(floats(1, 2), floats(1.01, 2))).toHaveLength(1);
  });

  it('allows what the FP32 graph itself does on moved inputs, element by element', () => {
    const expected = floats(...new Array<number>(100).fill(0), 5);
    const jumped = floats(...new Array<number>(100).fill(0), 6);
    expect(compare(expected, jumped)).toHaveLength(1);
    expect(compare(expected, jumped, [jumped])).toEqual([]);
    expect(compare(expected, floats(1, ...new Array<number>(99).fill(0), 5), [jumped])).toHaveLength(1);
  });

  it('refuses NaN, infinity and other shapes', () => {
    expect(compare(floats(1), floats(NaN))).toHaveLength(1);
    expect(compare(floats(1), floats(Infinity))).toHaveLength(1);
    expect(compare(floats(-Infinity), floats(-65504))).toHaveLength(1);
    expect(compare(floats(NaN, -Infinity), floats(NaN, -Infinity))).toEqual([]);
    expect(compare(floats(1), floats(1, 1))).toHaveLength(1);
  });

  it('wants integers exact unless they move by right', () => {
    expect(compare(integers(2048), integers(2049))).toHaveLength(1);
    expect(compare(integers(2048), integers(2049), [integers(2050)])).toEqual([]);
  });
});

describe('compareSignals', () => {
  it('measures each output for itself', () => {
    const expected = { ...floats(1000, -1000), small: floats(0.01, 0.02)['y']! };
    const actual = { ...floats(1000, -1000), small: floats(0.02, 0.01)['y']! };
    expect(compareSignals(expected, actual, () => 20).differences.map(({ output }) => output)).toEqual(['small']);
  });

  it('takes noise where there was silence as a difference', () => {
    expect(compareSignals(floats(0, 0), floats(0, 1e-3), () => 20).differences).toHaveLength(1);
    expect(compareSignals(floats(0, 0), floats(0, 0), () => 20).differences).toEqual([]);
  });
});
