/** The native module's meters of a GPU as `GpuReading` (backend.ts). Used by `tensorrtSession.ts`. */
import type { GpuReading } from './backend';
import type { NativeMeters } from './nativeAddon';

/** NVML's `nvmlClocksThrottleReasons`; that a GPU has nothing to do (bit 0) slows nothing down. */
const throttleReasons: readonly (readonly [number, string])[] = [
  [0x2, 'clocks set by the administrator'],
  [0x4, 'power cap'],
  [0x8, 'hardware slowdown'],
  [0x10, 'sync boost'],
  [0x20, 'thermal slowdown by software'],
  [0x40, 'thermal slowdown by hardware'],
  [0x80, 'power brake'],
  [0x100, 'display clocks'],
];

const applicationClocks = 0x2;

export function gpuReading(meters: NativeMeters): GpuReading {
  const { throttleReasons: bits, ...read } = meters;
  return {
    ...read,
    throttling: throttleReasons.filter(([bit]) => ((bits ?? 0) & bit) !== 0).map(([, reason]) => reason),
    // NVML tells of application clocks; clocks locked by `nvidia-smi -lgc` look like any others.
    clocksLocked: bits !== null && (bits & applicationClocks) !== 0 ? true : null,
  };
}
