/**
 * The first of a list, and a button for the rest: a language model with its caches has hundreds of inputs and outputs, and a
 * form of all of them is neither read nor drawn quickly.
 */
import { html, nothing, type TemplateResult } from 'lit-html';
import { t } from '../common/l10n';
import { button } from '../common/toolkit';
import type { ConvertActions, ConvertState } from './convertState';

const limit = 16;

export interface LimitedList<T> {
  readonly shown: readonly T[];
  /** Shows the rest; nothing when all is shown. */
  readonly more: TemplateResult | typeof nothing;
}

/** @param id tells the list from others that may be shown in full */
export function limitedList<T>(
  list: readonly T[],
  id: string,
  state: ConvertState,
  actions: ConvertActions,
): LimitedList<T> {
  if (list.length <= limit || state.inFull.includes(id)) return { shown: list, more: nothing };
  const more = button({
    label: t('Show All {0}', list.length),
    action: 'showAll',
    onClick: () => actions.showInFull(id),
  });
  return { shown: list.slice(0, limit), more: html`<p>${more}</p>` };
}
