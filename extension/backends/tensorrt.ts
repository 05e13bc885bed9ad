/**
 * The TensorRT backends: TensorRT-RTX, which compiles engines for a named architecture on any machine, and TensorRT 8,
 * 10 and 11, which compile for the GPU they find.
 *
 * Comes after `plan/applyPlan.ts`, whose graphs it compiles as they are written: tensor types come from the graph. All calls
 * go through the native module in the worker process, and only to libraries that a throwaway process has
 * opened before (`libraries.ts`). Engines run where there is a GPU (`tensorrtSession.ts`).
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CodedError, cancelled, throwIfCancelled } from '../contract/errors';
import type { Precision } from '../contract/plan';
import type { OnProgress, RunOptions } from '../contract/progress';
import type { LibraryAttempt } from '../contract/backendInfo';
import type { Artifact, BuildSummary } from '../contract/report';
import { checkPrecision, explainTarget } from '../plan/platforms';
import type { Backend, BackendInfo, BuildRequest } from './backend';
import {
  findLibraries,
  probeLibrary,
  versionText,
  type EngineBackendName,
  type FoundLibrary,
  type LibraryProbe,
  type SearchContext,
} from './libraries';
import {
  nativeAddonState,
  requireNativeAddon,
  type NativeBuildOutcome,
  type NativeBuildRequest,
  type NativeDescription,
  type NativeParserError,
  type NativeProfileInput,
  type NativeTensorRT,
} from './nativeAddon';
import { realisedShares } from './tensorrtLayers';
import { openTensorrtSession, type TensorrtSession } from './tensorrtSession';

/** A library that works, as found by the probe. */
type UsableLibrary = Extract<LibraryProbe, { paths: unknown }>;

const titles = { tensorrt: 'TensorRT', 'tensorrt-rtx': 'TensorRT-RTX' } as const;

/** What a strongly typed network can hold; the architecture decides what runs fast (`plan/platforms.ts`). */
const precisions: readonly Precision[] = ['fp32', 'fp16', 'bf16', 'int8', 'fp8'];

/** Both backends, or one by name, on the libraries of this machine. */
export function tensorrtBackend(
  name: EngineBackendName,
  context: SearchContext = { environment: process.env },
): TensorrtBackend {
  return new TensorrtBackend(name, context);
}

export class TensorrtBackend implements Backend {
  /** Trials by library file and its time of writing: a library is tried once, a new or replaced one is seen. */
  private readonly trials = new Map<string, Promise<LibraryProbe>>();
  /** Opened once per process: a library cannot be unloaded, and TensorRT 10 takes seconds to make a builder. */
  private readonly opened = new Map<string, NativeTensorRT>();

  constructor(
    readonly name: EngineBackendName,
    private readonly context: SearchContext,
  ) {}

  /** Never throws: what does not work is a reason in the answer. */
  async probe(): Promise<BackendInfo> {
    const state = nativeAddonState();
    if (state.addon === null) return this.info({ reason: `${state.reason} ${state.solutions.join(' ')}` });
    const probes = await this.libraries();
    const usable = firstUsable(probes);
    const attempts = probes.map(attemptOf);
    if (usable === undefined) return this.info({ attempts, reason: this.noLibrary(probes) });
    const { description, library } = usable;
    return this.info({
      attempts,
      version: versionText(description.version),
      library: library.infer,
      available: description.hasBuilder,
      reason: description.hasBuilder ? null : this.noBuilder(usable),
      builds: description.hasBuilder,
      runs: runsEngines(description),
      gpu: gpuOf(description),
      targets: description.computeCapabilities.map((capability) => `sm_${capability}`),
    });
  }

