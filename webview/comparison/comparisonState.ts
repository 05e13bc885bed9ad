/** Everything that the comparison page shows, and what its controls can do. */
import type { ErrorData } from '../../extension/contract/errors';
import type { ComparisonContents, SamplePicture } from '../../extension/contract/panels/comparisonView';
import type { Loaded } from '../common/loaded';

export interface ComparisonView {
  /** Ids of what is folded open. */
  readonly open: readonly string[];
  readonly scroll: number;
}

export const initialView: ComparisonView = { open: ['history'], scroll: 0 };

export interface ComparisonState {
  readonly contents: ComparisonContents;
  /** By report id and variant. */
  readonly pictures: Readonly<Record<string, Loaded<readonly SamplePicture[]>>>;
  readonly view: ComparisonView;
  readonly refusal: ErrorData | null;
  readonly announcement: string;
}

export type ExportFormat = 'html' | 'csv' | 'md' | 'png';

export interface ComparisonActions {
  readonly show: (id: string, beside: string | null) => void;
  readonly openReport: (as: 'html' | 'json') => void;
  readonly reveal: (path: string) => void;
  readonly openEngine: (path: string) => void;
  readonly copyCommand: () => void;
  readonly exportAs: (format: ExportFormat) => void;
  readonly forget: (id: string) => void;
  readonly startConversion: (id: string | null) => void;
  readonly openWalkthrough: () => void;
  readonly fold: (id: string, open: boolean) => void;
  readonly loadPictures: (variant: string) => void;
  readonly dismissRefusal: () => void;
}

export function picturesKey(id: string, variant: string): string {
  return `${id} ${variant}`;
}
