/**
 * The build stage: one rewritten ONNX file and one target in, an engine file out, from the cache where it was built before.
 *
 * Comes after the variants are written; the pipeline asks for it once per variant and target, in the worker.
 */
import { createHash } from 'node:crypto';
import type { Backend, BuildRequest } from '../backends/backend';
import { throwIfCancelled } from '../contract/errors';
import type { Plan } from '../contract/plan';
import type { RunOptions } from '../contract/progress';
import type { StageMethods } from '../contract/stageMethods';
import type { Model } from '../model/model';
import { loadModel } from '../model/loadModel';
import { graphInputs } from '../model/modelCard';
import { isFileRange } from '../model/fileRange';
import { rawBytes } from '../model/tensorValues';
import { walkTensors } from '../model/walkTensors';
import { shapeProfiles } from '../plan/shapeProfiles';
import { describeFile } from '../files/describeFile';
import { cacheKey, EngineCache, type KeptEngine } from './engineCache';

type BuildParams = StageMethods['build']['params'];
type BuildResult = StageMethods['build']['result'];

/** A backend that compiles. */
export type EngineCompiler = Pick<Backend, 'name' | 'probe'> & Required<Pick<Backend, 'build'>>;

/**
 * @throws CodedError as the backend's `build` does; PLAN_INVALID for shapes that do not fit the model
 */
export async function buildEngine(
  params: BuildParams,
  compiler: EngineCompiler,
  options: RunOptions,
  cache: EngineCache = new EngineCache(),
): Promise<BuildResult> {
  throwIfCancelled(options.signal);
  const model = await loadModel(params.onnx);
  const shapes = shapeProfiles(graphInputs(model), params.sampleDims, params.plan.shapes, batchSizes(params.plan));
  const request = {
    onnx: params.onnx,
    precision: params.precision,
    engine: params.output,
    target: params.target,
    builder: params.plan.builder,
    shapes,
  };
  const artifact = { kind: 'engine', backend: compiler.name, target: params.target, path: params.output } as const;
  // An engine for "the GPU of this machine" is not kept: the machine may get another one.
  const key = params.target === null ? null : await engineKey(model, compiler, request);
  const kept = key === null ? null : await cache.fetch(key, params.output);
  if (kept !== null) return { artifact: { ...artifact, ...sizeOf(kept) }, build: kept.build };

  const build = await compiler.build(request, options);
  const size = await describeFile(params.output);
  if (key !== null) await cache.store(key, params.output, { build, ...size });
  return { artifact: { ...artifact, ...size }, build };
}

function sizeOf({ bytes, sha256 }: KeptEngine): { bytes: number; sha256: string } {
  return { bytes, sha256 };
}

async function engineKey(model: Model, compiler: EngineCompiler, request: BuildRequest): Promise<string> {
  return cacheKey({
    onnx: await contentHash(model),
    backend: compiler.name,
    version: (await compiler.probe()).version,
    target: request.target,
    builder: request.builder,
    shapes: request.shapes,
  });
}

/** Hash of the model's file and of the files that hold its external data. */
async function contentHash(model: Model): Promise<string> {
  const files = new Set([model.path]);
  for (const tensor of walkTensors(model.proto)) {
    const bytes = rawBytes(tensor, model);
    if (isFileRange(bytes)) files.add(bytes.path);
  }
  const hash = createHash('sha256');
  for (const file of files) hash.update((await describeFile(file)).sha256);
  return hash.digest('hex');
}

/** Fastest at the batch that is measured; large enough for the batches of calibration and evaluation. */
function batchSizes({ benchmark, calibration }: Plan): { opt: number; max: number } {
  return { opt: benchmark.batch, max: Math.max(benchmark.batch, calibration.batchSize) };
}