  /**
   * Compiles the graph into an engine file.
   *
   * The signal is passed to TensorRT, which heeds it between its steps. RTX compiles the graph in a single step (37 s for
   * 1500 convolutions), so for large models it is the worker's client that ends the process after its grace period; an
   * engine is written only once it is complete, so that leaves no file either.
   *
   * @throws CodedError ENGINE_PARSE (naming the node), ENGINE_BUILD, TARGET_UNSUPPORTED, PRECISION_UNSUPPORTED, PLAN_INVALID, OUTPUT_UNWRITABLE,
   *   BACKEND_UNAVAILABLE, NATIVE_MISSING, CANCELLED; no file is left behind then
   */
  async build(request: BuildRequest, options: RunOptions): Promise<BuildSummary> {
    throwIfCancelled(options.signal);
    requireNativeAddon();
    const usable = await this.usable();
    const tensorrt = this.openLibrary(usable);
    const nativeRequest = toNative(
      request,
      targetsOf(request, usable, titles[this.name]),
      request.builder.timingCache === null ? '' : resolve(request.builder.timingCache),
    );
    const progress = reportProgress(request, options.onProgress);
    throwIfCancelled(options.signal);

    const running = tensorrt.build(nativeRequest, progress);
    const cancel = (): void => {
      running.cancel();
    };
    options.signal?.addEventListener('abort', cancel, { once: true });
    const outcome = await running.done.finally(() => options.signal?.removeEventListener('abort', cancel));
    if (outcome.status !== 'ok') throw buildError(outcome, request, titles[this.name]);
    return {
      backend: this.name,
      version: versionText(usable.description.version),
      target: request.target,
      seconds: outcome.parseSeconds + outcome.buildSeconds,
      ...(await this.inspect(request, usable)),
    };
  }

  /**
   * Opens an engine on this machine's GPU.
   * @throws CodedError BACKEND_UNAVAILABLE without a GPU, RUNTIME_FAILED when TensorRT refuses the engine
   */
  async open(artifact: Pick<Artifact, 'kind' | 'path'>): Promise<TensorrtSession> {
    if (artifact.kind !== 'engine') {
      throw new CodedError({
        code: 'RUNTIME_FAILED',
        reason: `${titles[this.name]} runs engines; ${artifact.path} is a file of kind "${artifact.kind}".`,
        fix: 'Build an engine of it, or run it with the onnxruntime backend.',
        place: { file: artifact.path },
      });
    }
    const usable = await this.usable();
    if (!runsEngines(usable.description)) {
      throw new CodedError({
        code: 'BACKEND_UNAVAILABLE',
        reason: `${titles[this.name]} cannot run engines here. ${usable.description.gpuReason}`.trim(),
        fix: 'Run on a machine with an NVIDIA GPU that this TensorRT serves, or compare with the onnxruntime backend.',
        place: { file: artifact.path },
      });
    }
    const device = usable.description.gpu?.name ?? 'gpu';
    return openTensorrtSession(this.openLibrary(usable), artifact.path, device);
  }

  /** Layers and realised precision of an engine for this machine's GPU; nothing for one built for another. */
  private async inspect(
    request: BuildRequest,
    { description }: UsableLibrary,
  ): Promise<Pick<BuildSummary, 'layers' | 'realised'>> {
    if (request.target !== null || !runsEngines(description)) return { layers: null, realised: null };
    const session = await this.open({ kind: 'engine', path: request.engine });
    try {
      const layers = session.layers();
      const shapes = Object.fromEntries(Object.entries(request.shapes).map(([name, { opt }]) => [name, opt]));
      const times = await session.profile(shapes, profiledRuns);
      return { layers: session.layerCount, realised: realisedShares(layers, times) };
    } finally {
      await session.close();
    }
  }

  /** What the libraries of this machine can do, in search order, up to the first that builds. */
  private async libraries(): Promise<LibraryProbe[]> {
    const state = nativeAddonState();
    if (state.addon === null) return [];
    const probes: LibraryProbe[] = [];
    for (const library of await findLibraries(this.name, this.context)) {
      const probe = await this.tried(library, state.path);
      probes.push(probe);
      if (probe.description?.hasBuilder) break;
    }
    return probes;
  }

  private async tried(library: FoundLibrary, addonPath: string): Promise<LibraryProbe> {
    const { mtimeMs, size } = await stat(library.infer);
    const key = `${library.infer}:${mtimeMs}:${size}`;
    let trial = this.trials.get(key);
    if (trial === undefined) {
      trial = probeLibrary(library, addonPath);
      this.trials.set(key, trial);
    }
    return trial;
  }

