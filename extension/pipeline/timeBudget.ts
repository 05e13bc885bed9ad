/** The time that a run may take (`--time-budget`): what is left of it, and how the last stages share that. */
import { CodedError } from '../contract/errors';
import type { Plan } from '../contract/plan';

export class TimeBudget {
  private readonly startedAt = performance.now();

  /** @param totalMs null: no limit */
  constructor(private readonly totalMs: number | null) {}

  /** @throws CodedError TIME_BUDGET when nothing is left */
  requireSome(): void {
    if ((this.remainingMs() ?? 1) > 0) return;
    throw new CodedError({
      code: 'TIME_BUDGET',
      reason: 'the time budget was used up before it was built.',
      fix: 'Give more time with --time-budget, or fewer precisions or targets.',
    });
  }

  /** For evaluation: measuring comes after it and is worth more than the last samples. Null: no limit. */
  evaluationMs(benchmark: Plan['benchmark'], variants: number): number | null {
    const remaining = this.remainingMs();
    return remaining === null ? null : Math.max(0, remaining - measuringMs(benchmark, variants));
  }

  /** The benchmark, shortened to what is left. */
  shortened(benchmark: Plan['benchmark'], variants: number): Plan['benchmark'] {
    const remaining = this.remainingMs();
    const wanted = measuringMs(benchmark, variants);
    const share = remaining === null || remaining >= wanted ? 1 : Math.max(0, remaining) / wanted;
    return {
      ...benchmark,
      warmupMs: Math.round(benchmark.warmupMs * share),
      durationMs: Math.max(1, Math.round(benchmark.durationMs * share)),
    };
  }

  /** Perhaps less than nothing; null without a limit. */
  private remainingMs(): number | null {
    return this.totalMs === null ? null : this.totalMs - (performance.now() - this.startedAt);
  }
}

/** How long measuring takes if nothing shortens it. */
function measuringMs({ warmupMs, durationMs }: Plan['benchmark'], variants: number): number {
  return variants * (warmupMs + durationMs);
}
