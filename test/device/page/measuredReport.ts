/** A committed measurement: a report whose variants have the names of the measurements, and what only the device run knows. */
import type { Report } from '../../../extension/contract/report';

export interface MeasuredReport extends Report {
  readonly device?: DeviceFacts;
}

/** All null or absent where the step was not reached. */
export interface DeviceFacts {
  /** By variant: the build with the kernels' timings known. */
  readonly warmTimingCache?: Readonly<Record<string, { readonly seconds: number | null }>> | null;
  /** By variant: the engine asked for again and again in one worker; the first ask opens the library. */
  readonly askedAgain?: Readonly<Record<string, readonly { readonly wallMs: number }[]>> | null;
  /** Our runner and the bare loop in turns. */
  readonly overhead?: readonly OverheadRound[] | Readonly<Record<string, unknown>> | null;
}

export interface OverheadRound {
  readonly bareMs: number;
  readonly oursMs: number;
  readonly oursWithCopiesMs: number;
}
