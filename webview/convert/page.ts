/** Entry of the convert page: connects to the host, restores what the user had open, draws. */
import type {
  ConvertHostSide,
  ConvertPageSide,
  ConvertPanelMemory,
} from '../../extension/contract/panels/convertPanel';
import { CodedError } from '../../extension/contract/errors';
import { html } from 'lit-html';
import { failedRequest } from '../common/errorBox';
import { connectToHost } from '../common/hostChannel';
import { pageRoot } from '../common/pageRoot';
import { registerToolkit } from '../common/toolkit';
import { savedState, saveState } from '../common/vscodeApi';
import { ConvertPage } from './convertPage';
import { initialView, sectionIds, type ConvertView } from './convertState';
import { convertView } from './convertView';
import { isActive } from './runView';

registerToolkit();

const channel = connectToHost<ConvertPageSide, ConvertHostSide>();
let page: ConvertPage | null = null;
let failure: CodedError | null = null;

const root = pageRoot(
  () => {
    if (failure !== null) return failedRequest(failure, () => void load());
    // Never drawn: until the form is there, the heading that the host wrote stands.
    if (page === null) return html``;
    return convertView(page.state, page.actions, Date.now());
  },
  () => page !== null || failure !== null,
);

function restoredView(): ConvertView {
  const view = (savedState() as Partial<ConvertPanelMemory> | null)?.view as Partial<ConvertView> | null | undefined;
  const open = view?.open?.filter((id) => sectionIds.includes(id));
  return {
    open: open ?? initialView.open,
    layerSearch: typeof view?.layerSearch === 'string' ? view.layerSearch : initialView.layerSearch,
    scroll: typeof view?.scroll === 'number' ? view.scroll : 0,
  };
}

async function load(): Promise<void> {
  failure = null;
  const view = restoredView();
  try {
    const contents = await channel.request('load', {});
    page = new ConvertPage(channel, contents, view, root.update, (memory) => saveState({ ...memory }));
    afterNextPaint(() => {
      window.scrollTo(0, view.scroll);
      page?.begin();
    });
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

void load();
