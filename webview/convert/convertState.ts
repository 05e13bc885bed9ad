/**
 * Everything that the convert page shows, as plain data, and what its controls can do. The sections are functions of these
 * two; `page.ts` holds the one state and changes it.
 */
import type { ErrorData } from '../../extension/contract/errors';
import type {
  Browsable,
  ConvertPanelContents,
  DataPreview,
  Machine,
  ModelContents,
  PlanCheck,
  PrecisionCapability,
} from '../../extension/contract/panels/convertPanel';
import type { FixAction, RunState } from '../../extension/contract/panels/runState';
import type { NodePlan } from '../../extension/contract/stageMethods';
import type { Loaded } from '../common/loaded';
import type { PlanForm } from './planForm';

export const sectionIds = [
  'model',
  'precisions',
  'calibration',
  'preprocess',
  'evaluation',
  'bindings',
  'layers',
  'builder',
  'benchmark',
] as const;
export type SectionId = (typeof sectionIds)[number];

/** What folds away inside a section. */
export const foldIds = ['otherVariants', 'targets'] as const;
export type FoldId = (typeof foldIds)[number];

export type Purpose = 'calibration' | 'evaluation';

/** What the user did to the view and not to the plan; kept over hiding and restarts. */
export interface ConvertView {
  readonly open: readonly (SectionId | FoldId)[];
  readonly layerSearch: string;
  readonly scroll: number;
}

export const initialView: ConvertView = {
  open: ['model', 'precisions', 'calibration', 'evaluation'],
  layerSearch: '',
  scroll: 0,
};

export interface ConvertState {
  readonly contents: ConvertPanelContents;
  readonly form: PlanForm;
  /** Null while no plan file is in step with the form. */
  readonly planPath: string | null;
  readonly baseDir: string;
  readonly out: string;
  readonly model: Loaded<ModelContents>;
  readonly machine: Loaded<Machine>;
  readonly capabilities: Loaded<readonly PrecisionCapability[]>;
  /** Null until the first answer. */
  readonly check: PlanCheck | null;
  /** Null until the section is opened. */
  readonly nodes: Loaded<readonly NodePlan[]> | null;
  readonly previews: Readonly<Record<Purpose, Loaded<DataPreview> | null>>;
  readonly runs: readonly RunState[];
  readonly trusted: boolean;
  readonly view: ConvertView;
  /** False for the first drawing, which leaves the bodies below the top of the page to the next (`section.ts`). */
  readonly isWhole: boolean;
  /** First row and height of the visible part of the layer table, in rows. */
  readonly layerScroll: number;
  /** Lists that are shown in full (`limitedList.ts`). */
  readonly inFull: readonly string[];
  /** The last refusal of something the user pressed. */
  readonly refusal: ErrorData | null;
  /** Said once by a screen reader (saved, copied, queued). */
  readonly announcement: string;
}

export interface ConvertActions {
  /** Every change of the plan goes through here. */
  readonly edit: (change: (form: PlanForm) => PlanForm) => void;
  /** Picks a path for a field of the plan. */
  readonly browse: (what: Browsable, pointer: string) => void;
  readonly preview: (of: Purpose) => void;
  /** Previews, then makes a profile of the sizes found. */
  readonly fillShapes: () => void;
  /** Turns the preset or file into steps of one's own. */
  readonly editSteps: () => void;
  readonly searchMachine: () => void;
  readonly reloadModel: () => void;
  readonly reloadNodes: () => void;
  readonly toggle: (id: SectionId | FoldId, open: boolean) => void;
  readonly searchLayers: (text: string) => void;
  readonly scrollLayers: (top: number) => void;
  readonly savePlan: (as: boolean) => void;
  readonly copyCommand: () => void;
  readonly start: () => void;
  readonly cancel: (runId: string) => void;
  readonly act: (action: FixAction, runId: string | null) => void;
  readonly showReport: (runId: string) => void;
  readonly showComparison: (runId: string) => void;
  /** Opens the section of a field and puts the focus into it. */
  readonly goTo: (pointer: string) => void;
  readonly showInFull: (list: string) => void;
  readonly dismissRefusal: () => void;
}
