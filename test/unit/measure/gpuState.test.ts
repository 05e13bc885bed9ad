import { describe, expect, it } from 'vitest';
import type { GpuReading } from '../../../extension/backends/backend';
import { energyPerRun, summarizeGpuState } from '../../../extension/measure/gpuState';

const reading = (more: Partial<GpuReading> = {}): GpuReading => ({
  graphicsClockMhz: 1980,
  memoryClockMhz: 3200,
  powerWatts: 300,
  temperatureCelsius: 50,
  throttling: [],
  clocksLocked: false,
  energyMillijoules: 100,
  ...more,
});
const slice = (runs: number, more: Partial<GpuReading> = {}) => ({ runs, reading: reading(more) });

describe('the state of the GPU', () => {
  it('is the median over the slices; every reason that throttled stands', () => {
    const slices = [
      slice(1, { graphicsClockMhz: 1000, throttling: ['power cap'] }),
      slice(1),
      slice(1, { throttling: ['power cap', 'heat'] }),
    ];
    expect(summarizeGpuState(slices)).toMatchObject({
      graphicsClockMhz: 1980,
      throttling: ['power cap', 'heat'],
      clocksLocked: false,
    });
  });

  it('what a GPU does not tell is null, never zero', () => {
    expect(summarizeGpuState([])).toBeNull();
    expect(summarizeGpuState([slice(1, { powerWatts: null, clocksLocked: null })])).toMatchObject({
      powerWatts: null,
      clocksLocked: null,
    });
    expect(energyPerRun([slice(5, { energyMillijoules: null })])).toBeNull();
    expect(energyPerRun([])).toBeNull();
  });

  it('energy is that of all slices over all runs', () => {
    expect(energyPerRun([slice(10), slice(30)])).toBe(5);
  });
});
