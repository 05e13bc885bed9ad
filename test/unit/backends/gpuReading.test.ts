import { expect, test } from 'vitest';
import { gpuReading } from '../../../extension/backends/gpuReading';
import type { NativeMeters } from '../../../extension/backends/nativeAddon';

const meters: NativeMeters = {
  graphicsClockMhz: 1980,
  memoryClockMhz: 3201,
  powerWatts: 250,
  temperatureCelsius: 61,
  throttleReasons: 0,
  energyMillijoules: null,
};

test('readings keep what is unknown unknown, and name what holds the clocks down', () => {
  expect(gpuReading(meters)).toEqual({
    graphicsClockMhz: 1980,
    memoryClockMhz: 3201,
    powerWatts: 250,
    temperatureCelsius: 61,
    energyMillijoules: null,
    throttling: [],
    clocksLocked: null,
  });
  expect(gpuReading({ ...meters, throttleReasons: 0x1 }).throttling).toEqual([]);
  expect(gpuReading({ ...meters, throttleReasons: 0x1 | 0x4 | 0x40 }).throttling).toEqual([
    'power cap',
    'thermal slowdown by hardware',
  ]);
  expect(gpuReading({ ...meters, throttleReasons: 0x2 }).clocksLocked).toBe(true);
  expect(gpuReading({ ...meters, throttleReasons: null })).toMatchObject({ throttling: [], clocksLocked: null });
});
