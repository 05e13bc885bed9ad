/**
 * The backend interface: comparison and measurement know tensors and this file, never a runtime.
 *
 * Implementations: `onnxRuntime.ts` (CPU, embedded), `tensorrt.ts` (RTX, 8, 10, 11 through the native module) and
 * `fake.ts` (tests; fails on demand). All of them run inside the worker process.
 */
import type { BackendInfo } from '../contract/backendInfo';
import type { ioFormats, Plan, Precision, tensorrtCalibrators } from '../contract/plan';
import type { RunOptions } from '../contract/progress';
import type { Artifact, BuildSummary, GpuState } from '../contract/report';
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
  /** How the host waits for the end of a run: polling (default) or asleep. */
  readonly wait?: 'spin' | 'block';
  /** Whether every run copies its inputs and outputs; default true. Without, `h2d` and `d2h` are times of nothing. */
  readonly transfers?: boolean;
}

/** Milliseconds per run; `compute` is between the copies to and from the device. */
export interface RunTimings {
  readonly compute: ArrayLike<number>;
  readonly h2d: ArrayLike<number>;
  readonly d2h: ArrayLike<number>;
  readonly warmupMs: number;
  readonly cudaGraph: boolean;
  /** The GPU over the timed runs; null where it could not be asked. */
  readonly gpu?: GpuReading | null;
}

/** What a GPU's meters say of a measurement. */
export interface GpuReading extends GpuState {
  /** Drawn over all timed runs; null where there is no energy counter. */
  readonly energyMillijoules: number | null;
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
  /** Values of inputs that hold a shape, by name; such an input's `shapes` entry, if any, is its own size. */
  readonly shapeValues?: Plan['shapes'];
  /** More optimization profiles beside `shapes`; each names the same inputs. */
  readonly moreProfiles?: readonly Plan['shapes'][];
  /** Weak typing: layers, by exact name of the ONNX node, that are to compute in a type of their own. */
  readonly layerPrecisions?: Readonly<Record<string, LayerPrecision>>;
  /** Told once of names in `layerPrecisions` that no layer of TensorRT has, as nodes folded into others. */
  readonly onUnknownLayers?: (layers: readonly string[]) => void;
  /** Whether the builder must keep to `layerPrecisions` (it fails where it cannot) or should. Default `obey`. */
  readonly constraints?: 'obey' | 'prefer';
  /** Element type (weak typing only; strong typing has them in the graph) and memory layouts of graph inputs and outputs. */
  readonly io?: Readonly<Record<string, IoRequest>>;
  /** Weak INT8 by TensorRT's own calibrator (TensorRT 8 and 10). */
  readonly calibrator?: CalibratorRequest;
  /** DLA: layers that it cannot run go to the GPU. Default true. */
  readonly gpuFallback?: boolean;
}

export type LayerPrecision = 'fp32' | 'fp16' | 'bf16' | 'int8';

export type IoFormat = (typeof ioFormats)[number];

export interface IoRequest {
  readonly dtype?: 'fp32' | 'fp16' | 'bf16' | 'int8' | 'uint8' | 'int32' | 'int64' | 'bool';
  /** Those that the builder may choose among; left out: linear. */
  readonly formats?: readonly IoFormat[];
}

export type TensorrtCalibrator = (typeof tensorrtCalibrators)[number];

/** A calibration by TensorRT: it pulls batch after batch, sees every tensor, and sets the scales. */
export interface CalibratorRequest {
  readonly algorithm: TensorrtCalibrator;
  /** Legacy: share of the values kept, 0–1. */
  readonly quantile?: number;
  /** Legacy: regression cutoff, 0–1. */
  readonly cutoff?: number;
  /**
   * Shape of every input in each batch, batch axis included. TensorRT calibrates at one shape, so all batches have it; the
   * caller leaves out a smaller last one.
   */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** A calibration cache that TensorRT reads instead of data (it calibrates nothing then), or null. */
  readonly cache: Uint8Array | null;
  /** Opened at most once, and not at all where the cache serves. Closed early when the build ends before the data. */
  batches(signal: AbortSignal): AsyncIterable<NamedTensors>;
  /** Called once with the cache that TensorRT wrote, where it calibrated. */
  readonly onCache?: (cache: Uint8Array) => void | Promise<void>;
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
