/** A failure as a user can act on it: what, why, what to do, and buttons that do it. Announced when it appears. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { ErrorData } from '../../extension/contract/errors';
import { icons } from './icons';
import { t } from './l10n';
import { button } from './toolkit';

export interface ErrorButton<Action extends string> {
  readonly action: Action;
  readonly label: string;
}

function placeText({ place }: ErrorData): string {
  return [place?.file, place?.node, place?.field].filter((part) => part !== undefined).join(' · ');
}

/** @param buttons the most helpful first, drawn as the primary one */
export function errorBox<Action extends string = never>(
  error: ErrorData,
  buttons: readonly ErrorButton<Action>[] = [],
  onAction: (action: Action) => void = () => {},
): TemplateResult {
  const place = placeText(error);
  return html`<div class="box error" role="alert">
    <div class="box-icon">${icons.error}</div>
    <div class="box-body">
      <p>${error.reason}</p>
      <p class="fix">${error.fix}</p>
      <p class="quiet small">${error.code}${place === '' ? nothing : html` · <span class="path">${place}</span>`}</p>
      ${
        buttons.length === 0
          ? nothing
          : html`<div class="buttons">
              ${buttons.map(({ action, label }, index) =>
                button({ label, action, kind: index === 0 ? 'primary' : 'secondary', onClick: () => onAction(action) }),
              )}
            </div>`
      }
    </div>
  </div>`;
}

/** A request that failed, with a button that asks again. */
export function failedRequest(error: ErrorData, retry: () => void): TemplateResult {
  return errorBox(error, [{ action: 'retryRequest', label: t('Try Again') }], retry);
}
