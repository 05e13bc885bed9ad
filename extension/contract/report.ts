/**
 * The report (`report.json`): what a conversion measured, in a form that reopens anywhere without a GPU or the model.
 *
 * A number that was not measured is null: never zero, never a guess. As in `plan.ts`, the TypeBox schema is the single
 * source of the type, the JSON schema and the run-time check.
 */
import * as Type from '@sinclair/typebox';
import type { Static, TSchema } from '@sinclair/typebox';
import { planSchema, precisions } from './plan';

const closed = { additionalProperties: false } as const;
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const number = orNull(Type.Number());
const string = orNull(Type.String());
const object = <T extends Record<string, TSchema>>(properties: T) => Type.Object(properties, closed);
const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });

export const valueSchema = object({
  name: Type.String(),
  dtype: Type.String(),
  shape: orNull(Type.Array(Type.Union([Type.Number(), Type.String(), Type.Null()]))),
});

export const errorSchema = object({
  code: Type.String(),
  reason: Type.String(),
  fix: Type.String(),
  place: Type.Optional(
    object({
      file: Type.Optional(Type.String()),
      node: Type.Optional(Type.String()),
      field: Type.Optional(Type.String()),
    }),
  ),
});

export const artifactSchema = object({
  kind: literals(['onnx', 'engine', 'table', 'cache', 'passport']),
  backend: string,
  /** `sm_89`, or null where the artifact is not bound to an architecture. */
  target: string,
  /** Relative to the report. */
  path: Type.String(),
  bytes: Type.Number(),
  sha256: Type.String(),
});

const modelSchema = object({
  path: Type.String(),
  sha256: Type.String(),
  bytes: Type.Number(),
  opset: Type.Number(),
  irVersion: Type.Number(),
  nodes: Type.Number(),
  parameters: Type.Number(),
  inputs: Type.Array(valueSchema),
  outputs: Type.Array(valueSchema),
});

const hostSchema = object({
  os: Type.String(),
  cpu: Type.String(),
  cores: Type.Number(),
  gpu: orNull(object({ name: Type.String(), computeCapability: Type.String(), driver: string, memoryBytes: number })),
  backends: Type.Array(object({ name: Type.String(), version: string, library: string })),
});

const dataSchema = object({
  source: Type.String(),
  /** classFolders, imageFolder, npz, npy, tensors, manifest, module, python, random */
  kind: Type.String(),
  samples: Type.Number(),
  sha256: string,
});

/** One calibrated tensor whose distribution an algorithm handled badly; shown as a warning. */
const unfitSchema = object({ tensor: Type.String(), algorithm: Type.String(), reason: Type.String() });

/** Why a node runs in another precision than the variant's. */
export const decisionSchema = object({
  node: Type.String(),
  opType: Type.String(),
  precision: Type.String(),
  reason: Type.String(),
});

const calibrationSchema = object({
  algorithm: Type.String(),
  calibrator: Type.String(),
  batchSize: Type.Number(),
  samples: Type.Number(),
  /** All of calibration, the data set opened. */
  seconds: number,
  /** Of it: reading the model, observing ranges and histograms, choosing scales. */
  scalesSeconds: Type.Optional(number),
  /** Of it: equalization, the layer errors behind bias correction and the accuracy guard. */
  tuningSeconds: Type.Optional(number),
  peakRssBytes: number,
  cacheHit: Type.Boolean(),
  /** Number of tensors with a scale. */
  tensors: Type.Number(),
  unfit: Type.Array(unfitSchema),
});

/** Share of layers and of time per precision, 0–1. */
const shareSchema = object({ layers: Type.Number(), time: number });
const buildSchema = object({
  backend: Type.String(),
  version: string,
  target: string,
  seconds: number,
  layers: number,
  realised: orNull(Type.Record(Type.String(), shareSchema)),
  /** `weak`: the optimizer chose the types; `realised` says how it chose. */
  typing: Type.Optional(literals(['strong', 'weak'])),
  /** The engine was taken from the cache; `seconds` is what building it took then. */
  cached: Type.Optional(Type.Boolean()),
});

/** Medians over the slices of one variant, read through NVML; null where the GPU does not say. */
const gpuStateSchema = object({
  graphicsClockMhz: number,
  memoryClockMhz: number,
  powerWatts: number,
  temperatureCelsius: number,
  /** Why the clocks were held down in at least one slice, as `power cap`; empty: they were not. */
  throttling: Type.Array(Type.String()),
  clocksLocked: orNull(Type.Boolean()),
});
export type GpuState = Static<typeof gpuStateSchema>;

