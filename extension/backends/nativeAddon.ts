/**
 * The native module (`native/`), typed by hand: the one place that loads it.
 *
 * Where the addon is missing or does not load, nothing breaks: `nativeAddonState` says so with a list of possible
 * solutions, the observers fall back to TypeScript, and only building TensorRT engines is unavailable. Calls of the
 * addon that can crash (loading a TensorRT library, building) happen in the worker process only.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CodedError } from '../contract/errors';
import type { IoFormat, LayerPrecision, TensorrtCalibrator } from './backend';

/** The range of a tensor's finite elements; `Infinity`, `-Infinity` and 0 when there is none. */
export interface ObservedRange {
  readonly min: number;
  readonly max: number;
  readonly absMax: number;
  /** NaN and infinite elements. */
  readonly nonFinite: number;
}

/** What `native/observe/` gives to calibration. */
export interface NativeObservers {
  observeRange(values: Float32Array): ObservedRange;
  /**
   * Adds |x| to a histogram: bin i counts |x| / binWidth in [i, i + 1), the last bin also everything beyond it, and
   * elements that are not finite are left out.
   * @param counts integers, added to
   * @returns the number of elements left out
   */
  accumulateHistogram(values: Float32Array, counts: Float64Array, binWidth: number): number;
}

/** Files to open TensorRT with: our engine code of the library's major version, and NVIDIA's two libraries. */
export interface NativePaths {
  readonly flavour: string;
  readonly infer: string;
  readonly parser: string;
}

/** What a library says of itself. */
export interface NativeDescription {
  /** 10701 is RTX 1.7.1, 100600 is 10.6.0, 8601 is 8.6.1. */
  readonly version: number;
  /** False where TensorRT refuses to make a builder, as without a GPU. */
  readonly hasBuilder: boolean;
  /** Compute capabilities that it builds for on any machine, as 89. */
  readonly computeCapabilities: readonly number[];
  readonly log: readonly string[];
  /** The GPU that engines would run on. */
  readonly gpu: NativeGpu | null;
  /** Why there is none; empty when there is. */
  readonly gpuReason: string;
}

export interface NativeGpu {
  readonly name: string;
  /** 89 for 8.9. */
  readonly computeCapability: number;
  readonly memoryBytes: number;
  /** The newest CUDA that the driver serves: 13000 is 13.0. */
  readonly driverVersion: number;
}

/** One input in an optimization profile: sizes per axis, or the values of an input that holds a shape; MIN ≤ OPT ≤ MAX. */
export interface NativeProfileInput {
  readonly name: string;
  readonly holdsValues: boolean;
  readonly min: readonly number[];
  readonly opt: readonly number[];
  readonly max: readonly number[];
}

/** The type that the layer of an ONNX node is to compute in. */
export interface NativeLayerPrecision {
  readonly layer: string;
  readonly dtype: LayerPrecision;
}

/** A graph input or output; an empty dtype and no formats leave it as it is. */
export interface NativeIoOption {
  readonly name: string;
  readonly dtype: string;
  readonly formats: readonly IoFormat[];
}

/** TensorRT's own calibration; `next` is called once at a time, from the build. */
export interface NativeCalibrator {
  readonly algorithm: TensorrtCalibrator;
  /** Legacy: share of the values kept and regression cutoff, 0–1. */
  readonly quantile: number;
  readonly cutoff: number;
  /** The shape that every batch has, for every network input. */
  readonly inputs: readonly { readonly name: string; readonly dims: readonly number[] }[];
  readonly cache: Uint8Array | null;
  /** A batch (floats as FP32, whatever the type of the binding), or null at the end. What it rejects with, `done` rejects with. */
  next(): Promise<readonly NativeFeed[] | null>;
}

