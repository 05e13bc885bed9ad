/**
 * The element that a page renders into, and when: state changes are gathered and drawn once a frame.
 *
 * `body[data-ready]` is set after the first drawing of loaded contents; tests and screenshots wait for it.
 */
import { render, type TemplateResult } from 'lit-html';

export interface PageRoot {
  /** Draws again soon. */
  readonly update: () => void;
  /** Draws now: what the page has when its script runs is seen with the page itself. */
  readonly draw: () => void;
}

function mainElement(): HTMLElement {
  const existing = document.getElementById('app');
  if (existing !== null) return existing;
  const main = document.createElement('main');
  main.id = 'app';
  document.body.append(main);
  return main;
}

/**
 * @param view what the page looks like now
 * @param isReady contents are there, be they an error
 * @param afterRender what needs the elements in place (charts, focus)
 */
export function pageRoot(
  view: () => TemplateResult,
  isReady: () => boolean,
  afterRender: () => void = () => {},
): PageRoot {
  const main = mainElement();
  let isScheduled = false;
  const draw = (): void => {
    isScheduled = false;
    render(view(), main);
    afterRender();
    if (!isReady() || document.body.dataset['ready'] === 'true') return;
    document.body.dataset['ready'] = 'true';
    performance.mark('ready');
  };
  return {
    draw,
    update: () => {
      if (isScheduled) return;
      isScheduled = true;
      // A hidden page gets no animation frames, and is to be up to date when it is shown.
      if (document.hidden) setTimeout(draw);
      else requestAnimationFrame(draw);
    },
  };
}
