/**
 * What the charts draw, taken from a report as plain data: no canvas, no colors, nothing measured is left out or invented.
 *
 * Comes after the report was read, before `charts.ts`. A variant without the number a chart needs is not in that chart.
 */
import type { Precision } from '../../extension/contract/plan';
import type { Variant } from '../../extension/contract/report';
import { accuracyScale, engineArtifacts, type Measured } from '../../extension/contract/reportQueries';

export interface LatencyBar {
  readonly name: string;
  readonly precision: Precision;
  readonly medianMs: number;
  readonly p99Ms: number;
}

export interface ScatterPoint {
  readonly name: string;
  readonly precision: Precision;
  /** Milliseconds or bytes. */
  readonly x: number;
  readonly y: Measured;
}

/** One bar a variant timed on `device`; bars of different devices never share an axis. */
export function latencyBars(variants: readonly Variant[], device: string): LatencyBar[] {
  return variants.flatMap(({ name, precision, latency }) =>
    latency?.device === device ? [{ name, precision, medianMs: latency.medianMs, p99Ms: latency.p99Ms }] : [],
  );
}

function scatter(variants: readonly Variant[], xOf: (variant: Variant) => number | null): ScatterPoint[] {
  const scale = accuracyScale(variants);
  return variants.flatMap((variant) => {
    const x = xOf(variant);
    const y = scale?.of(variant) ?? null;
    return x === null || y === null ? [] : [{ name: variant.name, precision: variant.precision, x, y }];
  });
}

/** The points that no other beats in both (x the smaller the better), from left to right. */
export function paretoFront(points: readonly ScatterPoint[]): ScatterPoint[] {
  const byCost = [...points].sort((a, b) => a.x - b.x || b.y.value - a.y.value);
  const front: ScatterPoint[] = [];
  for (const point of byCost) {
    const best = front.at(-1);
    if (best === undefined || point.y.value > best.y.value) front.push(point);
  }
  return front;
}

/** Accuracy against median latency on one device. */
export function latencyPoints(variants: readonly Variant[], device: string): ScatterPoint[] {
  return scatter(variants, ({ latency }) => (latency?.device === device ? latency.medianMs : null));
}

/** Accuracy against the size of the first engine: what deployment ships, known even where no GPU is. */
export function engineSizePoints(variants: readonly Variant[]): ScatterPoint[] {
  return scatter(variants, (variant) => engineArtifacts(variant)[0]?.bytes ?? null);
}
