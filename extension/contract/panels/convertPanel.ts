/**
 * What the convert panel and the host say to each other. The host answers (`ui/convert/convertPanel.ts`), the page asks
 * (`webview/convert/`). The form edits the very type of the plan file.
 *
 * `load` answers at once, from what the host has in hand; `inspect`, `machine` and `nodes` start the worker process and
 * take their time, so the page asks for them side by side and shows each when it comes. Every request can be cancelled.
 * Parameters are checked where they arrive: a plan that is not valid is refused with PLAN_INVALID by all methods but
 * `check`, which says what is wrong with it.
 */
import type { BackendInfo } from '../backendInfo';
import type { Plan, Transform } from '../plan';
import type { DataCard, Host, ModelCard } from '../report';
import type { NodePlan } from '../stageMethods';
import type { FixAction, FixButton, RunState } from './runState';

/** The form as it stands. */
export interface ConvertForm {
  /** Complete: every default is filled in. Its paths are relative to `baseDir`. */
  readonly plan: Plan;
  /** The plan file that the form is in step with, or null while there is none. Absolute. */
  readonly planPath: string | null;
  /** Where the plan's relative paths start: the folder of the plan file, or of the model. Absolute. */
  readonly baseDir: string;
  /** Where the results will go. Absolute. */
  readonly out: string;
}

export interface ConvertPanelContents {
  /** Absolute. */
  readonly modelPath: string;
  readonly modelName: string;
  readonly form: ConvertForm;
  readonly presets: readonly PresetChoice[];
  readonly targets: readonly TargetChoice[];
  /** Runs of this model in this window, newest first. */
  readonly runs: readonly RunState[];
  /** False in a workspace in Restricted Mode: the form can be looked at, nothing can be run. */
  readonly trusted: boolean;
}

export interface PresetChoice {
  readonly name: string;
  /** English, from `calibrate/transforms/knownPresets.ts`. */
  readonly description: string;
}

export interface TargetChoice {
  /** `sm_89` */
  readonly target: string;
  readonly devices: readonly string[];
  /** A deep learning accelerator lies beside the GPU: `builder.dla` makes sense. */
  readonly dla: boolean;
}

export interface ModelContents {
  readonly card: ModelCard;
  /** Nodes by operator type, subgraphs included. */
  readonly operators: Readonly<Record<string, number>>;
}

export interface Machine {
  readonly backends: readonly BackendInfo[];
  readonly host: Host;
}

/**
 * What a precision can do with this plan on this machine:
 * - `runs`: engines are built and measured here
 * - `builds`: engines are built, and have to be measured where their GPU is
 * - `simulated`: no engine; accuracy on the processor
 * - `unsupported`: a target has no hardware for it; the control is disabled
 */
export interface PrecisionCapability {
  readonly precision: Plan['precisions'][number];
  readonly state: 'runs' | 'builds' | 'simulated' | 'unsupported';
  /** One translated sentence; for `unsupported` why, with the name of the target. */
  readonly reason: string;
}

/** A finding about the plan, the model or the data; the same that the editor shows on the plan file. */
export interface PlanProblem {
  /** JSON pointer into the plan (`/calibration/samples`), empty for the whole. */
  readonly pointer: string;
  readonly severity: 'error' | 'warning' | 'info';
  /** An error code, or the name of a finding: `fp16Overflow`, `noHardware`, `simulatedType`, `noData`. */
  readonly code: string;
  readonly reason: string;
  readonly fix: string;
  readonly actions: readonly FixButton[];
}

export interface PlanCheck {
  /** The command line that does what *Convert* would do, run in the workspace folder. */
  readonly command: string;
  /** Errors first. An error means that *Convert* is refused. */
  readonly problems: readonly PlanProblem[];
}

/** What can be picked with a file dialog. The path comes back relative to `baseDir` where it lies below it. */
export const browsable = [
  'data',
  'dataFolder',
  'labels',
  'evaluationData',
  'evaluationDataFolder',
  'evaluationLabels',
  'table',
  'timingCache',
  'preprocess',
] as const;
export type Browsable = (typeof browsable)[number];

