/**
 * The pipeline's requests to the worker, one per stage. Paths and plain data cross the process boundary, never tensors:
 * large arrays go by file (8 MB by message costs 174 ms).
 *
 * All paths are absolute. Each method is a function of its parameters and the files they name, so a fresh worker can take
 * over after a crash.
 */
import type { BackendInfo } from './backendInfo';
import type { ErrorData } from './errors';
import type { Plan, Precision, Transform, VariantName, WeightStorage, tensorrtCalibrators } from './plan';
import type {
  Accuracy,
  Artifact,
  BuildSummary,
  CalibrationSummary,
  DataCard,
  Decision,
  Host,
  Latency,
  ModelCard,
} from './report';

/** A step of the search for TensorRT libraries, in order. */
export interface LibrarySearchStep {
  readonly step: string;
  /** Folders that exist among those looked into, and how many do not. */
  readonly folders: readonly string[];
  readonly missing: number;
  readonly libraries: readonly string[];
}

/** Samples of a data set, chosen for one purpose; enough to open it again in another request. */
export interface DataSelection {
  readonly source: string;
  readonly labels: string | null;
  readonly transforms: readonly Transform[];
  readonly python: string;
  readonly indices: readonly number[];
  readonly labelled: boolean;
  readonly classes: readonly string[] | null;
  /** Dims of every input, for made-up data. */
  readonly randomSizes?: Readonly<Record<string, readonly number[]>> | undefined;
  readonly card: DataCard;
}

export interface VariantFile {
  readonly name: string;
  readonly path: string;
  /** The file runs rounding casts around FP32 compute because the runtime has no kernels of the type. */
  readonly simulated: boolean;
  /** Its engine, where this machine can run it: latency is then measured there. */
  readonly engine?: { readonly backend: 'tensorrt' | 'tensorrt-rtx'; readonly path: string };
}

/** A file to measure; one file may be measured several times under different names. */
export interface MeasuredFile extends VariantFile {
  /** Default: `benchmark.batch` and `benchmark.cudaGraph`. */
  readonly batch?: number;
  readonly cudaGraph?: boolean;
  /** Whether an engine's inputs and outputs are copied in every run; default true. */
  readonly transfers?: boolean;
}

/** `strong`: types come from the graph. `weak`: the optimizer may pick FP32 where its timings say so. */
export type Typing = 'strong' | 'weak';

export type TensorrtCalibratorName = (typeof tensorrtCalibrators)[number];

/** How a variant is made, see `build/variantRecipes.ts`. */
export interface VariantRecipe {
  readonly name: VariantName;
  /** What most of it computes in, or may compute in. */
  readonly precision: Precision;
  /** The rewriting that is compiled: `fp32` where the optimizer chooses the types. */
  readonly graph: Precision;
  readonly typing: Typing;
  readonly tf32: boolean;
  /** Who sets the scales; null where there are none. */
  readonly calibrator: 'builtin' | TensorrtCalibratorName | null;
  /** What INT8 and FP8 leave is written in this precision. */
  readonly rest: 'fp32' | 'fp16';
  readonly weightStorage: WeightStorage;
  /** Weights that share a scale in INT4: 128 or 64. */
  readonly int4Block: number;
}

/** Results by variant name; a variant that failed is in `errors` and the others go on. */
export interface PerVariant<T> {
  readonly results: Readonly<Record<string, T>>;
  readonly errors: Readonly<Record<string, ErrorData>>;
}

export interface NodePlan extends Decision {
  /** What the variant does with the node. */
  readonly variant: Precision;
}

/** The data and the cache of a calibration by TensorRT. */
export interface TensorrtCalibration {
  readonly data: DataSelection;
  readonly modelSha256: string;
  /** A cache to read if it is there, and to write if it is not; null: none is read. */
  readonly cache: string | null;
  /** Where the cache of this run goes, as one of its results. */
  readonly output: string;
}

