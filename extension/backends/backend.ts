/**
 * The backend interface: comparison and measurement know tensors and this file, never a runtime.
 *
 * Implementations: `onnxRuntime.ts` (CPU, embedded), `tensorrt.ts` (RTX, 8, 10, 11 through the native module) and
 * `fake.ts` (tests; fails on demand). All of them run inside the worker process.
 */
import type { BackendInfo } from '../contract/backendInfo';
import type { Precision, Plan } from '../contract/plan';
import type { RunOptions } from '../contract/progress';
import type { Artifact, BuildSummary } from '../contract/report';
import type { NamedTensors, ValueSpec } from '../contract/tensor';

export type { BackendInfo };

/** An opened artifact: an inference session or an engine with its execution context. */
export interface Session {
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  /**
   * One inference.
   * @param feeds a tensor for every graph input, batch axis included
   * @param fetches the outputs wanted; all of them when left out
   * @throws CodedError RUNTIME_FAILED with the runtime's own words
   */
  run(feeds: NamedTensors, fetches?: readonly string[]): Promise<NamedTensors>;
  /** Where it runs: the name of a GPU. Absent for the processor. */
  readonly device?: string;
  /**
   * Runs again and again, timed by the device's own clock. Absent where there is none: `run` is then timed from outside.
   * @throws CodedError RUNTIME_FAILED, CANCELLED
   */
  measure?(feeds: NamedTensors, request: TimingRequest, signal?: AbortSignal): Promise<RunTimings>;
  close(): Promise<void>;
}

/** At least `durationMs` of running and `iterations` runs, after `warmupMs` that do not count. */
export interface TimingRequest {
  readonly warmupMs: number;
  readonly durationMs: number;
  readonly iterations: number;
  /** Record the run once and replay it. */
  readonly cudaGraph: boolean;
}

/** Milliseconds per run; `compute` is between the copies to and from the device. */
export interface RunTimings {
  readonly compute: ArrayLike<number>;
  readonly h2d: ArrayLike<number>;
  readonly d2h: ArrayLike<number>;
  readonly warmupMs: number;
  readonly cudaGraph: boolean;
}

export interface BuildRequest {
  /** The rewritten ONNX file. */
  readonly onnx: string;
  readonly precision: Precision;
  /** Where the engine goes; written aside and renamed. */
  readonly engine: string;
  readonly target: string | null;
  readonly builder: Plan['builder'];
  readonly shapes: Plan['shapes'];
  /**
   * `strong` (default): types come from the graph. `weak`: the graph is FP32 and the builder may use `precision` where its
   * timings favor it (TensorRT 8 and 10).
   */
  readonly typing?: 'strong' | 'weak';
}

export interface Backend {
  readonly name: BackendInfo['name'];
  probe(): Promise<BackendInfo>;
  /** Compiles an engine. Backends that run ONNX directly have no `build`. */
  build?(request: BuildRequest, options: RunOptions): Promise<BuildSummary>;
  open(artifact: Pick<Artifact, 'kind' | 'path'>, options?: OpenOptions): Promise<Session>;
}

export interface OpenOptions {
  /** Run the graph as written, so that Q/DQ and casts are executed and not optimized away (accuracy). Default false. */
  readonly exact?: boolean;
  readonly threads?: number;
}
