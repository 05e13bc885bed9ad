/** The GPU's readings over the slices of one variant, as one summary for the report. Fed by `measureInterleaved.ts`. */
import type { GpuReading } from '../backends/backend';
import type { GpuState } from '../contract/report';
import { median } from './statistics';

/** One slice: the reading around it, and how many inferences it timed. */
export interface ReadSlice {
  readonly reading: GpuReading;
  readonly runs: number;
}

const meters = ['graphicsClockMhz', 'memoryClockMhz', 'powerWatts', 'temperatureCelsius'] as const;

/** Medians over the slices; every reason that throttled any of them. Null without readings. */
export function summarizeGpuState(slices: readonly ReadSlice[]): GpuState | null {
  if (slices.length === 0) return null;
  const readings = slices.map(({ reading }) => reading);
  const summary = Object.fromEntries(meters.map((meter) => [meter, medianKnown(readings.map((one) => one[meter]))]));
  const locked = readings.map(({ clocksLocked }) => clocksLocked);
  return {
    ...(summary as Pick<GpuState, (typeof meters)[number]>),
    throttling: [...new Set(readings.flatMap(({ throttling }) => throttling))],
    clocksLocked: locked.includes(null) ? null : locked.every(Boolean),
  };
}

/** Energy of one inference: what all slices drew over what they ran. Null where the GPU has no energy counter. */
export function energyPerRun(slices: readonly ReadSlice[]): number | null {
  const counted = slices.flatMap(({ reading: { energyMillijoules }, runs }) =>
    energyMillijoules === null ? [] : [{ energyMillijoules, runs }],
  );
  const runs = counted.reduce((sum, slice) => sum + slice.runs, 0);
  return runs === 0 ? null : counted.reduce((sum, slice) => sum + slice.energyMillijoules, 0) / runs;
}

function medianKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : median(known);
}
