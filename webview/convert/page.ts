/** Entry of the convert page: connects to the host, restores what the user had open, draws. */
import type {
  ConvertHostSide,
  ConvertPageSide,
  ConvertPanelContents,
  ConvertPanelMemory,
} from '../../extension/contract/panels/convertPanel';
import { CodedError } from '../../extension/contract/errors';
import { html } from 'lit-html';
import { failedRequest } from '../common/errorBox';
import { connectToHost } from '../common/hostChannel';
import { bootstrap } from '../common/bootstrap';
import { t } from '../common/l10n';
import { pageRoot } from '../common/pageRoot';
import { progressRing, registerToolkit } from '../common/toolkit';
import { savedState, saveState } from '../common/vscodeApi';
import { ConvertPage } from './convertPage';
import { foldIds, initialView, sectionIds, type ConvertView } from './convertState';
import { convertView } from './convertView';
import { isActive } from './runView';

registerToolkit();

const channel = connectToHost<ConvertPageSide, ConvertHostSide>();
let page: ConvertPage | null = null;
let failure: CodedError | null = null;

const root = pageRoot(
  () => {
    if (failure !== null) return failedRequest(failure, () => void load());
    if (page === null) return html`<p class="loading page-loading">${progressRing(t('Opening'))}</p>`;
    return convertView(page.state, page.actions, Date.now());
  },
  () => page?.state.isWhole === true || failure !== null,
);

function restoredView(): ConvertView {
  const view = (savedState() as Partial<ConvertPanelMemory> | null)?.view as Partial<ConvertView> | null | undefined;
  const known: ConvertView['open'] = [...sectionIds, ...foldIds];
  const open = view?.open?.filter((id) => known.includes(id));
  return {
    open: open ?? initialView.open,
    layerSearch: typeof view?.layerSearch === 'string' ? view.layerSearch : initialView.layerSearch,
    scroll: typeof view?.scroll === 'number' ? view.scroll : 0,
  };
}

function show(contents: ConvertPanelContents): void {
  const view = restoredView();
  page = new ConvertPage(channel, contents, view, root.update, (memory) => saveState({ ...memory }));
  afterNextPaint(() => {
    window.scrollTo(0, view.scroll);
    page?.begin();
  });
}

async function load(): Promise<void> {
  failure = null;
  try {
    show(await channel.request('load', {}));
  } catch (error) {
    failure = CodedError.from(error);
  }
  root.update();
}

/** A hidden page gets no animation frames. */
function afterNextPaint(work: () => void): void {
  if (document.hidden) setTimeout(work, 50);
  else requestAnimationFrame(() => requestAnimationFrame(work));
}

let scrollTimer: ReturnType<typeof setTimeout> | undefined;
window.addEventListener('scroll', () => {
  clearTimeout(scrollTimer);
  scrollTimer = setTimeout(() => page?.rememberScroll(window.scrollY), 200);
});

// Clocks of what runs.
setInterval(() => {
  if (page?.state.runs.some(isActive) === true) root.update();
}, 1000);

// A page that kept something is shown again: what it was made with may be old.
if (savedState() === null && bootstrap.contents != null) show(bootstrap.contents as ConvertPanelContents);
else void load();
root.draw();
