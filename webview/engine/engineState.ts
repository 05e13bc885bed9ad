/** Everything that the engine page shows, and what its controls can do. */
import type { ErrorData } from '../../extension/contract/errors';
import type { EngineContents, EngineFit } from '../../extension/contract/panels/engineViewer';
import type { Loaded } from '../common/loaded';
import type { LayerOrder } from './engineLayers';

export interface EngineView {
  readonly search: string;
  readonly order: LayerOrder;
}

export const initialView: EngineView = { search: '', order: 'time' };

export interface EngineState {
  readonly contents: EngineContents;
  readonly fit: Loaded<EngineFit>;
  readonly view: EngineView;
  readonly layerScroll: number;
  readonly refusal: ErrorData | null;
}

export type EngineButton = 'rebuild' | 'reveal' | 'openReport' | 'openPassport';

export interface EngineActions {
  readonly press: (button: EngineButton) => void;
  readonly search: (text: string) => void;
  readonly order: (order: LayerOrder) => void;
  readonly scrollLayers: (top: number) => void;
  readonly compareAgain: () => void;
  readonly dismissRefusal: () => void;
}
