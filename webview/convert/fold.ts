/** What folds away inside a section. Like a section's, its contents are made once they are to be seen. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { ConvertActions, ConvertState, FoldId } from './convertState';

export interface FoldOptions {
  readonly id: FoldId;
  readonly title: string | TemplateResult;
  /** Opens by itself: the plan uses what is inside. */
  readonly isNeeded?: boolean;
  readonly body: () => TemplateResult;
}

export function fold(state: ConvertState, actions: ConvertActions, options: FoldOptions): TemplateResult {
  const { id, title, isNeeded = false, body } = options;
  const open = isNeeded || state.view.open.includes(id);
  return html`<details
    class="more"
    .open=${open}
    @toggle=${(event: Event) => actions.toggle(id, (event.target as HTMLDetailsElement).open)}
  >
    <summary>${title}</summary>
    ${open ? body() : nothing}
  </details>`;
}