  private async usable(): Promise<UsableLibrary> {
    const probes = await this.libraries();
    const usable = firstUsable(probes);
    if (usable?.description.hasBuilder) return usable;
    throw new CodedError({
      code: 'BACKEND_UNAVAILABLE',
      reason: usable === undefined ? this.noLibrary(probes) : this.noBuilder(usable),
      fix: this.name === 'tensorrt-rtx' ? installFix : `Run on a machine with an NVIDIA GPU, or: ${installFix}`,
    });
  }

  private openLibrary(usable: UsableLibrary): NativeTensorRT {
    const known = this.opened.get(usable.library.infer);
    if (known !== undefined) return known;
    const { TensorRT } = requireNativeAddon();
    const opened = new TensorRT(usable.paths);
    this.opened.set(usable.library.infer, opened);
    return opened;
  }

  private noLibrary(probes: readonly LibraryProbe[]): string {
    const reasons = probes.flatMap((probe) => ('reason' in probe ? [probe.reason] : []));
    if (reasons.length > 0) return `No ${titles[this.name]} library that was found works. ${reasons.join(' ')}`;
    return `No ${titles[this.name]} library was found on this machine.`;
  }

  private noBuilder({ description, library }: UsableLibrary): string {
    const error = description.log.findLast((line) => line.startsWith('error: '))?.slice('error: '.length);
    const said = error === undefined ? '' : ` It says: ${error}`;
    return `${titles[this.name]} ${versionText(description.version)} (${library.infer}) needs an NVIDIA GPU to build.${said}`;
  }

  private info(known: Partial<BackendInfo>): BackendInfo {
    const nothing = { version: null, library: null, available: false, reason: null, builds: false, targets: [] };
    return {
      name: this.name,
      ...nothing,
      runs: false,
      gpu: null,
      precisions: known.builds ? precisions : [],
      ...known,
    };
  }
}

function attemptOf(probe: LibraryProbe): LibraryAttempt {
  const { infer: library, from } = probe.library;
  return { library, from, reason: 'reason' in probe ? probe.reason : null };
}

/** Enough for shares of time. */
const profiledRuns = 20;

/** An engine of RTX runs only on the architectures it is built for; the others build for the GPU they find. */
function runsEngines({ gpu, computeCapabilities, hasBuilder }: NativeDescription): boolean {
  if (gpu === null || !hasBuilder) return false;
  return computeCapabilities.length === 0 || computeCapabilities.includes(gpu.computeCapability);
}

function gpuOf({ gpu }: NativeDescription): NonNullable<BackendInfo['gpu']> | null {
  if (gpu === null) return null;
  const { name, computeCapability, driverVersion, memoryBytes } = gpu;
  return {
    name,
    computeCapability: `sm_${computeCapability}`,
    driver: `CUDA ${Math.floor(driverVersion / 1000)}.${Math.floor((driverVersion % 1000) / 10)}`,
    memoryBytes,
  };
}

const installFix = 'Run `precision-bench install tensorrt-rtx`.';

/** The first library with a builder, else the first that loads. */
function firstUsable(probes: readonly LibraryProbe[]): UsableLibrary | undefined {
  const loaded = probes.filter((probe): probe is UsableLibrary => 'paths' in probe);
  return loaded.find(({ description }) => description.hasBuilder) ?? loaded[0];
}

/** @throws CodedError TARGET_UNSUPPORTED, PRECISION_UNSUPPORTED */
function targetsOf(request: BuildRequest, { description }: UsableLibrary, title: string): number[] {
  if (request.target === null) return [];
  const capability = Number(request.target.replace('sm_', ''));
  if (description.computeCapabilities.includes(capability)) {
    checkPrecision(request.target, request.precision);
    return [capability];
  }
  const known = description.computeCapabilities.map((number) => `sm_${number}`);
  const reason = `${title} ${versionText(description.version)} cannot build for ${request.target}.`;
  throw new CodedError({
    code: 'TARGET_UNSUPPORTED',
    reason: [reason, explainTarget(request.target)].filter(Boolean).join(' '),
    fix:
      known.length > 0
        ? `Choose among ${known.join(', ')}.`
        : 'Leave out --target: this TensorRT builds for the GPU of the machine it runs on.',
    place: { field: 'targets' },
  });
}