const latencySchema = object({
  backend: Type.String(),
  /** `cpu`, or the GPU's name. */
  device: Type.String(),
  batch: Type.Number(),
  warmupMs: number,
  iterations: Type.Number(),
  medianMs: Type.Number(),
  meanMs: Type.Number(),
  p90Ms: Type.Number(),
  p95Ms: Type.Number(),
  p99Ms: Type.Number(),
  /** Coefficient of variation, standard deviation over mean. */
  cov: Type.Number(),
  computeMs: number,
  h2dMs: number,
  d2hMs: number,
  throughputPerSecond: Type.Number(),
  /** Energy that the GPU drew per inference of the batch, above nothing: idle power is in it. Null where it has no meter. */
  energyMillijoules: Type.Optional(number),
  /** The GPU while this variant ran; null where it could not be asked. */
  gpuState: Type.Optional(orNull(gpuStateSchema)),
  conditions: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])),
  /** Against the variant measured in the same rounds as the baseline; null for the baseline itself. */
  versusBaseline: Type.Optional(
    orNull(
      object({
        baseline: Type.String(),
        /** Median of latency / baseline latency over the rounds, with its 95 % interval (null: too few rounds). */
        ratio: Type.Number(),
        low: number,
        high: number,
        verdict: orNull(literals(['faster', 'same', 'slower'])),
      }),
    ),
  ),
});

/**
 * An output of a variant against that of fp32, over the elements finite in both. `maxAbs` 0 means identical; `sqnrDb` is
 * then null, because an infinite ratio is no JSON number. Everything null: nothing could be compared.
 */
const outputAccuracySchema = object({
  name: Type.String(),
  sqnrDb: number,
  cosine: number,
  maxAbs: number,
  meanAbs: number,
  /** Over elements with |ref| > 0.001·max|ref| of their sample. */
  maxRel: number,
  /** NaN and infinite elements in the variant's output (fp32's own count is in fp32's row). */
  nonFinite: Type.Number(),
});

const taskSchema = object({
  /** `classification` (top-k on the class axis) or `ctc` (greedy decoding of a sequence against a text). */
  kind: Type.String(),
  /** Correct first answers, as a share; for `ctc` exact lines. Null without labels. */
  top1: number,
  /** Wilson 95 % interval of `top1`. */
  top1Low: number,
  top1High: number,
  top5: number,
  /** Share of samples whose answer equals that of fp32, with its Wilson 95 % interval. */
  agreement: number,
  agreementLow: number,
  agreementHigh: number,
  /** Samples with a label: the n of `top1`. Zero without labels. */
  labelled: Type.Number(),
  /** Labelled samples that fp32 answers rightly and this variant wrongly, and the reverse. Null without labels. */
  lost: number,
  gained: number,
  /** Two-sided exact McNemar test of `lost` against `gained`. */
  mcnemarP: number,
});

const accuracySchema = object({
  reference: Type.Literal('fp32'),
  backend: Type.String(),
  samples: Type.Number(),
  /** True when the runtime has no kernels of this type and rounding casts around FP32 compute stood in for them. */
  simulated: Type.Boolean(),
  outputs: Type.Array(outputAccuracySchema),
  task: orNull(taskSchema),
  /** The samples with the lowest SQNR of the first output, worst first. */
  worst: Type.Array(object({ sample: Type.String(), sqnrDb: number, label: string, expected: string, got: string })),
});

export const variantSchema = object({
  name: Type.String(),
  precision: literals(precisions),
  status: literals(['ok', 'failed', 'skipped']),
  error: orNull(errorSchema),
  artifacts: Type.Array(artifactSchema),
  calibration: orNull(calibrationSchema),
  /** Nodes that stayed in a higher precision, with the reason. */
  decisions: Type.Array(decisionSchema),
  build: orNull(buildSchema),
  latency: orNull(latencySchema),
  accuracy: orNull(accuracySchema),
  /** Median latency of fp32 over this variant's, same backend and run. */
  speedup: number,
  /** Bytes of this variant's ONNX over those of fp32. */
  sizeRatio: number,
});

export const reportSchema = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    tool: object({ name: Type.String(), version: Type.String() }),
    createdAt: Type.String(),
    command: Type.String(),
    model: modelSchema,
    plan: planSchema,
    host: hostSchema,
    data: object({
      calibration: orNull(dataSchema),
      evaluation: orNull(
        Type.Object({ ...dataSchema.properties, labelled: Type.Boolean(), skipped: Type.Number() }, closed),
      ),
      /** False when data is missing or random: accuracy and calibration then say little about real use. */
      representative: Type.Boolean(),
      /** How calibration and evaluation samples were kept apart, in words. */
      split: Type.String(),
    }),
    variants: Type.Array(variantSchema),
    verdict: object({
      recommended: string,
      reasons: Type.Array(Type.String()),
      warnings: Type.Array(Type.String()),
    }),
  },
  { ...closed, $id: 'report', title: 'Precision Bench report' },
);

export type Report = Static<typeof reportSchema>;
export type Variant = Static<typeof variantSchema>;
export type Artifact = Static<typeof artifactSchema>;
export type Latency = Static<typeof latencySchema>;
export type Accuracy = Static<typeof accuracySchema>;
export type OutputAccuracy = Static<typeof outputAccuracySchema>;
export type TaskAccuracy = Static<typeof taskSchema>;
export type CalibrationSummary = Static<typeof calibrationSchema>;
export type BuildSummary = Static<typeof buildSchema>;
export type ModelCard = Static<typeof modelSchema>;
export type DataCard = Static<typeof dataSchema>;
export type Decision = Static<typeof decisionSchema>;
export type Host = Static<typeof hostSchema>;
