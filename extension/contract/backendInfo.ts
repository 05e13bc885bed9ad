/** What `probe` says of a backend on this machine. */
import type { Precision } from './plan';
import type { Host } from './report';

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
  /** The GPU that it runs on, where it knows one. */
  readonly gpu?: Host['gpu'];
}