export type StageMethods = {
  probe: {
    params: { readonly fresh: boolean };
    result: { backends: BackendInfo[]; host: Host; search: LibrarySearchStep[] };
  };

  inspect: {
    params: {
      readonly model: string;
      readonly explain: readonly Precision[];
      /** The user's own choices, for `explain`. */
      readonly keep?: Plan['keep'];
    };
    result: { card: ModelCard; operators: Record<string, number>; nodes: NodePlan[]; warnings: string[] };
  };

  selectData: {
    params: { readonly model: string; readonly plan: Plan; readonly baseDir: string; readonly python: string };
    result: {
      calibration: DataSelection;
      evaluation: DataSelection;
      representative: boolean;
      /** How the two were kept apart, in words. */
      split: string;
      /** What inputs that hold a shape hold in the samples chosen; empty for made-up ones. */
      sampleValues: Plan['shapeValues'];
      warnings: string[];
    };
  };

  prepare: {
    params: {
      readonly model: string;
      readonly plan: Plan;
      readonly output: string;
      /** Where a copy of the model goes whose stated versions the reference runtime opens, if the model's own are too new. */
      readonly referenceOutput: string;
    };
    result: {
      opset: number;
      /** The model that is the FP32 reference: the user's file, or that copy. */
      reference: string;
      warnings: string[];
    };
  };

  calibrate: {
    params: {
      readonly prepared: string;
      readonly modelSha256: string;
      readonly plan: Plan;
      readonly precisions: readonly Precision[];
      readonly data: DataSelection;
      readonly representative: boolean;
      /** A table to reuse, or null. */
      readonly reuse: string | null;
      readonly rangesOutput: string;
      readonly tableOutput: string;
    };
    /** `summary` is null when no precision asked for needs scales. */
    result: { summary: CalibrationSummary | null; sampleDims: Record<string, number[]>; warnings: string[] };
  };

  write: {
    params: {
      readonly prepared: string;
      readonly precision: Precision;
      /** Name of the variant; default the precision. */
      readonly name?: string;
      /** Precision of what int8 and fp8 leave; default fp16. */
      readonly rest?: VariantRecipe['rest'];
      readonly weightStorage?: WeightStorage;
      readonly int4Block?: number;
      readonly plan: Plan;
      readonly ranges: string;
      readonly table: string | null;
      readonly output: string;
      /** Where a simulation goes if the runtime needs one. */
      readonly simulatedOutput: string;
    };
    result: {
      bytes: number;
      sha256: string;
      decisions: Decision[];
      warnings: string[];
      /** What the CPU runtime can run, for its latency: the variant, or a simulation of types that it cannot run at all. */
      runnable: VariantFile;
      /** What tells the variant's accuracy: a simulation too where the runtime runs its types, but does not round to them. */
      evaluable: VariantFile;
    };
  };

  build: {
    params: {
      readonly backend: 'tensorrt' | 'tensorrt-rtx';
      readonly onnx: string;
      readonly recipe: VariantRecipe;
      readonly target: string | null;
      readonly plan: Plan;
      readonly sampleDims: Readonly<Record<string, readonly number[]>>;
      /** Values of inputs that hold a shape, as the data have them; the plan's own come first. */
      readonly sampleValues?: Plan['shapeValues'];
      readonly output: string;
      /** What TensorRT calibrates with, where it does. */
      readonly calibration: TensorrtCalibration | null;
    };
    result: {
      artifact: Artifact;
      build: BuildSummary;
      /** What else was written: the passport, the calibration cache. */
      more: Artifact[];
      /** Of TensorRT's own calibrator. */
      calibration: CalibrationSummary | null;
      warnings: string[];
    };
  };

  evaluate: {
    params: {
      /** The original model: the FP32 reference is the user's file, not our rewriting of it. */
      readonly model: string;
      readonly variants: readonly VariantFile[];
      readonly data: DataSelection;
      readonly batchSize: number;
      /** Evaluation ends after this time with the samples seen by then (at least one batch); null: all samples. */
      readonly budgetMs: number | null;
    };
    result: PerVariant<Accuracy> & {
      /** Samples that could not be read. */
      readonly skipped: number;
      /** Samples that the budget left no time for. */
      readonly unseen: number;
    };
  };

  measure: {
    params: {
      readonly variants: readonly MeasuredFile[];
      /** Null: random inputs. */
      readonly data: DataSelection | null;
      /** Sizes of random inputs where the file leaves them open; the first axis is the batch. */
      readonly shapes?: Plan['shapes'];
      readonly benchmark: Plan['benchmark'];
    };
    result: PerVariant<Latency>;
  };
};
