/**
 * Latency of several variants, measured in turns.
 *
 * A machine changes while it is measured: clocks, temperature, other programs. Measuring A to the end and then B turns that
 * into a difference between A and B. Here every round gives every variant a slice of the same length, in an order that
 * rotates and reverses from round to round, so that no variant is always first or always follows the same one. Within a
 * slice a variant runs back to back, as it would in use, with its weights in the caches.
 *
 * Comes after the variants were written or built; `compare/verdict.ts` and the report read the result. It knows sessions
 * (`backends/backend.ts`), not runtimes: a session with a clock of its own (`measure`, a GPU's) is asked for its compute
 * time, of any other the wall time of one `run` call is taken.
 */
import * as os from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Session } from '../backends/backend';
import { CodedError, throwIfCancelled, type ErrorData } from '../contract/errors';
import type { Plan } from '../contract/plan';
import type { RunOptions } from '../contract/progress';
import type { Latency } from '../contract/report';
import type { PerVariant } from '../contract/stageMethods';
import type { NamedTensors } from '../contract/tensor';
import { energyPerRun, summarizeGpuState, type ReadSlice } from './gpuState';
import { ascending, coefficientOfVariation, mean, median, pairedRatio, quantile, speedVerdict } from './statistics';

/** A variant, opened and fed. */
export interface BenchmarkEntry {
  readonly name: string;
  readonly session: Pick<Session, 'run' | 'measure'>;
  /** The same values for every run; `benchmark.batch` samples. */
  readonly feeds: NamedTensors;
  /** As the report shows it: `onnxruntime`, `tensorrt-rtx`. */
  readonly backend: string;
  /** `cpu`, or the GPU's name. */
  readonly device: string;
  /** Samples in `feeds`, and whether a CUDA graph is recorded; those of the benchmark by default. */
  readonly batch?: number;
  readonly cudaGraph?: boolean;
  /** Whether inputs and outputs are copied in every run; default true. */
  readonly transfers?: boolean;
  /** Settings of the session that influence its speed. */
  readonly conditions?: Latency['conditions'];
}

export type BenchmarkPlan = Pick<Plan['benchmark'], 'warmupMs' | 'durationMs' | 'iterations' | 'batch'> &
  Partial<Pick<Plan['benchmark'], 'cudaGraph' | 'spin'>>;

export interface MeasureOptions extends RunOptions {
  /** The entry that others are compared with; the first one by default. */
  readonly baseline?: string;
  /** Monotonic nanoseconds; tests give their own. */
  readonly clock?: () => bigint;
}

/** A device's caches and clocks are the previous variant's at the start of a slice; these ms do not count. */
const sliceWarmupMs = 5;

/** Slices per variant: enough for a confidence interval over paired rounds, few enough for slices that warm up. */
const maxRounds = 15;

/**
 * Every variant is warmed up for at least `warmupMs` and then measured for at least `durationMs` and `iterations` runs.
 * A variant that fails is left out from there on and reported in `errors`.
 *
 * @throws CodedError CANCELLED
 */
export async function measureInterleaved(
  entries: readonly BenchmarkEntry[],
  benchmark: BenchmarkPlan,
  options: MeasureOptions = {},
): Promise<PerVariant<Latency>> {
  const clock = options.clock ?? (() => process.hrtime.bigint());
  const rounds = Math.min(maxRounds, benchmark.iterations);
  const progress = new BenchmarkProgress(entries.length, rounds, benchmark, options);
  const series = entries.map((entry) => new Series(entry, clock, benchmark));
  const loadBefore = os.loadavg()[0] ?? 0;

  for (const one of series) {
    progress.report(`Warming up ${one.entry.name}`, one.entry.name);
    await one.attempt(() => one.warmUp(benchmark.warmupMs, options.signal));
    progress.advance(benchmark.warmupMs);
  }
  const slice = { ms: benchmark.durationMs / rounds, runs: Math.ceil(benchmark.iterations / rounds) };
  for (let round = 0; round < rounds; round++) {
    for (const one of sliceOrder(series, round)) {
      progress.report(`Round ${round + 1} of ${rounds}`, one.entry.name);
      await one.attempt(() => one.measureSlice(slice.ms, slice.runs, options.signal));
      progress.advance(slice.ms);
    }
  }

  const conditions = hostConditions(entries.length, rounds, loadBefore);
  const measured = series.filter(({ error }) => error === null);
  const baseline = measured.find(({ entry }) => entry.name === (options.baseline ?? entries[0]?.name));
  const results = measured.map((one) => [one.entry.name, summarize(one, baseline, benchmark, conditions)] as const);
  const errors = series.flatMap(({ entry, error }) => (error === null ? [] : [[entry.name, error] as const]));
  return { results: Object.fromEntries(results), errors: Object.fromEntries(errors) };
}

/** Rotated by the round, reversed in every other one. */
export function sliceOrder<T>(items: readonly T[], round: number): T[] {
  const start = items.length === 0 ? 0 : round % items.length;
  const rotated = [...items.slice(start), ...items.slice(0, start)];
  return round % 2 === 0 ? rotated : rotated.reverse();
}

/** The timings of one variant, slice by slice, in ms. */
class Series {
  readonly slices: number[][] = [];
  /** Of sessions that time themselves: the copies around the computation, and whether a CUDA graph was replayed. */
  readonly copies = { h2d: [] as number[], d2h: [] as number[] };
  usedCudaGraph: boolean | null = null;
  /** Of sessions whose device has meters. */
  readonly read: ReadSlice[] = [];
  warmupMs = 0;
  error: ErrorData | null = null;

  constructor(
    readonly entry: BenchmarkEntry,
    private readonly clock: () => bigint,
    private readonly benchmark: BenchmarkPlan,
  ) {}

