/** Progress and remaining time over several passes of equal length over the calibration samples. */
import type { RunOptions } from '../contract/progress';

export class PassProgress {
  readonly signal: AbortSignal | undefined;
  private readonly startedAt = performance.now();
  private passesDone = 0;

  /** @param total samples of a pass */
  constructor(
    private readonly total: number,
    private readonly passes: number,
    private readonly options: RunOptions,
  ) {
    this.signal = options.signal;
  }

  report(samples: number): void {
    const fraction = Math.min((this.passesDone + samples / this.total) / this.passes, 1);
    const elapsedSeconds = (performance.now() - this.startedAt) / 1000;
    const pass = this.passes === 1 ? '' : `, pass ${this.passesDone + 1} of ${this.passes}`;
    this.options.onProgress?.({
      stage: 'calibrate',
      fraction,
      etaSeconds: fraction > 0 ? (elapsedSeconds * (1 - fraction)) / fraction : null,
      message: `Observing activations: ${samples} of ${this.total} samples${pass}`,
    });
  }

  endPass(): void {
    this.passesDone++;
  }
}
