/**
 * The engine passport (`ENGINE.passport.json` beside an engine): what the engine is, what it was made from, and where it runs.
 *
 * Written by `backends/tensorrt.ts` with every engine, read by the editor's engine viewer and before an engine is opened. An
 * engine file itself says none of this: TensorRT refuses it without telling which of version, GPU or driver differs.
 */
import * as Type from '@sinclair/typebox';
import type { Static, TSchema } from '@sinclair/typebox';
import { precisions } from './plan';

const closed = { additionalProperties: false } as const;
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const oneOf = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });
const integers = Type.Array(Type.Integer());

const gpuSchema = Type.Object(
  {
    name: Type.String(),
    /** As `sm_90`. */
    computeCapability: Type.String(),
    /** The newest CUDA that the driver serves, as `CUDA 13.0`. */
    driver: Type.String(),
    memoryBytes: Type.Number(),
  },
  closed,
);

const bindingSchema = Type.Object(
  {
    name: Type.String(),
    direction: oneOf(['input', 'output']),
    /** A name of `contract/tensor.ts`. */
    dtype: Type.String(),
    /** The memory layouts allowed for it, as `linear`, `chw4`; empty: TensorRT's default, linear. */
    formats: Type.Array(Type.String()),
    /** Null where the size is known only with the inputs. */
    shape: Type.Array(orNull(Type.Integer())),
    /** `shape`: its values, not its elements, decide the sizes of other tensors; it lives in host memory. */
    kind: oneOf(['data', 'shape']),
  },
  closed,
);

/** Sizes of a data input, or the values of a shape input. */
const profileInputSchema = Type.Object(
  {
    input: Type.String(),
    holds: oneOf(['sizes', 'values']),
    min: integers,
    opt: integers,
    max: integers,
  },
  closed,
);

const layerSchema = Type.Object(
  {
    name: Type.String(),
    type: Type.String(),
    /** As `EngineLayer.precision` of `backends/tensorrtLayers.ts`. */
    precision: Type.String(),
    tactic: orNull(Type.String()),
    /** Memory layouts and types of what it reads and writes, in TensorRT's words. */
    inputs: Type.Array(Type.String()),
    outputs: Type.Array(Type.String()),
    /** Names of the ONNX nodes that were fused into it. */
    nodes: Type.Array(Type.String()),
    /** Mean time by the profiler, every layer waiting for the one before. */
    ms: orNull(Type.Number()),
  },
  closed,
);

export const enginePassportSchema = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    createdAt: Type.String(),
    engine: Type.Object({ file: Type.String(), bytes: Type.Number(), sha256: Type.String() }, closed),
    tensorrt: Type.Object(
      {
        backend: oneOf(['tensorrt', 'tensorrt-rtx']),
        /** Our engine code: `8`, `10`, `11` or `rtx`. */
        flavour: Type.String(),
        version: Type.String(),
      },
      closed,
    ),
    /** The GPU it was built on; null where it was built without one (TensorRT-RTX, for `targets`). */
    gpu: orNull(gpuSchema),
    /** Architectures it was built for, as `sm_89`; empty: for `gpu`. */
    targets: Type.Array(Type.String()),
    versionCompatible: Type.Boolean(),
    /** Runs on every GPU from Ampere on. */
    hardwareCompatible: Type.Boolean(),
    /** The ONNX file that was compiled. */
    model: Type.Object({ file: Type.String(), sha256: Type.String() }, closed),
    /** Hash of everything that was asked of the builder. */
    plan: Type.Object({ sha256: Type.String() }, closed),
    precision: oneOf(precisions),
    typing: oneOf(['strong', 'weak']),
    bindings: Type.Array(bindingSchema),
    profiles: Type.Array(Type.Array(profileInputSchema)),
    /** Null where the engine cannot be opened on the machine that built it. */
    layers: orNull(Type.Array(layerSchema)),
  },
  { ...closed, $id: 'engine-passport', title: 'Precision Bench engine passport' },
);

