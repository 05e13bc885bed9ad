import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../extension/contract/errors';
import type { Progress } from '../../../extension/contract/progress';
import {
  measureInterleaved,
  sliceOrder,
  type BenchmarkEntry,
  type BenchmarkPlan,
} from '../../../extension/measure/measureInterleaved';

const plan = (parts: Partial<BenchmarkPlan> = {}): BenchmarkPlan => ({
  warmupMs: 20,
  durationMs: 150,
  iterations: 30,
  batch: 1,
  ...parts,
});

/** Virtual time: a run takes exactly what it is told to, and nothing else takes any. */
class Machine {
  now = 0;
  readonly runs: string[] = [];
  readonly clock = () => BigInt(Math.round(this.now * 1e6));

  /** @param latency in ms, from the number of the run and the time of the machine */
  entry(name: string, latency: (run: number, now: number) => number): BenchmarkEntry {
    let run = 0;
    return {
      name,
      backend: 'fake',
      device: 'cpu',
      feeds: {},
      session: {
        run: () => {
          this.runs.push(name);
          this.now += latency(run++, this.now);
          return Promise.resolve({});
        },
      },
    };
  }
}

describe('the timings', () => {
  test('of constant runs are exact', async () => {
    const machine = new Machine();
    const { results, errors } = await measureInterleaved([machine.entry('a', () => 2)], plan({ batch: 4 }), {
      clock: machine.clock,
    });
    expect(errors).toEqual({});
    const latency = results['a'];
    expect(latency).toMatchObject({
      backend: 'fake',
      device: 'cpu',
      batch: 4,
      warmupMs: 20,
      medianMs: 2,
      meanMs: 2,
      p90Ms: 2,
      p99Ms: 2,
      cov: 0,
      computeMs: null,
      throughputPerSecond: 2000,
      versusBaseline: null,
    });
    // 15 slices of 10 ms.
    expect(latency?.iterations).toBe(75);
  });

  test('leave the warm-up out', async () => {
    const machine = new Machine();
    const entry = machine.entry('a', (run) => (run < 3 ? 100 : 1));
    const { results } = await measureInterleaved([entry], plan({ warmupMs: 250 }), { clock: machine.clock });
    expect(results['a']).toMatchObject({ warmupMs: 300, p99Ms: 1, cov: 0 });
  });

  test('show a tail where there is one', async () => {
    const machine = new Machine();
    const entry = machine.entry('a', (run) => (run % 20 === 0 ? 10 : 1));
    const { results } = await measureInterleaved([entry], plan(), { clock: machine.clock });
    const latency = results['a'];
    expect(latency?.medianMs).toBe(1);
    expect(latency?.p99Ms).toBe(10);
    expect(latency?.cov).toBeGreaterThan(1);
    expect(latency?.meanMs).toBeGreaterThan(1.3);
  });

  test('are at least as many as asked for, however slow a run is, and at least as long, however fast', async () => {
    const machine = new Machine();
    const entries = [machine.entry('slow', () => 1000), machine.entry('fast', () => 0.5)];
    const { results } = await measureInterleaved(entries, plan(), { clock: machine.clock });
    expect(results['slow']?.iterations).toBe(30);
    expect(results['fast']?.iterations).toBe(300);
  });

  test.each([1, 2, 7, 31])('%i iterations are enough if that is asked for', async (iterations) => {
    const machine = new Machine();
    const { results } = await measureInterleaved([machine.entry('a', () => 1000)], plan({ iterations }), {
      clock: machine.clock,
    });
    expect(results['a']?.iterations).toBeGreaterThanOrEqual(iterations);
    expect(results['a']?.iterations).toBeLessThanOrEqual(iterations + 14);
  });

  test('carry the conditions of host and session', async () => {
    const machine = new Machine();
    const entry = { ...machine.entry('a', () => 1), conditions: { threads: 2 } };
    const { results } = await measureInterleaved([entry], plan(), { clock: machine.clock });
    expect(results['a']?.conditions).toMatchObject({ threads: 2, rounds: 15, interleavedVariants: 1 });
    expect(results['a']?.conditions).toHaveProperty('cpu');
  });
});

