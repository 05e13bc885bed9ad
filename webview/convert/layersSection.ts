/**
 * Layers kept in a higher precision: the plan's rules, and a table of all nodes to choose from. A model may have thousands
 * of nodes, so only the rows in view are drawn.
 */
import { html, nothing, type TemplateResult } from 'lit-html';
import { countText } from '../../extension/contract/quantities';
import { failedRequest } from '../common/errorBox';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { lastOf } from '../common/lastOf';
import { nativeSelect } from '../common/nativeSelect';
import { button, progressRing, textField } from '../common/toolkit';
import { windowedTable } from '../common/windowedTable';
import type { ConvertActions, ConvertState } from './convertState';
import { fieldSpec, pointerOf } from './fieldSpec';
import { keptAs, nodeRows, searchRows, type NodeRow } from './nodeRows';
import { fieldMessage, messageOf } from './planControls';
import { keepNode, setValue, textAt, typeInto } from './planForm';
import { section } from './section';

function ruleRow(state: ConvertState, actions: ConvertActions, index: number): TemplateResult {
  const match = pointerOf('keep', index, 'match');
  const precision = pointerOf('keep', index, 'precision');
  const rule = state.form.plan.keep[index];
  const message = messageOf(state, match) ?? messageOf(state, pointerOf('keep', index)) ?? messageOf(state, precision);
  return html`<li class="rule">
    ${textField({
      label: t('Layers of rule {0}', index + 1),
      labelHidden: true,
      field: match,
      value: textAt(state.form, match),
      placeholder: t('A node, a pattern (*/attn/*), or OP:Softmax'),
      invalid: message?.severity === 'error',
      description: message?.text ?? '',
      onInput: (text) => actions.edit((form) => typeInto(form, match, text)),
    })}
    ${nativeSelect({
      label: t('Precision of rule {0}', index + 1),
      field: precision,
      value: rule?.precision ?? '',
      choices: fieldSpec('/keep/*/precision').choices.map((value) => ({ value, label: value.toUpperCase() })),
      onChange: (value) => actions.edit((form) => setValue(form, precision, value)),
    })}
    ${button({
      kind: 'icon',
      action: 'removeRule',
      icon: icons.remove,
      label: t('Remove rule {0}', index + 1),
      onClick: () =>
        actions.edit((form) =>
          setValue(
            form,
            '/keep',
            form.plan.keep.filter((_, at) => at !== index),
          ),
        ),
    })}
    ${fieldMessage(message)}
  </li>`;
}

function rules(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { keep } = state.form.plan;
  return html`<ul class="rules">
      ${keep.map((_, index) => ruleRow(state, actions, index))}
    </ul>
    ${button({
      label: t('Add a Rule'),
      action: 'addRule',
      icon: icons.add,
      onClick: () =>
        actions.edit((form) =>
          setValue(form, '/keep', [...form.plan.keep, { match: 'OP:Softmax', precision: 'fp32' }]),
        ),
    })}`;
}

function nodeRow(row: NodeRow, rowIndex: number, state: ConvertState, actions: ConvertActions): TemplateResult {
  const reasons = row.choices.map(
    ({ variant, precision, reason }) => `${variant.toUpperCase()}: ${precision}, ${reason}`,
  );
  return html`<tr aria-rowindex=${rowIndex} title=${[row.node, ...reasons].join('\n')}>
    <th scope="row" class="mono ellipsis">${row.node}</th>
    <td class="ellipsis">${row.opType}</td>
    <td class="ellipsis">
      ${row.choices.map(
        ({ variant, precision, reason }) =>
          html`<span class="node-choice"
            ><span class="swatch ${precision}"></span>${precision}<span class="sr">
              ${t('in {0}: {1}', variant, reason)}</span
            ></span
          >`,
      )}
    </td>
    <td>
      ${nativeSelect({
        label: t('Keep {0} in', row.node),
        field: '/keep',
        key: row.node,
        value: keptAs(state.form.plan.keep, row.node),
        choices: [
          { value: '', label: t('by the rules') },
          ...fieldSpec('/keep/*/precision').choices.map((value) => ({ value, label: value.toUpperCase() })),
        ],
        onChange: (value) => actions.edit((form) => keepNode(form, row.node, value === '' ? null : value)),
      })}
    </td>
  </tr>`;
}

function table(rows: readonly NodeRow[], state: ConvertState, actions: ConvertActions): TemplateResult {
  return windowedTable({
    label: t('Nodes of the model'),
    head: html`<th scope="col">${t('Node')}</th>
      <th scope="col">${t('Operator')}</th>
      <th scope="col">${t('Runs in')}</th>
      <th scope="col" class="keep">${t('Keep in')}</th>`,
    columns: 4,
    rows,
    row: (row, rowIndex) => nodeRow(row, rowIndex, state, actions),
    top: state.layerScroll,
    onScroll: actions.scrollLayers,
  });
}

// The page is drawn again many times a second while a run goes on.
const rowsOf = lastOf(nodeRows);
const foundIn = lastOf(searchRows);

function nodes(state: ConvertState, actions: ConvertActions): TemplateResult | typeof nothing {
  switch (state.nodes?.state) {
    case undefined:
      return nothing;
    case 'loading':
      return html`<p class="loading">${progressRing(t('Looking at every node'))}${t('Looking at every node…')}</p>`;
    case 'failed':
      return failedRequest(state.nodes.error, actions.reloadNodes);
    case 'ready': {
      const all = rowsOf(state.nodes.value);
      const found = foundIn(all, state.view.layerSearch);
      return html`<p class="quiet small" aria-live="polite">
          ${found.length === all.length ? t('{0} nodes', countText(all.length)) : t('{0} of {1} nodes', countText(found.length), countText(all.length))}
        </p>
        ${found.length === 0 ? html`<p class="quiet">${t('No node fits the search.')}</p>` : table(found, state, actions)}`;
    }
  }
}

export function layersSection(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { keep } = state.form.plan;
  return section(state, actions, {
    id: 'layers',
    title: t('Layers kept in higher precision'),
    summary: keep.length === 0 ? t('chosen by the rules of each precision') : t('{0} rules of your own', keep.length),
    body: () =>
      html`${rules(state, actions)}${fieldMessage(messageOf(state, '/keep'))}
        <h3>${t('All nodes')}</h3>
        ${textField({
          label: t('Search nodes, operators, reasons'),
          labelHidden: true,
          field: 'layerSearch',
          value: state.view.layerSearch,
          placeholder: t('Search nodes, operators, reasons'),
          onInput: actions.searchLayers,
        })}
        ${nodes(state, actions)}`,
  });
}