function toNative(request: BuildRequest, computeCapabilities: number[], timingCache: string): NativeBuildRequest {
  const { builder, precision, typing = 'strong' } = request;
  return {
    onnx: request.onnx,
    engine: request.engine,
    profiles: nativeProfiles(request),
    computeCapabilities,
    optimizationLevel: builder.optimizationLevel,
    workspaceBytes: builder.workspaceMiB === null ? -1 : builder.workspaceMiB * 2 ** 20,
    dlaCore: builder.dla ?? -1,
    gpuFallback: request.gpuFallback ?? true,
    tf32: builder.tf32,
    versionCompatible: builder.versionCompatible,
    hardwareCompatible: builder.hardwareCompatible,
    typing,
    // An INT8 or FP8 engine falls back to FP16 where that is faster, as every TensorRT recipe has it.
    allowFp16: precision === 'fp16' || precision === 'int8' || precision === 'fp8',
    allowBf16: precision === 'bf16',
    allowInt8: precision === 'int8',
    allowFp8: precision === 'fp8',
    layerPrecisions: Object.entries(request.layerPrecisions ?? {}).map(([layer, dtype]) => ({ layer, dtype })),
    constraints: request.constraints ?? 'obey',
    io: Object.entries(request.io ?? {}).map(([name, { dtype = '', formats = [] }]) => ({ name, dtype, formats })),
    calibrator: null,
    timingCache,
  };
}

/** A network without inputs of unknown size needs no profile. */
function nativeProfiles(request: BuildRequest): NativeProfileInput[][] {
  const values = Object.entries(request.shapeValues ?? {}).map(([name, range]) => ({
    name,
    holdsValues: true,
    ...range,
  }));
  return [request.shapes, ...(request.moreProfiles ?? [])]
    .map((shapes) => Object.entries(shapes).map(([name, range]) => ({ name, holdsValues: false, ...range })))
    .map((inputs) => [...inputs, ...values])
    .filter((inputs) => inputs.length > 0);
}

/** TensorRT's phases as progress of the build stage; the time left is extrapolated once a tenth is done. */
function reportProgress(request: BuildRequest, onProgress: OnProgress | undefined) {
  const started = performance.now();
  return (phase: string, fraction: number | null): void => {
    const elapsed = (performance.now() - started) / 1000;
    const etaSeconds = fraction !== null && fraction > 0.1 ? (elapsed * (1 - fraction)) / fraction : null;
    onProgress?.({ stage: 'build', variant: request.precision, fraction, etaSeconds, message: phase });
  };
}

const shownErrors = 5;
const shownLines = 5;

/** What came of a build that gave no engine, as a coded error. */
export function buildError(outcome: NativeBuildOutcome, request: BuildRequest, title: string): CodedError {
  const words = errorLines(outcome.log);
  const said = words.length === 0 ? '' : ` ${title} says: ${words.slice(-shownLines).join(' | ')}`;
  const place = { file: request.onnx };
  switch (outcome.status) {
    case 'ok':
    case 'cancelled':
      return cancelled();
    case 'parse':
      return parseError(outcome.parserErrors, request, title, said);
    case 'write':
      return new CodedError({
        code: 'OUTPUT_UNWRITABLE',
        reason: outcome.reason,
        fix: 'Give a folder that is writable and has room with --out.',
        place: { file: request.engine },
      });
    case 'invalid':
      return new CodedError({
        code: 'PLAN_INVALID',
        reason: `${outcome.reason}${said}`,
        fix: "Correct the plan's shapes, builder options or targets.",
        place,
      });
    case 'noBuilder':
    case 'library':
    case 'gpu':
      return new CodedError({
        code: 'BACKEND_UNAVAILABLE',
        reason: `${outcome.reason}${said}`,
        fix: installFix,
        place,
      });
    case 'build':
    case 'engine':
    case 'run':
    case 'internal':
    case 'calibration':
    case 'memory':
    case 'unsupported':
      return (
        unsupportedOperation(words, request, title) ??
        new CodedError({
          code: 'ENGINE_BUILD',
          reason: `${title} built no ${request.precision} engine from ${request.onnx}.${outcome.reason && ` ${outcome.reason}`}${said}`,
          fix: buildFix(words),
          place,
        })
      );
  }
}

