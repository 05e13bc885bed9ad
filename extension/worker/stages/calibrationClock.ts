/** Times calibration by what it is spent on; used by `calibrateStage.ts`. */

/**
 * How long calibration takes. Opening the data set and loading the runtime's library do not count: they are the machine's and
 * the same for every way of calibrating.
 */
export class CalibrationClock {
  private startedAt = performance.now();
  private elapsedMs = 0;
  private tuningMs = 0;

  pause(): void {
    this.elapsedMs += performance.now() - this.startedAt;
  }

  resume(): void {
    this.startedAt = performance.now();
  }

  /** Time spent beyond ranges and scales. */
  async tuning<T>(work: () => T | Promise<T>): Promise<T> {
    const before = performance.now();
    try {
      return await work();
    } finally {
      this.tuningMs += performance.now() - before;
    }
  }

  get seconds(): { readonly seconds: number; readonly scalesSeconds: number; readonly tuningSeconds: number } {
    const totalMs = this.elapsedMs + performance.now() - this.startedAt;
    return {
      seconds: totalMs / 1000,
      scalesSeconds: (totalMs - this.tuningMs) / 1000,
      tuningSeconds: this.tuningMs / 1000,
    };
  }
}
