/** Runs of the past, newest first: shown again, set beside the one shown, or forgotten. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { HistoryEntry } from '../../extension/contract/panels/comparisonView';
import { dateText } from '../common/dateText';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { button } from '../common/toolkit';
import type { ComparisonActions, ComparisonState } from './comparisonState';
import { fold } from './fold';

function fileNote({ available, files }: HistoryEntry): string | null {
  if (!available) return t('cannot be read any more');
  if (files === 'replaced') return t('files replaced by a later run');
  return files === 'gone' ? t('files are gone') : null;
}

function entryRow(entry: HistoryEntry, state: ComparisonState, actions: ComparisonActions): TemplateResult {
  const { id, model, createdAt, path, precisions, recommended, available } = entry;
  const shown = state.contents.shown?.id ?? null;
  const beside = state.contents.beside?.id ?? null;
  const note = fileNote(entry);
  const when = dateText(createdAt);
  return html`<li class="entry ${id === shown ? 'current' : ''}" data-entry=${id} title=${path}>
    <div class="entry-text">
      <button
        type="button"
        class="link entry-name"
        data-action="show"
        aria-current=${id === shown ? 'true' : 'false'}
        ?disabled=${!available}
        @click=${() => actions.show(id, null)}
      >
        ${model}
      </button>
      <span class="quiet small">${when}</span>
      <span class="small"
        >${precisions.join(', ')}${recommended === null ? nothing : html` · ${t('use {0}', recommended.toUpperCase())}`}</span
      >
      ${note === null ? nothing : html`<span class="small warn-text">${note}</span>`}
    </div>
    ${
      shown === null || id === shown || !available
        ? nothing
        : id === beside
          ? button({
              label: t('Stop Comparing'),
              spoken: t('Stop comparing with {0}, {1}', model, when),
              action: 'endBeside',
              onClick: () => actions.show(shown, null),
            })
          : button({
              label: t('Compare'),
              spoken: t('Compare with {0}, {1}', model, when),
              action: 'beside',
              onClick: () => actions.show(shown, id),
            })
    }
    ${button({ kind: 'icon', action: 'forget', icon: icons.remove, label: t('Forget {0}, {1}', model, when), onClick: () => actions.forget(id) })}
  </li>`;
}

export function historySection(state: ComparisonState, actions: ComparisonActions): TemplateResult | typeof nothing {
  const { history, place } = state.contents;
  if (history.length === 0 || place === 'editor') return nothing;
  return fold(state, actions, {
    id: 'history',
    title: html`${t('History')} <span class="count">${history.length}</span>`,
    body: () =>
      html`<ul class="history">
        ${history.map((entry) => entryRow(entry, state, actions))}
      </ul>`,
  });
}
