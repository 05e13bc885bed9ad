/**
 * A part of the form that folds away; while it is closed, its line says what it holds.
 *
 * A control of the toolkit takes about a millisecond to make, and an open form has dozens: what a window does not show at
 * first comes with the second drawing.
 */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { ConvertActions, ConvertState, SectionId } from './convertState';

/** What stands at the top of the page and fills a window of usual height. */
const drawnFirst: readonly SectionId[] = ['model', 'precisions'];

export interface SectionOptions {
  readonly id: SectionId;
  readonly title: string;
  readonly summary: string;
  readonly body: () => unknown;
}

export function section(state: ConvertState, actions: ConvertActions, options: SectionOptions): TemplateResult {
  const { id, title, summary, body } = options;
  const open = state.view.open.includes(id);
  const hasBody = open && (state.isWhole || drawnFirst.includes(id));
  return html`<details
    class="section"
    id=${`section-${id}`}
    .open=${open}
    @toggle=${(event: Event) => actions.toggle(id, (event.target as HTMLDetailsElement).open)}
  >
    <summary>
      <h2>${title}</h2>
      <span class="summary-line">${summary}</span>
    </summary>
    <div class="section-body">${hasBody ? body() : nothing}</div>
  </details>`;
}
