/**
 * The engine passport as a file beside its engine: made from what was asked of the builder and what came of it, and read before
 * an engine is opened. Its schema and rules are in `contract/enginePassport.ts`; used by `tensorrt.ts`.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, relative } from 'node:path';
import {
  enginePassportSchema,
  passportPath,
  type EnginePassport,
  type PassportBinding,
} from '../contract/enginePassport';
import { schemaFault } from '../contract/schemaFault';
import { contentHash } from '../files/contentHash';
import { describeFile } from '../files/describeFile';
import { writeAtomically } from '../files/writeAtomically';
import type { BuildRequest } from './backend';
import type { NativeBuildOutcome, NativeNetworkTensor } from './nativeAddon';
import type { TimedLayer } from './tensorrtLayers';

export interface PassportFacts {
  readonly request: BuildRequest;
  readonly outcome: Pick<NativeBuildOutcome, 'bindings'>;
  readonly backend: EnginePassport['tensorrt']['backend'];
  readonly flavour: string;
  readonly version: string;
  readonly gpu: EnginePassport['gpu'];
  readonly layers: readonly TimedLayer[] | null;
}

/** Describes the engine at `request.engine`. @throws CodedError OUTPUT_UNWRITABLE */
export async function writePassport(facts: PassportFacts): Promise<EnginePassport> {
  const { request, backend, flavour, version, gpu, layers } = facts;
  const { engine, onnx, target, builder } = request;
  const passport: EnginePassport = {
    schemaVersion: 1,
    createdAt: new Date().toISOString(),
    engine: { file: basename(engine), ...(await describeFile(engine)) },
    tensorrt: { backend, flavour, version },
    gpu: target === null ? gpu : null,
    targets: target === null ? [] : [target],
    versionCompatible: builder.versionCompatible,
    hardwareCompatible: builder.hardwareCompatible,
    model: { file: relative(dirname(engine), onnx), sha256: await contentHash(onnx) },
    plan: { sha256: planHash(request) },
    precision: request.precision,
    typing: request.typing ?? 'strong',
    bindings: facts.outcome.bindings.map((tensor) => binding(tensor, request)),
    profiles: profiles(request),
    layers: layers === null ? null : layers.map((layer) => ({ ...layer })),
  };
  await writeAtomically(passportPath(engine), `${JSON.stringify(passport, null, 2)}\n`);
  return passport;
}

/** Null where there is none, where it is damaged, or where the engine beside it is another. */
export async function readPassport(engine: string): Promise<EnginePassport | null> {
  try {
    const passport = JSON.parse(await readFile(passportPath(engine), 'utf8')) as EnginePassport;
    if (schemaFault(enginePassportSchema, passport) !== null) return null;
    return passport.engine.sha256 === (await contentHash(engine)) ? passport : null;
  } catch {
    return null;
  }
}

/** Of all that decides the engine and is not the model: where files lie does not. */
function planHash(request: BuildRequest): string {
  const { onnx: _, engine: __, calibrator, builder, ...asked } = request;
  const { timingCache: ___, ...decisive } = builder;
  const calibration = calibrator && {
    algorithm: calibrator.algorithm,
    quantile: calibrator.quantile,
    cutoff: calibrator.cutoff,
    shapes: calibrator.shapes,
  };
  return createHash('sha256')
    .update(JSON.stringify({ ...asked, builder: decisive, calibration }))
    .digest('hex');
}

function binding(
  { name, dtype, isInput, holdsShape, dims }: NativeNetworkTensor,
  request: BuildRequest,
): PassportBinding {
  return {
    name,
    direction: isInput ? 'input' : 'output',
    dtype,
    formats: [...(request.io?.[name]?.formats ?? [])],
    shape: dims.map((size) => (size < 0 ? null : size)),
    kind: holdsShape ? 'shape' : 'data',
  };
}

function profiles({ shapes, moreProfiles = [], shapeValues = {} }: BuildRequest): EnginePassport['profiles'] {
  return [shapes, ...moreProfiles].map((sizes) => [
    ...Object.entries(sizes).map(([input, range]) => ({ input, holds: 'sizes' as const, ...range })),
    ...Object.entries(shapeValues).map(([input, range]) => ({ input, holds: 'values' as const, ...range })),
  ]);
}
