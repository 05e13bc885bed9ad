/** What `probe` says of a backend on this machine. */
import type { Precision } from './plan';
import type { Host } from './report';

/** A library that a throwaway process opened. */
export interface LibraryAttempt {
  readonly library: string;
  /** The step of the search that found it. */
  readonly from: string;
  /** Why it cannot be used, as that loading it crashed; null when it loads. */
  readonly reason: string | null;
}

export interface BackendInfo {
  readonly name: 'onnxruntime' | 'tensorrt' | 'tensorrt-rtx' | 'fake';
  readonly version: string | null;
  /** The library found, or null when the backend is built in. */
  readonly library: string | null;
  readonly available: boolean;
  /** Why it is not available, as a sentence; null when it is. */
  readonly reason: string | null;
  /** Can it compile engines on this machine, and for which architectures (`sm_89`)? */
  readonly builds: boolean;
  readonly targets: readonly string[];
  /** Can it execute on this machine? */
  readonly runs: boolean;
  readonly precisions: readonly Precision[];
  /** Libraries that were tried, in order; the search ends at the first that builds. */
  readonly attempts?: readonly LibraryAttempt[];
  /** The GPU that it runs on, where it knows one. */
  readonly gpu?: Host['gpu'];
}
