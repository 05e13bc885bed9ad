/**
 * What the comparison page and the host say to each other. One page in two places: the side view
 * `precisionBench.comparison` and the custom editor of `report.json`. The host answers (`ui/comparison/`), the page asks
 * (`webview/comparison/`). A report is known by an opaque `id`.
 */
import type { Report } from '../report';
import type { RunState } from './runState';

/** A line of the history: enough to draw it without opening the report. */
export interface HistoryEntry {
  readonly id: string;
  /** File name of the model. */
  readonly model: string;
  /** ISO 8601, as in the report. */
  readonly createdAt: string;
  /** Absolute path of report.json. */
  readonly path: string;
  readonly precisions: readonly string[];
  readonly recommended: string | null;
  /** False when the report can no longer be read: the line stays, marked, until it is forgotten. */
  readonly available: boolean;
  /**
   * What became of the files beside the report since: a later run may have replaced them, the user may have removed them.
   * The report itself is kept, so it can be shown in any case.
   */
  readonly files: 'there' | 'replaced' | 'gone';
}

export interface ShownReport {
  readonly id: string;
  readonly report: Report;
  /** Absolute path of report.json. */
  readonly path: string;
}

export interface ComparisonContents {
  readonly place: 'side' | 'editor';
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
  /** What the user looks at: the last one shown, in an editor its own file; null when there is nothing yet. */
  readonly shown: ShownReport | null;
  /** The run beside it, where two are compared. */
  readonly beside: ShownReport | null;
  /** Conversions queued and under way, for the welcome state and the progress line. */
  readonly running: readonly RunState[];
}

/** A worst sample of a variant as a picture. */
export interface SamplePicture {
  /** As in `variant.accuracy.worst[].sample`. */
  readonly sample: string;
  /** PNG as a data URL; null where the sample is no picture or cannot be found any more. */
  readonly picture: string | null;
}

type Nothing = Readonly<Record<string, never>>;

export type ComparisonHostMethods = {
  load: { params: Nothing; result: ComparisonContents };
  /** Opens one report, perhaps a second beside it. @throws REPORT_INVALID when the file is gone or is none */
  show: { params: { readonly id: string; readonly beside: string | null }; result: ComparisonContents };
  worstPictures: { params: { readonly id: string; readonly variant: string }; result: readonly SamplePicture[] };
  /** The HTML report in the user's browser, or report.json in an editor. */
  openReport: { params: { readonly id: string; readonly as: 'html' | 'json' }; result: null };
  /** Shows a file of the report in the explorer; `path` as in the artifact. */
  revealArtifact: { params: { readonly id: string; readonly path: string }; result: null };
  openEngine: { params: { readonly id: string; readonly path: string }; result: null };
  copyCommand: { params: { readonly id: string }; result: null };
  /** Asks for a file name and writes it; `png` (a data URL of the charts) with format `png`. Null: dialog closed. */
  exportAs: {
    params: { readonly id: string; readonly format: 'html' | 'csv' | 'md' | 'png'; readonly png: string | null };
    result: string | null;
  };
  /** Takes a report out of the history; its files stay. */
  forget: { params: { readonly id: string }; result: null };
  /** Opens the convert panel: with the shown report's model and plan (`id`), or asking for a model (null). */
  startConversion: { params: { readonly id: string | null }; result: null };
  openWalkthrough: { params: Nothing; result: null };
};

export type ComparisonHostSide = {
  readonly methods: ComparisonHostMethods;
  readonly events: {
    readonly historyChanged: readonly HistoryEntry[];
    /** Something else is to be shown: a conversion ended, a command chose a report, the file on disk changed. */
    readonly shownChanged: ComparisonContents;
    readonly runningChanged: readonly RunState[];
  };
};

export type ComparisonPageSide = { readonly methods: Record<never, never>; readonly events: Record<never, never> };