export interface NativeBuildRequest {
  readonly onnx: string;
  readonly engine: string;
  readonly profiles: readonly (readonly NativeProfileInput[])[];
  /** Those to build for; empty means the GPU of this machine. */
  readonly computeCapabilities: readonly number[];
  /** 0–5. */
  readonly optimizationLevel: number;
  /** -1: all of the memory. */
  readonly workspaceBytes: number;
  /** -1: none. */
  readonly dlaCore: number;
  readonly gpuFallback: boolean;
  readonly tf32: boolean;
  readonly versionCompatible: boolean;
  readonly hardwareCompatible: boolean;
  /** `strong`: types come from the graph. `weak`: the builder chooses by its timings among FP32 and the types allowed. */
  readonly typing: 'strong' | 'weak';
  readonly allowFp16: boolean;
  readonly allowBf16: boolean;
  readonly allowInt8: boolean;
  readonly allowFp8: boolean;
  readonly layerPrecisions: readonly NativeLayerPrecision[];
  readonly constraints: 'obey' | 'prefer';
  readonly io: readonly NativeIoOption[];
  readonly calibrator: NativeCalibrator | null;
  /** Empty: none. */
  readonly timingCache: string;
}

/** One reason of TensorRT's ONNX parser; strings are empty where it says nothing. */
export interface NativeParserError {
  readonly code: number;
  /** -1 when the error is about no node. */
  readonly nodeIndex: number;
  readonly nodeName: string;
  readonly nodeOperator: string;
  readonly reason: string;
  /** ONNX local functions around the node, outermost first. */
  readonly functionStack: string;
}

/** The statuses of `native/engine/engine_api.h`. */
export type NativeStatus =
  | 'ok'
  | 'cancelled'
  | 'library'
  | 'noBuilder'
  | 'parse'
  | 'invalid'
  | 'build'
  | 'write'
  | 'internal'
  | 'gpu'
  | 'engine'
  | 'run'
  | 'unsupported'
  | 'calibration'
  | 'memory';

/** A network input or output as the builder was given it. */
export interface NativeNetworkTensor {
  readonly name: string;
  /** A name of `contract/tensor.ts`, or `unknown`. */
  readonly dtype: string;
  readonly isInput: boolean;
  /** Its values decide sizes of other tensors. */
  readonly holdsShape: boolean;
  /** Memory layouts allowed. */
  readonly formats: readonly IoFormat[];
  /** -1 where the size is known only with the inputs. */
  readonly dims: readonly number[];
}

export interface NativeBuildOutcome {
  readonly status: NativeStatus;
  /** One sentence; empty for `ok`. */
  readonly reason: string;
  readonly parserErrors: readonly NativeParserError[];
  /** TensorRT's last 200 lines, errors and warnings marked as such. */
  readonly log: readonly string[];
  readonly engineBytes: number;
  /** Layers of the parsed network, before fusion. */
  readonly networkLayers: number;
  readonly parseSeconds: number;
  readonly buildSeconds: number;
  /** Inputs and outputs; empty where the build ended before they were settled. */
  readonly bindings: readonly NativeNetworkTensor[];
  /** Names in `layerPrecisions` that no layer has. */
  readonly unknownLayers: readonly string[];
  readonly calibrationBatches: number;
  /** What TensorRT's calibrator wrote, or null. */
  readonly calibrationCache: Uint8Array | null;
  /** Of the timing cache that was read and taken; 0 for none. */
  readonly timingCacheBytes: number;
}

/** A binding of an engine; -1 where the size is known only with the inputs. */
export interface NativeTensor {
  readonly name: string;
  /** A name of `contract/tensor.ts`, or `unknown`. */
  readonly dtype: string;
  readonly isInput: boolean;
  readonly holdsShape: boolean;
  /** TensorRT's description of the memory layout. */
  readonly format: string;
  readonly dims: readonly number[];
}

export interface NativeFeed {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView;
}

export interface NativeOutput {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly data: ArrayBuffer;
}

export interface NativeMeasureOptions {
  readonly warmupMs: number;
  /** At least this long and this many runs. */
  readonly minimumMs: number;
  readonly minimumRuns: number;
  readonly cudaGraph: boolean;
  /** Poll for the end of a run (the host hears of it at once, and burns a core), or sleep. */
  readonly spin: boolean;
  /** Copy inputs and outputs in every run, or leave them on the GPU. */
  readonly transfers: boolean;
}

/** One number per run. The GPU's clock takes all but `hostMs`, which spans the whole run on the host. */
export interface NativeRunTimes {
  readonly h2dMs: Float32Array;
  readonly computeMs: Float32Array;
  readonly d2hMs: Float32Array;
  readonly hostMs: Float32Array;
  readonly warmupMs: number;
  /** False where a graph was wanted and the engine cannot be recorded. */
  readonly cudaGraph: boolean;
  /** Null without NVIDIA's management library. */
  readonly meters: NativeMeters | null;
}

