/**
 * The build stage: one written graph and one target in, an engine file out, from the cache where it was built before.
 *
 * Comes after the variants are written; the pipeline asks for it once per variant and target, in the worker.
 */
import { createHash } from 'node:crypto';
import type { Backend, BuildRequest, CalibratorRequest } from '../backends/backend';
import { throwIfCancelled } from '../contract/errors';
import type { RunOptions } from '../contract/progress';
import type { BuildSummary } from '../contract/report';
import type { StageMethods } from '../contract/stageMethods';
import { loadModel } from '../model/loadModel';
import { isFileRange } from '../model/fileRange';
import type { Model } from '../model/model';
import { rawBytes } from '../model/tensorValues';
import { walkTensors } from '../model/walkTensors';
import { contentHash } from '../files/contentHash';
import { describeFile } from '../files/describeFile';
import { cacheKey, EngineCache, type KeptEngine } from './engineCache';
import { engineRequest } from './engineRequest';

type BuildParams = StageMethods['build']['params'];

/** A backend that compiles. */
export type EngineCompiler = Pick<Backend, 'name' | 'probe'> & Required<Pick<Backend, 'build'>>;

/** A calibration by TensorRT, made for the graph that is compiled. */
export interface CalibratorSource {
  /** Hash of everything that decides the scales. */
  readonly key: string;
  /** Opens the data for as long as `work` takes; not called where the engine is kept. */
  use<T>(work: (request: CalibratorRequest) => Promise<T>): Promise<T>;
}

export interface BuiltEngine {
  readonly build: BuildSummary;
  readonly bytes: number;
  readonly sha256: string;
  /** Taken from the cache, not built. */
  readonly kept: boolean;
  /** What TensorRT's own calibrator wrote for it, now or when it was built. */
  readonly calibrationCache: string | null;
  /** Nodes of `keep` rules that no layer of the network has. */
  readonly unknownLayers: readonly string[];
}

/**
 * @param calibrator where TensorRT itself sets the scales
 * @throws CodedError as the backend's `build` does; PLAN_INVALID for shapes that do not fit the model
 */
export async function buildEngine(
  params: BuildParams,
  compiler: EngineCompiler,
  options: RunOptions,
  { cache = new EngineCache(), calibrator = null }: { cache?: EngineCache; calibrator?: CalibratorSource | null } = {},
): Promise<BuiltEngine> {
  throwIfCancelled(options.signal);
  const model = await loadModel(params.onnx);
  const request = engineRequest(model, params);
  const key = await engineKey(model, compiler, request, calibrator);
  const found = key === null ? null : await cache.fetch(key, params.output);
  if (found !== null) return { ...withDefaults(found), kept: true };

  let calibrationCache: string | null = null;
  const onCache = (bytes: Uint8Array): void => {
    calibrationCache = Buffer.from(bytes).toString('utf8');
  };
  const unknownLayers: string[] = [];
  const onUnknownLayers = (names: readonly string[]): void => void unknownLayers.push(...names);
  const wanted = { ...request, onUnknownLayers };
  const build =
    calibrator === null
      ? await compiler.build(wanted, options)
      : await calibrator.use((own) => compiler.build({ ...wanted, calibrator: { ...own, onCache } }, options));
  const built = { build, ...(await describeFile(params.output)), calibrationCache, unknownLayers };
  if (key !== null) await cache.store(key, params.output, built);
  return { ...built, kept: false };
}

function withDefaults({ calibrationCache = null, unknownLayers = [], ...kept }: KeptEngine): Omit<BuiltEngine, 'kept'> {
  return { ...kept, calibrationCache, unknownLayers };
}

/** Everything that decides the engine; where it is for the GPU of this machine, that GPU and its driver, or null if unknown. */
async function engineKey(
  model: Model,
  compiler: EngineCompiler,
  request: BuildRequest,
  calibrator: CalibratorSource | null,
): Promise<string | null> {
  const { onnx: _, engine: __, builder, ...asked } = request;
  const { timingCache: ___, ...decisive } = builder;
  const { version, gpu } = await compiler.probe();
  if (request.target === null && !gpu) return null;
  return cacheKey({
    onnx: await modelHash(model),
    backend: compiler.name,
    version,
    gpu: request.target === null ? (gpu ?? null) : null,
    request: { ...asked, builder: decisive },
    calibration: calibrator?.key ?? null,
  });
}

/** Hash of the model's file and of the files that hold its external data. */
async function modelHash(model: Model): Promise<string> {
  const files = new Set([model.path]);
  for (const tensor of walkTensors(model.proto)) {
    const bytes = rawBytes(tensor, model);
    if (isFileRange(bytes)) files.add(bytes.path);
  }
  const hash = createHash('sha256');
  for (const file of files) hash.update(await contentHash(file));
  return hash.digest('hex');
}
