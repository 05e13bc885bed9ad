/** The model card: what was opened. */
import { html, type TemplateResult } from 'lit-html';
import type { ModelContents } from '../../extension/contract/panels/convertPanel';
import { bytesText, countText } from '../../extension/contract/quantities';
import type { ModelCard } from '../../extension/contract/report';
import { failedRequest } from '../common/errorBox';
import { t } from '../common/l10n';
import { progressRing } from '../common/toolkit';
import type { ConvertActions, ConvertState } from './convertState';
import { limitedList } from './limitedList';
import { summaryLine } from './planControls';
import { shapeText } from './planForm';
import { section } from './section';

const shownOperators = 12;

type Value = ModelCard['inputs'][number];

function valueRow({ name, dtype, shape }: Value, direction: string): TemplateResult {
  return html`<tr>
    <th scope="row" class="mono">${name}</th>
    <td>${direction}</td>
    <td>${dtype}</td>
    <td class="mono">${shape === null ? t('unknown rank') : shapeText(shape)}</td>
  </tr>`;
}

function operatorList(operators: ModelContents['operators']): TemplateResult {
  const sorted = Object.entries(operators).sort(([, a], [, b]) => b - a);
  const rest = sorted.slice(shownOperators);
  const restCount = rest.reduce((sum, [, count]) => sum + count, 0);
  return html`<ul class="chips" aria-label=${t('Operators')}>
    ${sorted
      .slice(0, shownOperators)
      .map(([type, count]) => html`<li class="chip">${type} <span class="quiet">${countText(count)}</span></li>`)}
    ${rest.length === 0 ? '' : html`<li class="chip quiet">${t('{0} more types, {1} nodes', rest.length, countText(restCount))}</li>`}
  </ul>`;
}

function card({ card, operators }: ModelContents, state: ConvertState, actions: ConvertActions): TemplateResult {
  const values = [
    ...card.inputs.map((value) => ({ value, direction: t('input') })),
    ...card.outputs.map((value) => ({ value, direction: t('output') })),
  ];
  const { shown, more } = limitedList(values, 'values', state, actions);
  return html`<dl class="facts">
      <div>
        <dt>${t('Size')}</dt>
        <dd>${bytesText(card.bytes)}</dd>
      </div>
      <div>
        <dt>${t('Parameters')}</dt>
        <dd>${countText(card.parameters)}</dd>
      </div>
      <div>
        <dt>${t('Nodes')}</dt>
        <dd>${countText(card.nodes)}</dd>
      </div>
      <div>
        <dt>${t('Opset')}</dt>
        <dd>${card.opset}</dd>
      </div>
      <div>
        <dt>${t('IR version')}</dt>
        <dd>${card.irVersion}</dd>
      </div>
    </dl>
    <div class="scroll-x" role="group" tabindex="0" aria-label=${t('Inputs and outputs')}>
      <table>
        <thead>
          <tr>
            <th scope="col">${t('Tensor')}</th>
            <th scope="col">${t('Direction')}</th>
            <th scope="col">${t('Type')}</th>
            <th scope="col">${t('Shape')}</th>
          </tr>
        </thead>
        <tbody>
          ${shown.map(({ value, direction }) => valueRow(value, direction))}
        </tbody>
      </table>
    </div>
    ${more} ${operatorList(operators)}`;
}

export function modelSection(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { model } = state;
  const summary =
    model.state === 'ready'
      ? summaryLine([
          bytesText(model.value.card.bytes),
          t('{0} nodes', countText(model.value.card.nodes)),
          t('opset {0}', model.value.card.opset),
        ])
      : '';
  return section(state, actions, {
    id: 'model',
    title: t('Model'),
    summary,
    body: () => {
      switch (model.state) {
        case 'loading':
          return html`<p class="loading">${progressRing(t('Reading the model'))}${t('Reading the model…')}</p>`;
        case 'failed':
          return failedRequest(model.error, actions.reloadModel);
        case 'ready':
          return card(model.value, state, actions);
      }
    },
  });
}