/** The GPU's meters right after the last run; null where it has no such meter. */
export interface NativeMeters {
  readonly graphicsClockMhz: number | null;
  readonly memoryClockMhz: number | null;
  readonly powerWatts: number | null;
  readonly temperatureCelsius: number | null;
  /** NVML's bits of what held the clocks down, before or after the runs. */
  readonly throttleReasons: number | null;
  /** Over all runs that count. */
  readonly energyMillijoules: number | null;
}

export interface NativeLayerTime {
  readonly name: string;
  readonly ms: number;
}

/** A call that runs on another thread. */
export interface NativeCall<T> {
  readonly done: Promise<T>;
  cancel(): void;
}

/** Thrown and rejected by calls of an engine. */
export interface NativeEngineError extends Error {
  readonly status: NativeStatus;
  readonly log: readonly string[];
}

/** An engine on the GPU. One call at a time. */
export interface NativeEngine {
  describe(): { readonly tensors: readonly NativeTensor[]; readonly layers: number; readonly profiles: number };
  run(inputs: readonly NativeFeed[]): NativeCall<readonly NativeOutput[]>;
  measure(inputs: readonly NativeFeed[], options: NativeMeasureOptions): NativeCall<NativeRunTimes>;
  /** Every layer waits for the one before it: shares, not latencies. Mean ms over the runs. */
  profile(inputs: readonly NativeFeed[], runs: number): NativeCall<readonly NativeLayerTime[]>;
  /** TensorRT's JSON about the layers. */
  inspect(): string;
  close(): void;
}

/** TensorRT opened in this process, where it stays until the process ends. */
export interface NativeTensorRT {
  readonly flavour: string;
  readonly headerVersion: string;
  /** May take seconds: TensorRT 10 loads more than 1 GB to make a builder. */
  describe(): NativeDescription;
  /**
   * Builds on another thread; builds of one library wait for each other. `done` rejects only where the calibration data do.
   * @param onProgress the phase and the fraction of the whole (0–1, never falling), or null while unknown
   */
  build(
    request: NativeBuildRequest,
    onProgress: (phase: string, fraction: number | null) => void,
  ): NativeCall<NativeBuildOutcome>;
  /** Reads an engine and prepares it for the GPU. @throws NativeEngineError */
  openEngine(path: string): NativeEngine;
}

/** A tensor for a run of `NativeObservingSession`; its memory must not change until the run has ended. */
export interface NativeRunInput {
  readonly name: string;
  /** ONNX's number of the element type. */
  readonly type: number;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView;
}

export interface NativeRunOutput {
  readonly type: number;
  readonly dims: readonly number[];
  readonly data: ArrayBuffer;
}

export interface NativeObservingOptions {
  /** onnxruntime's shared library. */
  readonly library: string;
  /** A file, or the bytes of one, which must not change until the session is open. */
  readonly model: string | Uint8Array;
  /** By the attribute `tensor` of the model's Observe nodes: is a histogram wanted? */
  readonly histograms: readonly boolean[];
  /** ONNX Runtime's GraphOptimizationLevel. */
  readonly optimization: number;
  /** Entries of the session's configuration. */
  readonly config: Readonly<Record<string, string>>;
}

/** What the Observe node of one tensor saw in all runs that have ended. */
export interface NativeSeenTensor {
  readonly min: number;
  readonly max: number;
  readonly nonFinite: number;
  /** Null when no run noted them. */
  readonly dims: readonly number[] | null;
  readonly binWidth: number;
  /** Null where no histogram was wanted. */
  readonly counts: Float64Array | null;
  /** Null where the node's attribute `axes_behind` does not ask for them. */
  readonly channels: { readonly min: Float32Array; readonly max: Float32Array } | null;
}

/** `native/observe/observing_session.h`: onnxruntime with an operator of ours. Runs go on beside each other. */
export interface NativeObservingSession {
  /** @throws Error with the runtime's words */
  run(inputs: readonly NativeRunInput[], outputs: readonly string[], noteDims: boolean): Promise<NativeRunOutput[]>;
  observations(): NativeSeenTensor[];
  close(): void;
}

