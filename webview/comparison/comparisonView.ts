/** The whole comparison page, as a function of its state. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { ShownReport } from '../../extension/contract/panels/comparisonView';
import type { RunState } from '../../extension/contract/panels/runState';
import { fileName } from '../../extension/contract/reportQueries';
import { dateText } from '../common/dateText';
import { errorBox } from '../common/errorBox';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { button } from '../common/toolkit';
import { besideSection } from './besideSection';
import { chartsSection } from './chartsSection';
import type { ComparisonActions, ComparisonState, ExportFormat } from './comparisonState';
import { figuresOf, variantsOf, type Figure } from './figures';
import { fold } from './fold';
import { historySection } from './historySection';
import { tableSection } from './tableSection';
import { variantSections } from './variantSection';
import { verdictSection } from './verdictSection';

/** The figures of what is shown: the page draws them after its markup is in place. */
export function shownFigures({ contents: { shown, beside } }: ComparisonState): Figure[] {
  return shown === null ? [] : figuresOf(variantsOf(shown.report, beside?.report ?? null));
}

function runningLines(running: readonly RunState[]): TemplateResult | typeof nothing {
  const active = running.filter(({ status }) => status === 'running' || status === 'queued');
  if (active.length === 0) return nothing;
  return html`<ul class="running" aria-label=${t('Conversions under way')}>
    ${active.map((run) => {
      const step = run.steps.filter(({ state }) => state === 'running').at(-1);
      const text =
        step === undefined ? t('waiting') : step.variant === null ? step.message : `${step.variant}: ${step.message}`;
      return html`<li>
        <p><strong>${fileName(run.model)}</strong> <span class="quiet">${text}</span></p>
        <progress
          max="1"
          .value=${step?.fraction ?? 0}
          class=${step?.fraction == null ? 'unknown' : ''}
          aria-label=${t('Converting {0}', fileName(run.model))}
        ></progress>
      </li>`;
    })}
  </ul>`;
}

function welcome(actions: ComparisonActions): TemplateResult {
  return html`<section class="welcome">
    <div class="welcome-icon">${icons.chart}</div>
    <h1>${t('Compare precisions')}</h1>
    <p>
      ${t('Convert an ONNX model to see what each precision costs and buys against FP32: latency, accuracy with intervals, size, and a verdict.')}
    </p>
    <div class="buttons">
      ${button({ label: t('Convert a Model…'), action: 'startConversion', kind: 'primary', icon: icons.play, onClick: () => actions.startConversion(null) })}
      ${button({ label: t('Open the Walkthrough'), action: 'openWalkthrough', onClick: actions.openWalkthrough })}
    </div>
  </section>`;
}

function exports(state: ComparisonState, actions: ComparisonActions): TemplateResult {
  const formats: readonly [ExportFormat, string][] = [
    ['html', t('HTML')],
    ['csv', t('CSV')],
    ['md', t('Markdown')],
    ['png', t('Charts as PNG')],
  ];
  return fold(state, actions, {
    id: 'export',
    title: t('Export'),
    body: () =>
      html`<div class="buttons">
        ${formats.map(([format, label]) => button({ label, action: `export-${format}`, spoken: t('Export as {0}', label), onClick: () => actions.exportAs(format) }))}
      </div>`,
  });
}

function head({ id, report, path }: ShownReport, state: ComparisonState, actions: ComparisonActions): TemplateResult {
  return html`<header class="page-head" title=${path}>
    <div class="title">
      <h1>${fileName(report.model.path)}</h1>
      <p class="quiet small">${dateText(report.createdAt)} · ${report.host.gpu?.name ?? report.host.cpu}</p>
    </div>
    <div class="buttons">
      ${button({ label: t('Open Report'), action: 'openReport', kind: 'primary', icon: icons.external, onClick: () => actions.openReport('html') })}
      ${button({ label: t('Copy Command'), action: 'copyCommand', icon: icons.copy, onClick: actions.copyCommand })}
      ${button({ label: t('Convert Again…'), action: 'startConversion', icon: icons.refresh, onClick: () => actions.startConversion(id) })}
      ${state.contents.place === 'editor' ? button({ label: t('As JSON'), action: 'openJson', icon: icons.file, onClick: () => actions.openReport('json') }) : nothing}
    </div>
    ${exports(state, actions)}
  </header>`;
}

function contents(shown: ShownReport, state: ComparisonState, actions: ComparisonActions): TemplateResult {
  const { beside } = state.contents;
  const variants = variantsOf(shown.report, beside?.report ?? null);
  return html`${head(shown, state, actions)}
  ${beside === null ? verdictSection(shown.report, state, actions) : besideSection(shown, beside)}
  ${chartsSection(shownFigures(state), variants, state, actions)}
  ${beside === null ? html`${tableSection(shown.report)}${variantSections(shown, state, actions)}` : nothing}`;
}

export function comparisonView(state: ComparisonState, actions: ComparisonActions): TemplateResult {
  const { shown, running } = state.contents;
  return html`<p class="sr" aria-live="polite">${state.announcement}</p>
    ${runningLines(running)}
    ${state.refusal === null ? nothing : errorBox(state.refusal, [{ action: 'dismiss', label: t('Dismiss') }], actions.dismissRefusal)}
    ${shown === null ? welcome(actions) : contents(shown, state, actions)} ${historySection(state, actions)}`;
}
