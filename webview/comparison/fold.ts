/** A part of the page that folds away and stays as the user left it. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { ComparisonActions, ComparisonState } from './comparisonState';

export interface Fold {
  readonly id: string;
  readonly title: string | TemplateResult;
  readonly level?: 2 | 3;
  readonly onOpen?: () => void;
  readonly body: () => unknown;
}

export function fold(state: ComparisonState, actions: ComparisonActions, part: Fold): TemplateResult {
  const { id, title, level = 2, onOpen, body } = part;
  const open = state.view.open.includes(id);
  return html`<details
    class="fold"
    data-fold=${id}
    .open=${open}
    @toggle=${(event: Event) => {
      const now = (event.target as HTMLDetailsElement).open;
      actions.fold(id, now);
      if (now) onOpen?.();
    }}
  >
    <summary>${level === 2 ? html`<h2>${title}</h2>` : html`<h3>${title}</h3>`}</summary>
    <div class="fold-body">${open ? body() : nothing}</div>
  </details>`;
}