export interface NativeAddon extends NativeObservers {
  /**
   * Opens onnxruntime's library, which takes a while, before the first session wants it.
   * @throws Error with the loader's words
   */
  loadOnnxRuntime(library: string): Promise<void>;
  readonly ObservingSession: {
    /** Opens on another thread. @throws Error with the words of the loader or the runtime */
    open(options: NativeObservingOptions): Promise<NativeObservingSession>;
  };
  /** Operators of ours that an observing session's model may hold. */
  readonly observingOperators: readonly string[];
  /** @throws Error with the loader's words */
  readonly TensorRT: new (paths: NativePaths) => NativeTensorRT;
}

export type NativeAddonState =
  | { readonly addon: NativeAddon; readonly path: string }
  | { readonly addon: null; readonly reason: string; readonly solutions: readonly string[] };

const fileName = 'precision_bench.node';

/** The root of the installed extension or of the clone: the nearest folder above that holds our package.json. */
export function packageRoot(from: string = __dirname): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && readFileSync(manifest, 'utf8').includes('"name": "precision-bench"')) return folder;
    if (dirname(folder) === folder) return from;
  }
}

/**
 * Where the addon may lie, most specific first: `PRECISION_BENCH_NATIVE` (a file), the build of a clone, the binaries
 * that come inside a packaged extension.
 */
export function nativeAddonPaths(environment: NodeJS.ProcessEnv = process.env, root = packageRoot()): string[] {
  const named = environment['PRECISION_BENCH_NATIVE'];
  if (named !== undefined && named !== '') return [named];
  return [
    join(root, 'build', 'native', 'Release', fileName),
    join(root, 'dist', 'native', `${process.platform}-${process.arch}`, fileName),
  ];
}

/** Loads the addon found first; a failure is a state, not an exception. */
export function openNativeAddon(paths: readonly string[] = nativeAddonPaths()): NativeAddonState {
  const path = paths.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    return {
      addon: null,
      reason: `The native module is not built: no ${fileName} at ${paths.join(' or ')}.`,
      solutions: [
        'Run "npm run native" in the clone; it needs CMake, a C++17 compiler, Python with pip, and cargo.',
        `If the module is elsewhere, set PRECISION_BENCH_NATIVE to its path.`,
      ],
    };
  }
  try {
    const module = { exports: {} };
    process.dlopen(module, path);
    return { addon: module.exports as NativeAddon, path };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      addon: null,
      reason: `The native module ${path} does not load: ${message}.`,
      solutions: solutionsFor(message),
    };
  }
}

/** What to try, by what the loader said. */
export function solutionsFor(message: string): string[] {
  const rebuild = 'Build it again on this machine: "npm run native".';
  if (/GLIBC(XX)?_|CXXABI_/.test(message)) {
    return ['The module was built on a newer Linux than this one.', rebuild];
  }
  if (
    /wrong ELF class|invalid ELF header|file too short|not a valid Win32|mach-o|cannot open shared object.*\.node/i.test(
      message,
    )
  ) {
    return [`The file is damaged or for another platform than ${process.platform}-${process.arch}.`, rebuild];
  }
  if (/cannot open shared object file|specified module could not be found|Library not loaded/i.test(message)) {
    return ['Install the library that the message names (libstdc++ comes with the package libstdc++6).', rebuild];
  }
  return [rebuild];
}

/** Our engine code for a TensorRT, beside the addon: `rtx`, `11`, `10` or `8`. Null when it is not among what was built. */
export function flavourPath(addonPath: string, flavour: string): string | null {
  const endings: Partial<Record<NodeJS.Platform, string>> = { win32: 'dll', darwin: 'dylib' };
  const path = join(dirname(addonPath), `pb_engine_${flavour}.${endings[process.platform] ?? 'so'}`);
  return existsSync(path) ? path : null;
}

let state: NativeAddonState | undefined;

/** The addon of this process, loaded at the first call. */
export function nativeAddonState(): NativeAddonState {
  state ??= openNativeAddon();
  return state;
}

/** @throws CodedError NATIVE_MISSING with the possible solutions */
export function requireNativeAddon(): NativeAddon {
  const found = nativeAddonState();
  if (found.addon !== null) return found.addon;
  throw new CodedError({ code: 'NATIVE_MISSING', reason: found.reason, fix: found.solutions.join(' ') });
}
