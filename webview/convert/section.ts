/** A part of the form that folds away; while it is closed, its line says what it holds. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { ConvertActions, ConvertState, SectionId } from './convertState';

export interface SectionOptions {
  readonly id: SectionId;
  readonly title: string;
  readonly summary: string;
  readonly body: () => unknown;
}

export function section(state: ConvertState, actions: ConvertActions, options: SectionOptions): TemplateResult {
  const { id, title, summary, body } = options;
  const open = state.view.open.includes(id);
  return html`<details
    class="section"
    id=${`section-${id}`}
    .open=${open}
    @toggle=${(event: Event) => actions.toggleSection(id, (event.target as HTMLDetailsElement).open)}
  >
    <summary>
      <h2>${title}</h2>
      <span class="summary-line">${summary}</span>
    </summary>
    <div class="section-body">${open ? body() : nothing}</div>
  </details>`;
}
