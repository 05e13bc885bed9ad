/** The data that every precision is judged on, and the gates that it has to pass. */
import { html, type TemplateResult } from 'lit-html';
import { decibelsText, percentText } from '../../extension/contract/quantities';
import { t } from '../common/l10n';
import type { ConvertActions, ConvertState } from './convertState';
import { planText, summaryLine } from './planControls';
import { previewView } from './previewView';
import { section } from './section';

function gatesSummary(state: ConvertState): string {
  const { maxTop1Drop, minSqnrDb, minAgreement } = state.form.plan.gates;
  const gates = [
    maxTop1Drop === null ? null : t('drop ≤ {0}', percentText(maxTop1Drop)),
    minSqnrDb === null ? null : `SQNR ≥ ${decibelsText(minSqnrDb)}`,
    minAgreement === null ? null : t('agreement ≥ {0}', percentText(minAgreement)),
  ].filter((gate) => gate !== null);
  return gates.length === 0 ? t('no gates') : gates.join(', ');
}

export function evaluationSection(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { evaluation } = state.form.plan;
  return section(state, actions, {
    id: 'evaluation',
    title: t('Evaluation and gates'),
    summary: summaryLine([evaluation.data ?? t('calibration data not calibrated on'), gatesSummary(state)]),
    body: () =>
      html`<div class="fields">
          ${planText(state, actions, '/evaluation/data', {
            label: t('Evaluation data'),
            placeholder: t('what is left of the calibration data'),
            browse: ['evaluationData', 'evaluationDataFolder'],
            wide: true,
          })}
          ${planText(state, actions, '/evaluation/labels', {
            label: t('Labels of the evaluation data'),
            placeholder: t('from the data'),
            browse: ['evaluationLabels'],
            wide: true,
          })}
          ${planText(state, actions, '/evaluation/samples', { label: t('Evaluation samples, at most'), placeholder: t('all') })}
        </div>
        ${previewView(state, actions, 'evaluation')}
        <h3>${t('Gates')}</h3>
        <p class="help">
          ${t('A precision below a gate is never recommended; on the command line the run then ends with exit code 3.')}
        </p>
        <div class="fields">
          ${planText(state, actions, '/gates/maxTop1Drop', { label: t('Largest drop of the task metric'), help: t('As a share: 0.005 is half a point.'), placeholder: t('no gate') })}
          ${planText(state, actions, '/gates/minAgreement', { label: t('Smallest agreement with FP32'), help: t('As a share, 0 to 1.'), placeholder: t('no gate') })}
          ${planText(state, actions, '/gates/minSqnrDb', { label: t('Smallest SQNR of an output, dB'), placeholder: t('no gate') })}
        </div>`,
  });
}
