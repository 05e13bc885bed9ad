/** Beside the form: what is wrong with the plan, the command line that does the same, and the runs. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { PlanProblem } from '../../extension/contract/panels/convertPanel';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { button } from '../common/toolkit';
import type { ConvertActions, ConvertState } from './convertState';
import { pointerKeys } from './fieldSpec';
import { runView } from './runView';

const severityIcons = { error: icons.error, warning: icons.warning, info: icons.info } as const;

function severityName(severity: PlanProblem['severity']): string {
  const names = { error: t('Error'), warning: t('Warning'), info: t('Note') };
  return names[severity];
}

function problemRow(problem: PlanProblem, actions: ConvertActions): TemplateResult {
  const { severity, reason, fix, pointer } = problem;
  return html`<li class="problem ${severity}" data-code=${problem.code}>
    ${severityIcons[severity]}
    <div>
      <p><span class="sr">${severityName(severity)}: </span>${reason}</p>
      <p class="quiet">${fix}</p>
      <div class="buttons">
        ${problem.actions.map(({ action, label }) => button({ label, action, onClick: () => actions.act(action, null) }))}
        ${
          pointer === ''
            ? nothing
            : html`<button type="button" class="link" data-action="goTo" @click=${() => actions.goTo(pointer)}>
                ${t('Show')}
              </button>`
        }
      </div>
    </div>
  </li>`;
}

/** As in the plan's file: `calibration.batchSize`. */
function fieldName(pointer: string): string {
  return pointerKeys(pointer).join('.');
}

function problems(state: ConvertState, actions: ConvertActions): TemplateResult | typeof nothing {
  const drafts = Object.entries(state.form.drafts).filter(([, { message }]) => message !== '');
  const found = state.check?.problems ?? [];
  if (found.length === 0 && drafts.length === 0) return nothing;
  return html`<section class="card" aria-labelledby="problems-title">
    <h2 id="problems-title">${t('Before you convert')}</h2>
    <ul class="problems">
      ${drafts.map(
        ([pointer, { message }]) =>
          html`<li class="problem error">
            ${icons.error}
            <div>
              <p><span class="sr">${t('Error')}: </span><span class="mono">${fieldName(pointer)}</span> ${message}</p>
              <div class="buttons">
                <button type="button" class="link" data-action="goTo" @click=${() => actions.goTo(pointer)}>
                  ${t('Show')}
                </button>
              </div>
            </div>
          </li>`,
      )}
      ${found.map((problem) => problemRow(problem, actions))}
    </ul>
  </section>`;
}

/** Broken between words only: an option's two hyphens stay with its name. */
function commandWords(command: string): TemplateResult[] {
  return command.split(' ').map((word, index) => html`${index === 0 ? '' : ' '}<span class="word">${word}</span>`);
}

function commandLine(state: ConvertState, actions: ConvertActions): TemplateResult {
  return html`<section class="card" aria-labelledby="command-title">
    <div class="card-head">
      <h2 id="command-title">${t('Command line')}</h2>
      <span class="grow"></span>
      ${button({ kind: 'icon', action: 'copyCommand', icon: icons.copy, label: t('Copy the command line'), onClick: actions.copyCommand })}
    </div>
    <pre class="command" data-part="command" tabindex="0" aria-label=${t('Command line')}>
${commandWords(state.check?.command ?? '')}</pre>
    <dl class="files">
      <div>
        <dt>${t('Results')}</dt>
        <dd class="path">${state.out}</dd>
      </div>
      <div>
        <dt>${t('Plan')}</dt>
        <dd class="path">${state.planPath ?? t('not saved yet')}</dd>
      </div>
    </dl>
    <div class="buttons">
      ${button({ label: t('Save Plan As…'), action: 'savePlanAs', onClick: () => actions.savePlan(true) })}
    </div>
  </section>`;
}

function runs(state: ConvertState, actions: ConvertActions, now: number): TemplateResult {
  return html`<section class="card runs" id="runs" aria-labelledby="runs-title">
    <h2 id="runs-title">${t('Runs')}</h2>
    ${
      state.runs.length === 0
        ? html`<p class="quiet">
            ${t('Nothing was run yet. Press Convert: the defaults build each precision, measure it and compare it with FP32.')}
          </p>`
        : state.runs.map((run) => runView(run, actions, now))
    }
  </section>`;
}

export function sidePanel(state: ConvertState, actions: ConvertActions, now: number): TemplateResult {
  return html`<aside class="side" aria-label=${t('Check and runs')}>
    ${problems(state, actions)} ${commandLine(state, actions)} ${runs(state, actions, now)}
  </aside>`;
}
