/** The whole convert page, as a function of its state. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { errorBox } from '../common/errorBox';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { button } from '../common/toolkit';
import { bindingsSection } from './bindingsSection';
import { benchmarkSection, builderSection } from './builderSection';
import { calibrationSection } from './calibrationSection';
import type { ConvertActions, ConvertState } from './convertState';
import { evaluationSection } from './evaluationSection';
import { layersSection } from './layersSection';
import { modelSection } from './modelSection';
import { isComplete } from './planForm';
import { precisionSection } from './precisionSection';
import { preprocessSection } from './preprocessSection';
import { isActive, runLine } from './runView';
import { sidePanel } from './sidePanel';

/** Why Convert cannot be pressed, or null. What the host refuses on its own it says when it is pressed. */
export function convertRefusal(state: ConvertState): string | null {
  if (!state.trusted) return t('This workspace is in Restricted Mode: trust it to convert.');
  if (!isComplete(state.form)) return t('Correct the marked fields first.');
  const error = state.check?.problems.find(({ severity }) => severity === 'error');
  return error === undefined ? null : error.reason;
}

function activeRun(state: ConvertState): TemplateResult | typeof nothing {
  const run = state.runs.filter(isActive).at(-1);
  if (run === undefined) return nothing;
  return html`<a class="active-run" href="#runs">
    <span class="dot running"></span><span class="ellipsis">${runLine(run)}</span>
  </a>`;
}

function head(state: ConvertState, actions: ConvertActions): TemplateResult {
  const refusal = convertRefusal(state);
  return html`<header class="page-head">
    <h1>${state.contents.modelName}</h1>
    ${activeRun(state)}
    <div class="head-buttons">
      ${button({ label: t('Save Plan'), action: 'savePlan', icon: icons.save, onClick: () => actions.savePlan(false) })}
      ${button({
        label: t('Convert'),
        action: 'convert',
        kind: 'primary',
        icon: icons.play,
        disabled: refusal !== null,
        spoken: refusal === null ? t('Convert') : t('Convert: {0}', refusal),
        onClick: actions.start,
      })}
    </div>
  </header>`;
}

function notices(state: ConvertState, actions: ConvertActions): TemplateResult {
  return html`${
    state.trusted
      ? nothing
      : html`<div class="box warning" role="status">
          <div class="box-icon">${icons.warning}</div>
          <div class="box-body">
            <p>
              ${t('This workspace is in Restricted Mode. The form can be looked at; nothing is run and no data is opened.')}
            </p>
            <div class="buttons">
              ${button({ label: t('Manage Workspace Trust'), action: 'manageTrust', onClick: () => actions.act('manageTrust', null) })}
            </div>
          </div>
        </div>`
  }
  ${
    state.refusal === null
      ? nothing
      : errorBox(state.refusal, [{ action: 'dismiss', label: t('Dismiss') }], actions.dismissRefusal)
  }`;
}

export function convertView(state: ConvertState, actions: ConvertActions, now: number): TemplateResult {
  return html`${head(state, actions)}
    <p class="sr" aria-live="polite">${state.announcement}</p>
    ${notices(state, actions)}
    <div class="columns">
      <div class="form">
        ${modelSection(state, actions)} ${precisionSection(state, actions)} ${calibrationSection(state, actions)}
        ${preprocessSection(state, actions)} ${evaluationSection(state, actions)} ${bindingsSection(state, actions)}
        ${layersSection(state, actions)} ${builderSection(state, actions)} ${benchmarkSection(state, actions)}
      </div>
      ${sidePanel(state, actions, now)}
    </div>`;
}
