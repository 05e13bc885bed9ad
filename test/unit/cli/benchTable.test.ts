import { describe, expect, it } from 'vitest';
import { benchTable } from '../../../extension/cli/benchTable';
import type { Latency } from '../../../extension/contract/report';
import { latency } from '../compare/variants';

const timed = (medianMs: number, more: Partial<Latency> = {}): Latency => ({ ...latency('L4', medianMs), ...more });
const row = (name: string, batch: number, found: Latency | null) => ({ name, batch, latency: found, error: null });

describe('benchTable', () => {
  it('has a block a batch, with the verdict against the first', () => {
    const versusBaseline = { baseline: 'a', ratio: 0.5, low: 0.49, high: 0.51, verdict: 'faster' as const };
    const text = benchTable([
      row('a.engine', 1, timed(2, { batch: 1 })),
      row('b.engine', 1, timed(1, { batch: 1, versusBaseline })),
      row('a.engine', 4, timed(3, { batch: 4 })),
    ]);
    expect(text).toMatch(/batch 1\n.*p50.*\n.*2\.000.*a\.engine \(L4\)\n.*1\.000.*faster, 0\.50× its time.*b\.engine/);
    expect(text).toContain('batch 4');
  });

  it('says what failed, and when a model has a batch of its own', () => {
    const error = { code: 'ENGINE_INCOMPATIBLE', reason: 'Other GPU.', fix: 'Build it again.' } as const;
    const text = benchTable([
      { name: 'a.engine', batch: 1, latency: null, error },
      row('fixed.onnx', 1, timed(2, { batch: 8 })),
    ]);
    expect(text).toContain('ENGINE_INCOMPATIBLE  a.engine');
    expect(text).toContain('fixed.onnx (L4, batch 8)');
  });

  it('tells when the clocks were held down, and what the GPU did', () => {
    const gpuState = {
      graphicsClockMhz: 1200,
      memoryClockMhz: null,
      powerWatts: 72,
      temperatureCelsius: 80,
      throttling: ['power cap'],
      clocksLocked: false,
    };
    const text = benchTable([row('a.engine', 1, timed(1, { gpuState, energyMillijoules: 12.345 }))]);
    expect(text).toContain('12.35');
    expect(text).toContain('graphics clock 1200 MHz, power 72 W, temperature 80 °C');
    expect(text).toContain('a.engine: the clocks were held down (power cap).');
    expect(text).toContain('not locked');
  });
});
