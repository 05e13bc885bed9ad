/**
 * The TensorRT backends: TensorRT-RTX, which compiles engines for a named architecture on any machine, and TensorRT 8,
 * 10 and 11, which compile for the GPU they find.
 *
 * Comes after `plan/applyPlan.ts`, whose graphs it compiles as they are written: tensor types come from the graph. All calls
 * go through the native module in the worker process, and only to libraries that a throwaway process has
 * opened before (`libraries.ts`). Engines run where there is a GPU (`tensorrtSession.ts`).
 */
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { toolHome } from '../build/install/toolHome';
import { comparePassport, describeDifferences, type EnginePassport } from '../contract/enginePassport';
import { CodedError, throwIfCancelled } from '../contract/errors';
import { precisions, type Precision } from '../contract/plan';
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
  type NativeDescription,
  type NativeTensorRT,
} from './nativeAddon';
import { CalibrationFeed } from './calibrationFeed';
import { readPassport, writePassport } from './passportFile';
import { buildError, installFix } from './tensorrtErrors';
import { realisedShares, timedLayers, type TimedLayer } from './tensorrtLayers';
import { nativeBuildRequest } from './tensorrtRequest';
import { openTensorrtSession, type TensorrtSession } from './tensorrtSession';

/** A library that works, as found by the probe. */
type UsableLibrary = Extract<LibraryProbe, { paths: unknown }>;

const titles = { tensorrt: 'TensorRT', 'tensorrt-rtx': 'TensorRT-RTX' } as const;

/**
 * What a network can hold; the architecture decides what runs fast (`plan/platforms.ts`). TensorRT 8 has no BF16 (9 brought it)
 * and no strong typing, which INT4 needs; its FP8, of 8.6 alone, is not in the headers that its flavour is compiled with.
 */
function precisionsOf(version: string | null): readonly Precision[] {
  return version?.startsWith('8.') === true ? ['fp32', 'fp16', 'int8'] : precisions;
}

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
   * @throws CodedError ENGINE_PARSE (naming the node), ENGINE_BUILD, ENGINE_MEMORY, BUILDER_UNSUPPORTED,
   *   TARGET_UNSUPPORTED, PRECISION_UNSUPPORTED, PLAN_INVALID, OUTPUT_UNWRITABLE, CALIBRATION_FAILED,
   *   BACKEND_UNAVAILABLE, NATIVE_MISSING, CANCELLED, and what the calibration data throw; no file is left behind then
   */
  async build(request: BuildRequest, options: RunOptions): Promise<BuildSummary> {
    throwIfCancelled(options.signal);
    requireNativeAddon();
    const usable = await this.usable();
    const tensorrt = this.openLibrary(usable);
    const targets = targetsOf(request, usable, titles[this.name]);
    const native = nativeBuildRequest(request, targets, await timingCacheOf(request, usable));
    const feed = request.calibrator === undefined ? null : new CalibrationFeed(request.calibrator, tensorrt.flavour);
    const progress = reportProgress(request, options.onProgress);
    throwIfCancelled(options.signal);

    const running = tensorrt.build({ ...native, calibrator: feed?.native() ?? null }, progress);
    const cancel = (): void => {
      running.cancel();
    };
    options.signal?.addEventListener('abort', cancel, { once: true });
    const outcome = await running.done.finally(async () => {
      options.signal?.removeEventListener('abort', cancel);
      await feed?.close();
    });
    if (outcome.status !== 'ok') throw buildError(outcome, request, titles[this.name]);
    if (outcome.calibrationCache !== null) await request.calibrator?.onCache?.(outcome.calibrationCache);
    if (outcome.unknownLayers.length > 0) request.onUnknownLayers?.(outcome.unknownLayers);
    return this.describe(request, outcome, usable);
  }

  /** The summary of an engine just built; its passport is written beside it. */
  private async describe(
    request: BuildRequest,
    outcome: NativeBuildOutcome,
    usable: UsableLibrary,
  ): Promise<BuildSummary> {
    const version = versionText(usable.description.version);
    const inspected = await this.inspect(request, usable);
    await writePassport({
      request,
      outcome,
      backend: this.name,
      flavour: usable.library.flavour,
      version,
      gpu: gpuOf(usable.description),
      layers: inspected?.layers ?? null,
    });
    return {
      backend: this.name,
      version,
      target: request.target,
      seconds: outcome.parseSeconds + outcome.buildSeconds,
      layers: inspected?.count ?? null,
      realised: inspected === null ? null : realisedShares(inspected.layers, inspected.layers),
    };
  }

  /**
   * Opens an engine on this machine's GPU.
   * @throws CodedError ENGINE_INCOMPATIBLE naming what differs where its passport says that it cannot run here,
   *   BACKEND_UNAVAILABLE without a GPU, RUNTIME_FAILED when TensorRT refuses the engine
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
    await this.requireFit(artifact.path, usable);
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

  /** @throws CodedError ENGINE_INCOMPATIBLE */
  private async requireFit(engine: string, { description }: UsableLibrary): Promise<void> {
    const passport = await readPassport(engine);
    // Without a GPU nothing runs here, whatever the engine: that is told as such.
    if (passport === null || description.gpu === null) return;
    const here = { backend: this.name, version: versionText(description.version), gpu: gpuOf(description) };
    const blocking = comparePassport(passport, here).filter(({ blocks }) => blocks);
    if (blocking.length === 0) return;
    throw new CodedError({
      code: 'ENGINE_INCOMPATIBLE',
      reason: `${engine} cannot run here: ${describeDifferences(blocking)}.`,
      fix: `Build it again here from ${passport.model.file}, or run it where it was built.`,
      place: { file: engine },
    });
  }

  /** Layers with their times of an engine for this machine's GPU; null for one built for another. */
  private async inspect(request: BuildRequest, { description }: UsableLibrary): Promise<InspectedEngine | null> {
    if (request.target !== null || !runsEngines(description)) return null;
    const session = await this.open({ kind: 'engine', path: request.engine });
    try {
      const optimum = (ranges: BuildRequest['shapes']) =>
        Object.fromEntries(Object.entries(ranges).map(([name, { opt }]) => [name, opt]));
      const times = await session.profile(optimum(request.shapes), profiledRuns, optimum(request.shapeValues ?? {}));
      return { count: session.layerCount, layers: timedLayers(session.layers(), times) };
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
      precisions: known.builds ? precisionsOf(known.version ?? null) : [],
      ...known,
    };
  }
}

