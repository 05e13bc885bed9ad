/** Entry of the comparison page: connects to the host, restores what was shown and folded open, draws. */
import { html } from 'lit-html';
import { CodedError } from '../../extension/contract/errors';
import type {
  ComparisonContents,
  ComparisonHostSide,
  ComparisonPageSide,
} from '../../extension/contract/panels/comparisonView';
import { fileName } from '../../extension/contract/reportQueries';
import { failedRequest } from '../common/errorBox';
import { connectToHost } from '../common/hostChannel';
import { t } from '../common/l10n';
import { loading, readyValue, settled } from '../common/loaded';
import { pageRoot } from '../common/pageRoot';
import { onThemeChange } from '../common/theme';
import { progressRing, registerToolkit } from '../common/toolkit';
import { savedState, saveState } from '../common/vscodeApi';
import { chartsAsPng, drawFigures } from './chartDrawing';
import {
  initialView,
  picturesKey,
  type ComparisonActions,
  type ComparisonState,
  type ComparisonView,
} from './comparisonState';
import { comparisonView, shownFigures } from './comparisonView';

registerToolkit();

const channel = connectToHost<ComparisonPageSide, ComparisonHostSide>();
let state: ComparisonState | null = null;
let failure: CodedError | null = null;
let themeVersion = 0;

const root = pageRoot(
  () => {
    if (failure !== null) return failedRequest(failure, () => void load());
    if (state === null) return html`<p class="loading page-loading">${progressRing(t('Opening'))}</p>`;
    return comparisonView(state, actions);
  },
  () => state !== null || failure !== null,
  () => {
    if (state !== null) drawFigures(shownFigures(state), themeVersion);
  },
);

function change(part: Partial<ComparisonState>): void {
  if (state === null) return;
  state = { ...state, ...part };
  keep();
  root.update();
}

function keep(): void {
  if (state === null) return;
  const { contents, view } = state;
  saveState({ ...view, shown: contents.shown?.id ?? null, beside: contents.beside?.id ?? null });
}

/** What the user pressed; a refusal is shown, a closed dialog is none. */
async function attempt(work: () => Promise<string | void>): Promise<void> {
  try {
    const announcement = await work();
    change({ refusal: null, announcement: announcement ?? '' });
  } catch (error) {
    const refusal = CodedError.from(error).toJSON();
    if (refusal.code !== 'CANCELLED') change({ refusal });
  }
}

/** Does something with the report shown. */
function withShown(work: (id: string) => Promise<string | void>): void {
  const id = state?.contents.shown?.id;
  if (id !== undefined) void attempt(() => work(id));
}

const actions: ComparisonActions = {
  show: (id, beside) => void attempt(async () => take(await channel.request('show', { id, beside }))),
  openReport: (as) => withShown(async (id) => void (await channel.request('openReport', { id, as }))),
  reveal: (path) => withShown(async (id) => void (await channel.request('revealArtifact', { id, path }))),
  openEngine: (path) => withShown(async (id) => void (await channel.request('openEngine', { id, path }))),
  copyCommand: () =>
    withShown(async (id) => {
      await channel.request('copyCommand', { id });
      return t('The command line is copied.');
    }),
  exportAs: (format) =>
    withShown(async (id) => {
      const path = await channel.request('exportAs', { id, format, png: format === 'png' ? chartsPng() : null });
      return path === null ? '' : t('Written: {0}', path);
    }),
  forget: (id) => void attempt(async () => void (await channel.request('forget', { id }))),
  startConversion: (id) => void attempt(async () => void (await channel.request('startConversion', { id }))),
  openWalkthrough: () => void attempt(async () => void (await channel.request('openWalkthrough', {}))),
  fold: (id, open) => {
    if (state === null || open === state.view.open.includes(id)) return;
    const others = state.view.open.filter((other) => other !== id);
    change({ view: { ...state.view, open: open ? [...others, id] : others } });
  },
  loadPictures: (variant) => void loadPictures(variant),
  dismissRefusal: () => change({ refusal: null }),
};

function chartsPng(): string | null {
  const shown = state?.contents.shown;
  if (state === null || shown == null) return null;
  return chartsAsPng(shownFigures(state), fileName(shown.report.model.path));
}

async function loadPictures(variant: string): Promise<void> {
  const id = state?.contents.shown?.id;
  if (state === null || id === undefined) return;
  const key = picturesKey(id, variant);
  const known = state.pictures[key] ?? null;
  if (known?.state === 'loading' || readyValue(known) !== null) return;
  change({ pictures: { ...state.pictures, [key]: loading } });
  const pictures = await settled(channel.request('worstPictures', { id, variant }));
  change({ pictures: { ...state.pictures, [key]: pictures } });
}

/** Pictures of what was folded open before are asked for again. */
function loadOpenPictures(): void {
  for (const { name } of state?.contents.shown?.report.variants ?? []) {
    if (state?.view.open.includes(`worst-${name}`) === true) void loadPictures(name);
  }
}

function restoredView(): ComparisonView {
  const saved = savedState();
  const open = saved?.['open'];
  return {
    open: Array.isArray(open) ? open.filter((id) => typeof id === 'string') : initialView.open,
    scroll: typeof saved?.['scroll'] === 'number' ? saved['scroll'] : 0,
  };
}

function take(contents: ComparisonContents): void {
  document.body.classList.toggle('place-side', contents.place === 'side');
  state =
    state === null
      ? { contents, pictures: {}, view: restoredView(), refusal: null, announcement: '' }
      : { ...state, contents };
  keep();
  root.update();
  loadOpenPictures();
}

/** The side view shows what it showed before the window was closed, as long as the report is there. */
async function restored(contents: ComparisonContents): Promise<ComparisonContents> {
  const id = savedState()?.['shown'];
  const beside = savedState()?.['beside'];
  if (contents.place === 'editor' || typeof id !== 'string') return contents;
  const known = contents.history.some((entry) => entry.id === id && entry.available);
  const isSame = contents.shown?.id === id && (contents.beside?.id ?? null) === (beside ?? null);
  if (!known || isSame) return contents;
  const other = contents.history.find((entry) => entry.id === beside && entry.available)?.id ?? null;
  const answer = await settled(channel.request('show', { id, beside: other }));
  return readyValue(answer) ?? contents;
}

async function load(): Promise<void> {
  failure = null;
  try {
    take(await restored(await channel.request('load', {})));
    const scroll = state?.view.scroll ?? 0;
    requestAnimationFrame(() => requestAnimationFrame(() => window.scrollTo(0, scroll)));
  } catch (error) {
    failure = CodedError.from(error);
    root.update();
  }
}

let scrollTimer: ReturnType<typeof setTimeout> | undefined;
window.addEventListener('scroll', () => {
  clearTimeout(scrollTimer);
  scrollTimer = setTimeout(() => {
    if (state === null) return;
    state = { ...state, view: { ...state.view, scroll: window.scrollY } };
    keep();
  }, 200);
});

channel.on('shownChanged', take);
channel.on('historyChanged', (history) => {
  if (state !== null) change({ contents: { ...state.contents, history } });
});
channel.on('runningChanged', (running) => {
  if (state !== null) change({ contents: { ...state.contents, running } });
});
onThemeChange(() => {
  themeVersion++;
  root.update();
});
root.update();
void load();