/** RTX's compiler on what an architecture lacks: `Cannot compile operation 'fc1' for Turing (SM75): FP32 GEMM is not supported`. */
const unsupportedPattern =
  /Cannot compile operation '(?<node>[^']*)' for (?<where>[^:]*): (?<what>[^.]*is not supported)/;

function unsupportedOperation(words: readonly string[], request: BuildRequest, title: string): CodedError | null {
  const found = words.map((line) => unsupportedPattern.exec(line)?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return null;
  const { node = '', where = '', what = '' } = found;
  return new CodedError({
    code: 'PRECISION_UNSUPPORTED',
    reason: `${title} cannot build ${request.precision} for ${where}: ${what} (node ${node} of ${request.onnx}).`,
    fix: `Leave out ${request.target ?? 'this GPU'} or ${request.precision}, or choose a newer architecture.`,
    place: { file: request.onnx, node },
  });
}

/** What the log marks as errors, without what only says that there is no GPU: that is no error when building for one. */
function errorLines(log: readonly string[]): string[] {
  const errors = log.filter((line) => line.startsWith('error: ')).map((line) => line.slice('error: '.length));
  return withoutNoise(errors).map(oneLine);
}

const noGpuLine = /^\[checkMacros\.cpp::catchCudaError.*cudaError 35\b/;

/** Unless there is nothing else. */
function withoutNoise(lines: readonly string[]): readonly string[] {
  const telling = lines.filter((line) => !noGpuLine.test(line));
  return telling.length > 0 ? telling : lines;
}

function oneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return withoutNoise(lines.filter((line) => line !== '')).join(' ');
}

function buildFix(words: readonly string[]): string {
  if (words.some((line) => /workspace limit/.test(line)))
    return 'Raise builder.workspaceMiB in the plan, or leave it out.';
  return 'Keep the nodes that it names in a higher precision with --keep, or build with another TensorRT version.';
}

function parseError(
  errors: readonly NativeParserError[],
  request: BuildRequest,
  title: string,
  said: string,
): CodedError {
  const described = errors.slice(0, shownErrors).map(describeParserError);
  const more = errors.length > shownErrors ? [`and ${errors.length - shownErrors} more`] : [];
  const node = errors.find(({ nodeName }) => nodeName !== '')?.nodeName;
  const reasons = [...described, ...more].join('; ');
  return new CodedError({
    code: 'ENGINE_PARSE',
    reason: `${title}'s parser refused ${request.onnx}: ${reasons || `it gives no reason.${said}`}`,
    fix: 'Replace or export anew the operator that it names, or build with another TensorRT version.',
    place: { file: request.onnx, ...(node === undefined ? {} : { node }) },
  });
}

/** One parser error as `node conv1 (Conv): reason`. */
function describeParserError(error: NativeParserError): string {
  const operator = error.nodeOperator === '' ? '' : ` (${error.nodeOperator})`;
  const inside = error.functionStack === '' ? '' : ` in function ${error.functionStack}`;
  const reason = /Plugin not found/.test(error.reason)
    ? 'the parser does not know this operator, and no plugin has it'
    : oneLine(error.reason);
  if (error.nodeName !== '') return `node ${error.nodeName}${operator}${inside}: ${reason}`;
  if (error.nodeIndex >= 0) return `node number ${error.nodeIndex}${operator}${inside}: ${reason}`;
  return reason;
}
