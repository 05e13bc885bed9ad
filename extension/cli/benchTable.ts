/** The results of `bench` as a table for the terminal: percentiles, parts of a run, and whether each is faster than the first. */
import type { ErrorData } from '../contract/errors';
import { percentText, ratioText } from '../contract/quantities';
import type { GpuState, Latency } from '../contract/report';

/** One file at one batch. */
export interface BenchRow {
  readonly name: string;
  readonly batch: number;
  readonly latency: Latency | null;
  readonly error: ErrorData | null;
}

const columns = ['p50 ms', 'p90', 'p99', 'CoV', 'H2D', 'compute', 'D2H', 'per second', 'mJ', 'against the first'];

export function benchTable(rows: readonly BenchRow[]): string {
  const blocks = [...new Set(rows.map(({ batch }) => batch))].map((batch) =>
    block(
      batch,
      rows.filter((row) => row.batch === batch),
    ),
  );
  return `${[...blocks, ...conditions(rows)].join('\n')}\n`;
}

function block(batch: number, rows: readonly BenchRow[]): string {
  const cells = rows.map(({ latency, error }) => (latency === null ? [error?.code ?? 'failed'] : cellsOf(latency)));
  const widths = columns.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => (row.length > 1 ? (row[column]?.length ?? 0) : 0))),
  );
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ');
  const lines = rows.map(({ name, latency }, index) => {
    const where = latency === null ? '' : ` (${latency.device}${sizeNote(latency, batch)})`;
    return `${line(cells[index] ?? [])}  ${name}${where}`;
  });
  return [`batch ${batch}`, line(columns), ...lines, ''].join('\n');
}

/** A model with a batch of its own is measured at that. */
function sizeNote(latency: Latency, batch: number): string {
  return latency.batch === batch ? '' : `, batch ${latency.batch}`;
}

function cellsOf(latency: Latency): string[] {
  const { medianMs, p90Ms, p99Ms, cov, h2dMs, computeMs, d2hMs, throughputPerSecond, energyMillijoules } = latency;
  const ms = (value: number | null) => (value === null ? '–' : value.toFixed(value < 10 ? 3 : 2));
  return [
    ...[medianMs, p90Ms, p99Ms].map(ms),
    percentText(cov, 1),
    ...[h2dMs, computeMs, d2hMs].map(ms),
    throughputPerSecond.toFixed(1),
    energyMillijoules == null ? '–' : energyMillijoules.toFixed(2),
    verdictText(latency),
  ];
}

function verdictText({ versusBaseline }: Latency): string {
  if (versusBaseline === null || versusBaseline === undefined) return '';
  const { ratio, low, high, verdict } = versusBaseline;
  const interval = low === null || high === null ? '' : ` (95% ${ratioText(low)}–${ratioText(high)})`;
  return `${verdict ?? 'unclear'}, ${ratioText(ratio)} its time${interval}`;
}

/** What the numbers depend on, where it was not as it should be. */
function conditions(rows: readonly BenchRow[]): string[] {
  const states = rows.flatMap(({ name, latency }) => (latency?.gpuState ? [{ name, state: latency.gpuState }] : []));
  const throttled = states.filter(({ state }) => state.throttling.length > 0);
  const notes = throttled.map(
    ({ name, state }) => `${name}: the clocks were held down (${state.throttling.join(', ')}).`,
  );
  if (states.some(({ state }) => state.clocksLocked === false)) {
    notes.push('The clocks of the GPU are not locked; lock them (nvidia-smi --lock-gpu-clocks) for steadier numbers.');
  }
  const [first] = states;
  return first === undefined ? notes : [stateText(first.state), ...notes];
}

function stateText({ graphicsClockMhz, memoryClockMhz, powerWatts, temperatureCelsius }: GpuState): string {
  const parts = [
    ['graphics clock', graphicsClockMhz, 'MHz'],
    ['memory clock', memoryClockMhz, 'MHz'],
    ['power', powerWatts, 'W'],
    ['temperature', temperatureCelsius, '°C'],
  ] as const;
  return parts
    .flatMap(([name, value, unit]) => (value === null ? [] : [`${name} ${Math.round(value)} ${unit}`]))
    .join(', ');
}