  /** Keeps the failure of a variant with the variant; cancellation ends the measurement. */
  async attempt(step: () => Promise<void>): Promise<void> {
    if (this.error !== null) return;
    try {
      await step();
    } catch (error) {
      if (CodedError.is(error, 'CANCELLED')) throw error;
      this.error = CodedError.from(error).toJSON();
    }
  }

  async warmUp(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const timings = await this.runFor(ms, 1, signal);
    this.warmupMs = timings.reduce((sum, timing) => sum + timing, 0);
    this.copies.h2d.length = 0;
    this.copies.d2h.length = 0;
    this.read.length = 0;
  }

  async measureSlice(ms: number, runs: number, signal: AbortSignal | undefined): Promise<void> {
    this.slices.push(await this.runFor(ms, runs, signal));
  }

  /** At least `ms` of running time and `runs` runs. */
  private async runFor(ms: number, runs: number, signal: AbortSignal | undefined): Promise<number[]> {
    if (this.entry.session.measure !== undefined) return this.askSession(ms, runs, signal);
    const timings: number[] = [];
    for (let total = 0; total < ms || timings.length < runs;) {
      // A turn of the event loop lets the message in that cancels; a run need not give one. Outside of the timing.
      await nextTurn();
      throwIfCancelled(signal);
      const start = this.clock();
      await this.entry.session.run(this.entry.feeds);
      const timing = Number(this.clock() - start) / 1e6;
      timings.push(timing);
      total += timing;
    }
    return timings;
  }

  private async askSession(ms: number, runs: number, signal: AbortSignal | undefined): Promise<number[]> {
    const { cudaGraph: wanted = true, spin = false } = this.benchmark;
    const cudaGraph = this.entry.cudaGraph ?? wanted;
    const wait = spin ? ('spin' as const) : ('block' as const);
    const { transfers = true } = this.entry;
    const request = { warmupMs: sliceWarmupMs, durationMs: ms, iterations: runs, cudaGraph, wait, transfers };
    const measured = await this.entry.session.measure?.(this.entry.feeds, request, signal);
    if (measured === undefined) return [];
    this.usedCudaGraph = measured.cudaGraph;
    if (transfers) {
      for (const timing of Array.from(measured.h2d)) this.copies.h2d.push(timing);
      for (const timing of Array.from(measured.d2h)) this.copies.d2h.push(timing);
    }
    if (measured.gpu) this.read.push({ reading: measured.gpu, runs: measured.compute.length });
    return Array.from(measured.compute);
  }
}

function medianOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : median(values);
}

function summarize(
  one: Series,
  baseline: Series | undefined,
  benchmark: BenchmarkPlan,
  conditions: Latency['conditions'],
): Latency {
  const timings = ascending(one.slices.flat());
  const meanMs = mean(timings);
  const batch = one.entry.batch ?? benchmark.batch;
  return {
    backend: one.entry.backend,
    device: one.entry.device,
    batch,
    warmupMs: one.warmupMs,
    iterations: timings.length,
    medianMs: quantile(timings, 0.5),
    meanMs,
    p90Ms: quantile(timings, 0.9),
    p95Ms: quantile(timings, 0.95),
    p99Ms: quantile(timings, 0.99),
    cov: coefficientOfVariation(timings),
    // The parts of a run are known to sessions with clocks of their own only; the latency then is that of the computation.
    computeMs: one.usedCudaGraph === null ? null : quantile(timings, 0.5),
    h2dMs: medianOrNull(one.copies.h2d),
    d2hMs: medianOrNull(one.copies.d2h),
    throughputPerSecond: (1000 * batch) / meanMs,
    ...(one.usedCudaGraph === null
      ? {}
      : { energyMillijoules: energyPerRun(one.read), gpuState: summarizeGpuState(one.read) }),
    conditions: {
      ...conditions,
      ...(one.usedCudaGraph === null
        ? {}
        : { clock: 'gpu events', cudaGraph: one.usedCudaGraph, wait: benchmark.spin ? 'spin' : 'block' }),
      ...one.entry.conditions,
    },
    versusBaseline: baseline === undefined || baseline === one ? null : compare(one, baseline),
  };
}

function compare(one: Series, baseline: Series): NonNullable<Latency['versusBaseline']> {
  const interval = pairedRatio(one.slices.map(median), baseline.slices.map(median));
  return { baseline: baseline.entry.name, ...interval, verdict: speedVerdict(interval) };
}

/** What a reader needs to judge whether two reports can be compared. */
function hostConditions(variants: number, rounds: number, loadBefore: number): Latency['conditions'] {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    node: process.versions.node,
    interleavedVariants: variants,
    rounds,
    loadAverageBefore: loadBefore,
    loadAverageAfter: os.loadavg()[0] ?? 0,
  };
}

/** Progress by planned milliseconds; the time left from the pace so far. */
class BenchmarkProgress {
  private readonly planned: number;
  private readonly start = Date.now();
  private done = 0;

  constructor(
    variants: number,
    rounds: number,
    benchmark: BenchmarkPlan,
    private readonly options: RunOptions,
  ) {
    // One more ms per slice stands for runs that are longer than their slice, so that a plan of 0 ms has progress, too.
    this.planned = variants * (benchmark.warmupMs + benchmark.durationMs + rounds + 1);
  }

  report(message: string, variant: string): void {
    const fraction = this.planned === 0 ? 1 : this.done / this.planned;
    const elapsed = (Date.now() - this.start) / 1000;
    const etaSeconds = fraction > 0.02 ? (elapsed / fraction) * (1 - fraction) : null;
    this.options.onProgress?.({ stage: 'measure', variant, fraction, etaSeconds, message });
  }

  advance(ms: number): void {
    this.done += ms + 1;
  }
}
