/** Entry of the engine page: connects to the host, restores search and order, draws. */
import { html } from 'lit-html';
import { CodedError } from '../../extension/contract/errors';
import type { EngineContents, EngineHostSide, EnginePageSide } from '../../extension/contract/panels/engineViewer';
import { failedRequest } from '../common/errorBox';
import { connectToHost } from '../common/hostChannel';
import { t } from '../common/l10n';
import { loading, settled } from '../common/loaded';
import { pageRoot } from '../common/pageRoot';
import { progressRing, registerToolkit } from '../common/toolkit';
import { savedState, saveState } from '../common/vscodeApi';
import { initialView, type EngineActions, type EngineState, type EngineView } from './engineState';
import { engineView } from './engineView';

registerToolkit();

const channel = connectToHost<EnginePageSide, EngineHostSide>();
let state: EngineState | null = null;
let failure: CodedError | null = null;

const root = pageRoot(
  () => {
    if (failure !== null) return failedRequest(failure, () => void load());
    if (state === null) return html`<p class="loading page-loading">${progressRing(t('Opening'))}</p>`;
    return engineView(state, actions);
  },
  () => state !== null || failure !== null,
);

function change(part: Partial<EngineState>): void {
  if (state === null) return;
  state = { ...state, ...part };
  saveState({ ...state.view });
  root.update();
}

function changeView(part: Partial<EngineView>): void {
  if (state !== null) change({ view: { ...state.view, ...part }, layerScroll: 0 });
}

const actions: EngineActions = {
  press: (button) =>
    void settled(channel.request(button, {})).then((answer) => {
      change({ refusal: answer.state === 'failed' ? answer.error : null });
    }),
  search: (search) => changeView({ search }),
  order: (order) => changeView({ order }),
  scrollLayers: (layerScroll) => change({ layerScroll }),
  compareAgain: () => void compare(),
  dismissRefusal: () => change({ refusal: null }),
};

function restoredView(): EngineView {
  const saved = savedState();
  return {
    search: typeof saved?.['search'] === 'string' ? saved['search'] : initialView.search,
    order: saved?.['order'] === 'engine' ? 'engine' : initialView.order,
  };
}

function take(contents: EngineContents): void {
  state = { contents, fit: loading, view: state?.view ?? restoredView(), layerScroll: 0, refusal: null };
  root.update();
  if (contents.passport !== null) void compare();
}

async function compare(): Promise<void> {
  change({ fit: loading });
  const fit = await settled(channel.request('compareWithMachine', {}));
  change({ fit });
}

async function load(): Promise<void> {
  failure = null;
  try {
    take(await channel.request('load', {}));
  } catch (error) {
    failure = CodedError.from(error);
    root.update();
  }
}

channel.on('changed', take);
root.update();
void load();