/** What a data set holds, and how its first samples look before and after preprocessing. */
export interface DataPreview {
  /** `samples` is the length of the whole data set; the hash is null, as the files are not read for a preview. */
  readonly card: DataCard;
  readonly labelled: boolean;
  /** Names of the classes in label order (the first 1000), where the data has them. */
  readonly classes: readonly string[] | null;
  readonly samples: readonly SamplePreview[];
  /** Dims of every input for one sample, batch axis included; those of the first sample. For the shapes editor. */
  readonly sampleDims: Readonly<Record<string, readonly number[]>>;
  /** Samples that could not be read, and other things to know. */
  readonly warnings: readonly string[];
}

export interface SamplePreview {
  /** As in reports: a path relative to the source, or an index. */
  readonly id: string;
  readonly label: string | null;
  /** PNG as a data URL, 128 pixels at the longer side at most; null where the sample is no picture. */
  readonly raw: string | null;
  readonly inputs: readonly InputPreview[];
}

/** One graph input of one preprocessed sample. Statistics are over its finite elements; null when there are none. */
export interface InputPreview {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly std: number | null;
  /** What the model sees, stretched from min–max to 0–255, as PNG data URL; null where it has no picture's shape. */
  readonly picture: string | null;
}

type Nothing = Readonly<Record<string, never>>;

export type ConvertHostMethods = {
  load: { params: Nothing; result: ConvertPanelContents };
  inspect: { params: Nothing; result: ModelContents };
  /** `fresh`: search the machine again. */
  machine: { params: { readonly fresh: boolean }; result: Machine };
  capabilities: { params: { readonly plan: Plan }; result: readonly PrecisionCapability[] };
  /** The page asks 150 ms after the last edit. Does not reject for a plan that is not valid. */
  check: { params: { readonly plan: Plan }; result: PlanCheck };
  /** What each of the plan's precisions would do to each node. */
  nodes: { params: { readonly plan: Plan }; result: readonly NodePlan[] };
  /** The steps that the plan's `preprocess` (a preset, a file, steps) comes to for this model: where own steps start from. */
  steps: { params: { readonly plan: Plan }; result: readonly Transform[] };
  /** Null: the user closed the dialog. */
  browse: { params: { readonly what: Browsable }; result: string | null };
  /** Opens the plan's data of one purpose. `count`: 1–16 samples. */
  preview: {
    params: { readonly plan: Plan; readonly of: 'calibration' | 'evaluation'; readonly count: number };
    result: DataPreview;
  };
  /** The file that now holds the plan, or null when the user closed the dialog. `as`: ask for a name in any case. */
  savePlan: { params: { readonly plan: Plan; readonly as: boolean }; result: string | null };
  /** Queues a conversion. Rejected at once with the first error that `check` finds. */
  start: { params: { readonly plan: Plan }; result: { readonly runId: string } };
  cancel: { params: { readonly runId: string }; result: null };
  /** Presses a button of a failure (`runId`) or of a problem (null). What changes the plan comes back as `planChanged`. */
  act: { params: { readonly action: FixAction; readonly runId: string | null }; result: null };
  /** Opens the report (HTML) of a run that is done. */
  showReport: { params: { readonly runId: string }; result: null };
  /** Shows a run that is done in the comparison view. */
  showComparison: { params: { readonly runId: string }; result: null };
  copyCommand: { params: { readonly plan: Plan }; result: null };
};

export type ConvertHostSide = {
  readonly methods: ConvertHostMethods;
  readonly events: {
    /** The plan was edited elsewhere: in its file, or by a button. Replaces the form. */
    readonly planChanged: ConvertForm;
    /** Runs of this model, newest first; at most ten times a second. */
    readonly runs: readonly RunState[];
    /** More is known of the machine or the model: ask for `machine`, `capabilities` and `check` again. */
    readonly machineChanged: Nothing;
    readonly trustChanged: { readonly trusted: boolean };
  };
};

export type ConvertPageSide = {
  readonly methods: Record<never, never>;
  readonly events: {
    /** After every edit of the form, valid or not. The host writes it into the plan file, where there is one. */
    readonly edited: { readonly plan: Plan };
  };
};

/**
 * What the page keeps with `setState`, so that the host can open the panel again after a restart of the window. Checked by
 * the host before use; `view` is the page's own (scroll position, open sections).
 */
export interface ConvertPanelMemory {
  readonly modelPath: string;
  readonly planPath: string | null;
  readonly plan: Plan;
  readonly view: unknown;
}