export type EnginePassport = Static<typeof enginePassportSchema>;
export type PassportBinding = EnginePassport['bindings'][number];
export type PassportLayer = NonNullable<EnginePassport['layers']>[number];

/** What a machine offers to an engine. */
export interface EngineMachine {
  readonly backend: EnginePassport['tensorrt']['backend'];
  /** Version of the TensorRT library found, null where there is none. */
  readonly version: string | null;
  readonly gpu: EnginePassport['gpu'];
}

export interface PassportDifference {
  readonly what: 'backend' | 'version' | 'gpu' | 'computeCapability' | 'driver';
  /** What the engine asks for. */
  readonly engine: string;
  /** What is here. */
  readonly here: string;
  /** Keeps the engine from running; a difference that does not is only worth telling. */
  readonly blocks: boolean;
}

/** Where an engine's passport lies. */
export function passportPath(engine: string): string {
  return `${engine}.passport.json`;
}

/**
 * What differs between the machine that an engine was made for and this one.
 *
 * TensorRT's rules: an engine runs with the version that built it, or with a later one of the same major (RTX: of any minor)
 * when it is version-compatible; on the architecture it was built for, or on any from Ampere on when it is
 * hardware-compatible. Another GPU model or driver of the same architecture runs it, perhaps slower.
 */
export function comparePassport(passport: EnginePassport, here: EngineMachine): PassportDifference[] {
  const differences: PassportDifference[] = [];
  const { tensorrt, gpu, targets } = passport;
  if (here.backend !== tensorrt.backend) {
    differences.push({ what: 'backend', engine: tensorrt.backend, here: here.backend, blocks: true });
  }
  if (here.version !== tensorrt.version) {
    const blocks = here.version === null || !(passport.versionCompatible && isLater(here.version, tensorrt.version));
    differences.push({ what: 'version', engine: tensorrt.version, here: here.version ?? 'none', blocks });
  }
  const wanted = targets.length > 0 ? targets : gpu === null ? [] : [gpu.computeCapability];
  if (here.gpu === null) {
    differences.push({ what: 'gpu', engine: gpu?.name ?? wanted.join(', '), here: 'none', blocks: true });
    return differences;
  }
  const found = here.gpu.computeCapability;
  if (!wanted.includes(found)) {
    const blocks = !(passport.hardwareCompatible && capabilityNumber(found) >= ampere);
    differences.push({ what: 'computeCapability', engine: wanted.join(', '), here: found, blocks });
  }
  if (gpu !== null && gpu.name !== here.gpu.name) {
    differences.push({ what: 'gpu', engine: gpu.name, here: here.gpu.name, blocks: false });
  }
  if (gpu !== null && gpu.driver !== here.gpu.driver) {
    differences.push({ what: 'driver', engine: gpu.driver, here: here.gpu.driver, blocks: false });
  }
  return differences;
}

const ampere = 80;

function capabilityNumber(target: string): number {
  return Number(target.replace('sm_', ''));
}

/** Whether `version` is later than `than` within the same major. */
function isLater(version: string, than: string): boolean {
  const [major, ...rest] = version.split('.').map(Number);
  const [builtMajor, ...builtRest] = than.split('.').map(Number);
  if (major !== builtMajor) return false;
  for (const [index, part] of rest.entries()) {
    const built = builtRest[index] ?? 0;
    if (part !== built) return part > built;
  }
  return true;
}

/** The differences as a sentence; empty where there is none. */
export function describeDifferences(differences: readonly PassportDifference[]): string {
  const words: Record<PassportDifference['what'], string> = {
    backend: 'backend',
    version: 'TensorRT version',
    gpu: 'GPU',
    computeCapability: 'GPU architecture',
    driver: 'driver',
  };
  return differences.map(({ what, engine, here }) => `${words[what]}: built for ${engine}, here ${here}`).join('; ');
}