describe('interleaving', () => {
  test('rotates and reverses the order', () => {
    const orders = [0, 1, 2, 3, 4].map((round) => sliceOrder(['a', 'b', 'c'], round).join(''));
    expect(orders).toEqual(['abc', 'acb', 'cab', 'cba', 'bca']);
    expect(sliceOrder([], 3)).toEqual([]);
  });

  test('gives every variant a slice per round', async () => {
    const machine = new Machine();
    const entries = ['a', 'b', 'c'].map((name) => machine.entry(name, () => 10));
    await measureInterleaved(entries, plan({ warmupMs: 0, iterations: 15 }), { clock: machine.clock });
    // One warm-up run each, then one run per slice.
    expect(machine.runs.slice(0, 12).join('')).toBe('abc' + 'abc' + 'acb' + 'cab');
    expect(machine.runs).toHaveLength(3 + 45);
  });

  test('a machine that slows down does not make the later variant slower', async () => {
    const machine = new Machine();
    const drifting = (factor: number) => (_: number, now: number) => factor * (1 + now / 1000);
    const entries = [machine.entry('fp32', drifting(1)), machine.entry('int8', drifting(0.8))];
    const { results } = await measureInterleaved(entries, plan({ durationMs: 600 }), { clock: machine.clock });
    const versus = results['int8']?.versusBaseline;
    expect(versus?.baseline).toBe('fp32');
    expect(versus?.ratio).toBeGreaterThan(0.77);
    expect(versus?.ratio).toBeLessThan(0.83);
    expect(versus?.verdict).toBe('faster');
    // The drift is large: measured one after the other, the comparison would have been turned round.
    expect(results['fp32']?.cov).toBeGreaterThan(0.15);
  });

  test('equal variants are the same, and a slower one is slower', async () => {
    const machine = new Machine();
    let noise = 1;
    const noisy = (ms: number) => () => ms * (1 + 0.1 * ((noise = (noise * 16807) % 2147483647) / 2147483647));
    const entries = [machine.entry('a', noisy(1)), machine.entry('b', noisy(1)), machine.entry('c', noisy(1.5))];
    const { results } = await measureInterleaved(entries, plan(), { clock: machine.clock });
    expect(results['b']?.versusBaseline?.verdict).toBe('same');
    expect(results['c']?.versusBaseline?.verdict).toBe('slower');
  });

  test('another baseline can be named', async () => {
    const machine = new Machine();
    const entries = [machine.entry('a', () => 1), machine.entry('b', () => 2)];
    const { results } = await measureInterleaved(entries, plan(), { clock: machine.clock, baseline: 'b' });
    expect(results['a']?.versusBaseline).toMatchObject({ baseline: 'b', ratio: 0.5, verdict: 'faster' });
    expect(results['b']?.versusBaseline).toBeNull();
  });

  test('too few rounds give a ratio and no verdict', async () => {
    const machine = new Machine();
    const entries = [machine.entry('a', () => 1), machine.entry('b', () => 2)];
    const { results } = await measureInterleaved(entries, plan({ iterations: 3 }), { clock: machine.clock });
    expect(results['b']?.versusBaseline).toMatchObject({ ratio: 2, low: null, high: null, verdict: null });
  });
});

describe('failures', () => {
  const broken = new CodedError({ code: 'RUNTIME_FAILED', reason: 'broke', fix: 'mend' });
  const failsAt = (at: number) => (run: number) => {
    if (run >= at) throw broken;
    return 1;
  };

  test.each([0, 40])('a variant that fails in run %i is reported; the others are measured', async (at) => {
    const machine = new Machine();
    const entries = [machine.entry('good', () => 1), machine.entry('bad', failsAt(at))];
    const { results, errors } = await measureInterleaved(entries, plan(), { clock: machine.clock });
    expect(Object.keys(results)).toEqual(['good']);
    expect(errors).toEqual({ bad: broken.toJSON() });
    expect(machine.runs.filter((name) => name === 'bad')).toHaveLength(at + 1);
  });

  test('without a baseline there is no comparison', async () => {
    const machine = new Machine();
    const entries = [machine.entry('bad', failsAt(0)), machine.entry('good', () => 1)];
    const { results } = await measureInterleaved(entries, plan(), { clock: machine.clock });
    expect(results['good']?.versusBaseline).toBeNull();
  });

  test('no variants give nothing', async () => {
    expect(await measureInterleaved([], plan())).toEqual({ results: {}, errors: {} });
  });

  test('cancellation ends it between two runs', async () => {
    const machine = new Machine();
    const controller = new AbortController();
    const entry = machine.entry('a', (run) => {
      if (run === 10) controller.abort();
      return 1;
    });
    const measuring = measureInterleaved([entry], plan(), { clock: machine.clock, signal: controller.signal });
    await expect(measuring).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(machine.runs).toHaveLength(11);
  });

  test('a cancellation that arrives as a message gets through', async () => {
    const machine = new Machine();
    const controller = new AbortController();
    // The session never leaves the microtask queue; only a turn of the event loop lets the timer fire.
    setTimeout(() => controller.abort(), 5);
    const measuring = measureInterleaved([machine.entry('a', () => 0.001)], plan({ durationMs: 60_000 }), {
      clock: machine.clock,
      signal: controller.signal,
    });
    await expect(measuring).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

test('progress rises to the end', async () => {
  const machine = new Machine();
  const seen: Progress[] = [];
  const entries = [machine.entry('a', () => 1), machine.entry('b', () => 1)];
  await measureInterleaved(entries, plan(), { clock: machine.clock, onProgress: (progress) => seen.push(progress) });
  const fractions = seen.map(({ fraction }) => fraction ?? -1);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(fractions[0]).toBe(0);
  expect(fractions.at(-1)).toBeGreaterThan(0.9);
  expect(fractions.at(-1)).toBeLessThanOrEqual(1);
  expect(new Set(seen.map(({ variant }) => variant))).toEqual(new Set(['a', 'b']));
});
