/**
 * How long a panel takes from the click, measured inside the window: a test that waits looks every now and then, and reports
 * its own pace with the panel's.
 */
import type { Frame } from 'playwright-core';
import type { WorkbenchWindow } from './workbenchWindow';

/** Milliseconds after the mouse button was released over the menu's item. */
export interface PanelTimes {
  /** The panel's tab is there. */
  readonly tab: number;
  /** The frame that the workbench makes for the page has begun to load: before it, nothing is the extension's to show. */
  readonly frame: number;
  /** The page's first text or picture is seen. */
  readonly painted: number;
  /** The page's contents are drawn (the mark `ready`) and seen; the same as `painted` where a page sets no mark. */
  readonly ready: number;
}

export interface PanelRequest {
  readonly row: string;
  readonly item: string;
  /** Part of the tab's title. */
  readonly tab: string;
  /** Something that only the page has. */
  readonly page: string;
}

/** Longer than a page takes in a window that has shown one before. */
const quietMs = 1500;

interface Clock {
  click: number;
  tab: number;
}

export async function panelTimes(window: WorkbenchWindow, request: PanelRequest): Promise<PanelTimes> {
  const { page } = window;
  await window.contextMenu(window.explorerRow(request.row), request.item);
  await page.evaluate(watch, request.tab);
  await window.chooseMenuItem(request.item);
  // Who looks into a page puts a script of its own there, which the page would be measured with.
  await page.waitForTimeout(quietMs);
  const frame = await window.webview(request.page);
  await page.waitForTimeout(300);
  const { click, tab } = await page.evaluate(() => (globalThis as unknown as { clock: Clock }).clock);
  const inside = await timesInside(frame);
  return {
    tab: Math.round(tab - click),
    frame: Math.round(inside.begun - click),
    painted: Math.round(inside.painted - click),
    ready: Math.round(inside.ready - click),
  };
}

/** Runs in the window: notes when the mouse was released and when the tab appeared. */
function watch(title: string): void {
  const here = globalThis as unknown as WindowParts;
  const clock = { click: 0, tab: 0 };
  here.clock = clock;
  const now = () => here.performance.timeOrigin + here.performance.now();
  const { document } = here;
  document.addEventListener('mouseup', () => (clock.click = now()), { capture: true, once: true });
  new here.MutationObserver((_, observer) => {
    const tabs = [...document.querySelectorAll('.tabs-container .tab')];
    if (!tabs.some(({ textContent }) => textContent.includes(title))) return;
    clock.tab = now();
    observer.disconnect();
  }).observe(document.body, { childList: true, subtree: true });
}

async function timesInside(frame: Frame): Promise<{ begun: number; painted: number; ready: number }> {
  return frame.evaluate(() => {
    const { performance } = globalThis;
    const [painted] = performance.getEntriesByName('first-contentful-paint');
    const [ready] = performance.getEntriesByName('ready');
    const begun = performance.timeOrigin;
    const paintedAt = begun + (painted?.startTime ?? NaN);
    return { begun, painted: paintedAt, ready: Math.max(paintedAt, begun + (ready?.startTime ?? 0)) };
  });
}

/** Of the window; its types are not known here. */
interface WindowParts {
  clock: Clock;
  readonly performance: { readonly timeOrigin: number; now(): number };
  readonly document: {
    readonly body: unknown;
    addEventListener(type: string, listener: () => void, options: object): void;
    querySelectorAll(selector: string): Iterable<{ readonly textContent: string }>;
  };
  readonly MutationObserver: new (listener: (changes: unknown, observer: { disconnect(): void }) => void) => {
    observe(target: unknown, options: object): void;
  };
}
