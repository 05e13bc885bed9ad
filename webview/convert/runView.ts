/** A conversion: its timeline while it runs, its result or its failure afterwards. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { RunState, RunStatus, RunStep } from '../../extension/contract/panels/runState';
import type { Stage } from '../../extension/contract/progress';
import { percentText } from '../../extension/contract/quantities';
import { errorBox } from '../common/errorBox';
import { icons } from '../common/icons';
import { locale, t } from '../common/l10n';
import { button } from '../common/toolkit';
import type { ConvertActions } from './convertState';
import { durationText } from './durationText';

export function stageName(stage: Stage): string {
  const names: Record<Stage, () => string> = {
    model: () => t('Reading the model'),
    plan: () => t('Preparing'),
    calibrate: () => t('Calibrating'),
    build: () => t('Building engines'),
    measure: () => t('Measuring latency'),
    compare: () => t('Comparing accuracy'),
    report: () => t('Writing the report'),
  };
  return names[stage]();
}

export function statusName(status: RunStatus): string {
  const names: Record<RunStatus, () => string> = {
    queued: () => t('Waiting'),
    running: () => t('Running'),
    done: () => t('Done'),
    'gate-failed': () => t('Done, a gate did not hold'),
    failed: () => t('Failed'),
    cancelled: () => t('Cancelled'),
  };
  return names[status]();
}

export const isActive = ({ status }: RunState): boolean => status === 'queued' || status === 'running';

function stepTime(step: RunStep, now: number): string {
  if (step.endedAt !== null) return durationText(step.endedAt - step.startedAt);
  if (step.etaSeconds !== null) return t('{0} left', durationText(1000 * step.etaSeconds));
  return durationText(now - step.startedAt);
}

function stepIcon(state: RunStep['state']): TemplateResult {
  switch (state) {
    case 'running':
      return html`<span class="dot running"></span>`;
    case 'done':
      return html`<span class="dot done">${icons.check}</span>`;
    case 'failed':
      return html`<span class="dot failed">${icons.error}</span>`;
    case 'cancelled':
      return html`<span class="dot cancelled">${icons.stop}</span>`;
  }
}

function stepTitle({ stage, variant }: RunStep): string {
  return variant === null ? stageName(stage) : `${stageName(stage)}: ${variant}`;
}

function stepRow(step: RunStep, now: number): TemplateResult {
  const isRunning = step.state === 'running';
  return html`<li class="run-step ${step.state}" data-stage=${step.stage} data-variant=${step.variant ?? nothing}>
    ${stepIcon(step.state)}
    <div class="run-step-body">
      <p class="run-step-line"><span>${stepTitle(step)}</span><span class="quiet">${stepTime(step, now)}</span></p>
      ${
        isRunning
          ? html`<progress
                max="1"
                .value=${step.fraction ?? 0}
                class=${step.fraction === null ? 'unknown' : ''}
                aria-label=${stepTitle(step)}
              ></progress>
              <p class="small quiet">${step.message}</p>`
          : nothing
      }
    </div>
  </li>`;
}

/** What a screen reader hears: the step, not every percent of it. */
function announcement(run: RunState): string {
  const step = run.steps.filter(({ state }) => state === 'running').at(-1);
  if (run.status === 'running' && step !== undefined) return stepTitle(step);
  return run.summary === null ? statusName(run.status) : `${statusName(run.status)}. ${run.summary}`;
}

function outcome(run: RunState, actions: ConvertActions): TemplateResult | typeof nothing {
  if (run.failure !== null) {
    const { failure } = run;
    return errorBox(failure, failure.actions, (action) => actions.act(action, run.id));
  }
  if (run.reportPath === null) return nothing;
  return html`${run.summary === null ? nothing : html`<p class="run-summary">${run.summary}</p>`}
    ${run.gates.map((gate) => html`<p class="message warning">${icons.warning}<span>${gate}</span></p>`)}
    <div class="buttons">
      ${button({ label: t('Compare'), action: 'showComparison', kind: 'primary', icon: icons.chart, onClick: () => actions.showComparison(run.id) })}
      ${button({ label: t('Open Report'), action: 'showReport', icon: icons.external, onClick: () => actions.showReport(run.id) })}
    </div>`;
}

function log(run: RunState): TemplateResult | typeof nothing {
  if (run.log.length === 0) return nothing;
  return html`<details class="log">
    <summary>${t('Log')}</summary>
    <pre tabindex="0" aria-label=${t('Log')}>${run.log.join('\n')}</pre>
  </details>`;
}

function when(run: RunState, now: number): string {
  const started = run.startedAt ?? run.queuedAt;
  if (run.status === 'queued') return t('{0} in front', run.position);
  if (run.endedAt === null) return durationText(now - started);
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short' }).format(run.endedAt);
  return t('{0}, took {1}', time, durationText(run.endedAt - started));
}

/** How far along a run is, in a line: for the bar that stays in view. */
export function runLine(run: RunState): string {
  if (run.status === 'queued') return t('Waiting, {0} in front', run.position);
  const step = run.steps.filter(({ state }) => state === 'running').at(-1);
  if (step === undefined) return statusName(run.status);
  return step.fraction === null ? stepTitle(step) : `${stepTitle(step)} ${percentText(step.fraction, 0)}`;
}

/** In view while it runs, folded away afterwards. */
function timeline(run: RunState, now: number): TemplateResult | typeof nothing {
  if (run.steps.length === 0) return nothing;
  const steps = html`<ol class="run-steps">
    ${run.steps.map((step) => stepRow(step, now))}
  </ol>`;
  if (isActive(run)) return steps;
  return html`<details class="timeline">
    <summary>${t('Timeline')}</summary>
    ${steps}
  </details>`;
}

export function runView(run: RunState, actions: ConvertActions, now: number): TemplateResult {
  return html`<article class="run ${run.status}" data-run=${run.id} aria-label=${statusName(run.status)}>
    <header class="run-head">
      <h3>${statusName(run.status)}</h3>
      <span class="quiet small">${when(run, now)}</span>
      <span class="grow"></span>
      ${isActive(run) ? button({ label: t('Cancel'), action: 'cancel', icon: icons.stop, onClick: () => actions.cancel(run.id) }) : nothing}
    </header>
    <p class="sr" aria-live="polite">${announcement(run)}</p>
    ${timeline(run, now)} ${outcome(run, actions)} ${log(run)}
  </article>`;
}