function attemptOf(probe: LibraryProbe): LibraryAttempt {
  const { infer: library, from } = probe.library;
  return { library, from, reason: 'reason' in probe ? probe.reason : null };
}

interface InspectedEngine {
  /** After fusion, by the engine itself; the inspector may name fewer. */
  readonly count: number;
  readonly layers: readonly TimedLayer[];
}

/**
 * The file of kernel timings: the plan's, else one per GPU, driver and library in the tool's folder, shared by all builds.
 * TensorRT-RTX times nothing.
 */
async function timingCacheOf(request: BuildRequest, { library, description }: UsableLibrary): Promise<string> {
  if (request.builder.timingCache !== null) return resolve(request.builder.timingCache);
  const gpu = gpuOf(description);
  if (library.flavour === 'rtx' || gpu === null) return '';
  const parts = [gpu.name, gpu.computeCapability, gpu.driver, versionText(description.version)];
  const folder = join(toolHome(), 'timing');
  // A folder that cannot be made costs the timings, never the build.
  await mkdir(folder, { recursive: true }).catch(() => undefined);
  return join(folder, `${parts.join('-').replace(/[^A-Za-z0-9._-]+/g, '_')}.cache`);
}

/** Enough for shares of time. */
const profiledRuns = 20;

/** An engine of RTX runs only on the architectures it is built for; the others build for the GPU they find. */
function runsEngines({ gpu, computeCapabilities, hasBuilder }: NativeDescription): boolean {
  if (gpu === null || !hasBuilder) return false;
  return computeCapabilities.length === 0 || computeCapabilities.includes(gpu.computeCapability);
}

function gpuOf({ gpu }: NativeDescription): EnginePassport['gpu'] {
  if (gpu === null) return null;
  const { name, computeCapability, driverVersion, memoryBytes } = gpu;
  return {
    name,
    computeCapability: `sm_${computeCapability}`,
    driver: `CUDA ${Math.floor(driverVersion / 1000)}.${Math.floor((driverVersion % 1000) / 10)}`,
    memoryBytes,
  };
}

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

/** TensorRT's phases as progress of the build stage; the time left is extrapolated once a tenth is done. */
function reportProgress(request: BuildRequest, onProgress: OnProgress | undefined) {
  const started = performance.now();
  return (phase: string, fraction: number | null): void => {
    const elapsed = (performance.now() - started) / 1000;
    const etaSeconds = fraction !== null && fraction > 0.1 ? (elapsed * (1 - fraction)) / fraction : null;
    onProgress?.({ stage: 'build', variant: request.precision, fraction, etaSeconds, message: phase });
  };
}
