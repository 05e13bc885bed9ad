/** Element types and sizes of the graph's inputs and outputs. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { Plan } from '../../extension/contract/plan';
import type { ModelCard } from '../../extension/contract/report';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { readyValue } from '../common/loaded';
import { button, dropdown, textField } from '../common/toolkit';
import type { ConvertActions, ConvertState } from './convertState';
import { fieldSpec, pointerOf } from './fieldSpec';
import { limitedList } from './limitedList';
import { fieldMessage, messageOf, summaryLine } from './planControls';
import {
  profileTexts,
  setBinding,
  setValue,
  shapeBounds,
  shapeText,
  typeFormats,
  typeProfile,
  type ProfileSet,
} from './planForm';
import { section } from './section';

type Value = ModelCard['inputs'][number];

const boundNames = () => ({ min: t('smallest'), opt: t('tuned for'), max: t('largest') });

function formatsField(state: ConvertState, actions: ConvertActions, { name }: Value): TemplateResult {
  const pointer = pointerOf('formats', name);
  const message = messageOf(state, pointer);
  return html`${textField({
    label: t('Memory layouts of {0}', name),
    labelHidden: true,
    field: pointer,
    value: state.form.drafts[pointer]?.text ?? state.form.plan.formats[name]?.join(', ') ?? '',
    placeholder: 'linear',
    invalid: message?.severity === 'error',
    description: message?.text ?? '',
    onInput: (text) => actions.edit((form) => typeFormats(form, name, text)),
  })}${fieldMessage(message)}`;
}

function bindingRow(state: ConvertState, actions: ConvertActions, value: Value, direction: string): TemplateResult {
  const pointer = pointerOf('bindings', value.name);
  const chosen = state.form.plan.bindings[value.name] ?? '';
  return html`<li class="binding">
    <div class="binding-name">
      <p><span class="mono">${value.name}</span> <span class="quiet">${direction}</span></p>
      <p class="quiet mono">${value.shape === null ? t('unknown rank') : shapeText(value.shape)}</p>
    </div>
    <div class="field">
      <span class="field-label">${t('Type of the binding')}</span>
      ${dropdown({
        label: t('Type of {0}', value.name),
        field: pointer,
        value: chosen,
        choices: [
          { value: '', label: t('{0} (as the model)', value.dtype) },
          ...fieldSpec('/bindings/*').choices.map((dtype) => ({ value: dtype, label: dtype })),
        ],
        onChange: (dtype) => actions.edit((form) => setBinding(form, value.name, dtype === '' ? null : dtype)),
      })}
      ${fieldMessage(messageOf(state, pointer))}
    </div>
    <div class="field">
      <span class="field-label">${t('Memory layouts')}</span>
      ${formatsField(state, actions, value)}
    </div>
  </li>`;
}

function profileRow(
  state: ConvertState,
  actions: ConvertActions,
  set: ProfileSet,
  { name, shape }: Value,
  count: number | null,
): TemplateResult {
  const texts = profileTexts(state.form, set, name);
  const pointer = `${set}${pointerOf(name)}`;
  return html`<fieldset class="shape">
    <legend><span class="mono">${name}</span> <span class="quiet mono">${shapeText(shape ?? undefined)}</span></legend>
    ${shapeBounds.map((bound) => {
      const message = messageOf(state, `${pointer}/${bound}`);
      return html`<div class="field">
        <span class="field-label">${bound} <span class="quiet">${boundNames()[bound]}</span></span>
        ${textField({
          label: `${name}, ${bound}`,
          labelHidden: true,
          field: `${pointer}/${bound}`,
          value: texts[bound],
          placeholder: set === '/shapes' ? t('from the data') : '',
          invalid: message?.severity === 'error',
          description: message?.text ?? '',
          onInput: (text) => actions.edit((form) => typeProfile(form, set, name, bound, text, count)),
        })}
        ${fieldMessage(message)}
      </div>`;
    })}
    ${fieldMessage(messageOf(state, pointer))}
  </fieldset>`;
}

function bindingList(state: ConvertState, actions: ConvertActions, { inputs, outputs }: ModelCard): TemplateResult {
  const values = [
    ...inputs.map((value) => ({ value, direction: t('input') })),
    ...outputs.map((value) => ({ value, direction: t('output') })),
  ];
  const { shown, more } = limitedList(values, 'bindings', state, actions);
  return html`<ul class="bindings" aria-label=${t('Inputs and outputs')}>
      ${shown.map(({ value, direction }) => bindingRow(state, actions, value, direction))}
    </ul>
    ${more}`;
}

/** Inputs with an open axis need a profile; the others may have one. */
const isOpen = ({ shape }: Value): boolean => shape === null || shape.some((size) => typeof size !== 'number');

const rankOf = ({ shape }: Value): number | null => shape?.length ?? null;

/** Integers of at most one axis may hold a shape; only the model's graph knows, and the builder says when it wants values. */
function mayHoldShape({ dtype, shape }: Value): boolean {
  return (dtype === 'int64' || dtype === 'int32') && shape !== null && shape.length <= 1;
}

function shapes(state: ConvertState, actions: ConvertActions, inputs: readonly Value[]): TemplateResult {
  const { plan } = state.form;
  const shown = inputs.filter((input) => isOpen(input) || plan.shapes[input.name] !== undefined);
  const first = limitedList(shown, 'shapes', state, actions);
  const valued = inputs.filter((input) => mayHoldShape(input) || plan.shapeValues[input.name] !== undefined);
  return html`${
    shown.length === 0
      ? html`<p class="quiet">${t('Every input has a fixed size, so no profile is needed.')}</p>`
      : html`<p class="help">
            ${t('Engines are tuned for a range of sizes per input. Empty: the sizes of the data, from batch 1.')}
          </p>
          ${button({ label: t('Fill from the Data'), action: 'fillShapes', icon: icons.image, disabled: !state.trusted, onClick: actions.fillShapes })}
          ${first.shown.map((input) => profileRow(state, actions, '/shapes', input, rankOf(input)))} ${first.more}
          ${moreProfiles(state, actions, first.shown)}`
  }
  ${
    valued.length === 0
      ? nothing
      : html`<h3>${t('Values of inputs that hold a shape')}</h3>
          ${valued.map((input) => profileRow(state, actions, '/shapeValues', input, null))}`
  }`;
}

/** More profiles beside the first: an engine then has a set of tunings, and the caller chooses one. */
function moreProfiles(state: ConvertState, actions: ConvertActions, inputs: readonly Value[]): TemplateResult {
  const { profiles } = state.form.plan;
  const change = (next: Plan['profiles']): void => actions.edit((form) => setValue(form, '/profiles', next));
  return html`${profiles.map(
    (_, index) =>
      html`<div class="profile">
        <div class="profile-head">
          <strong>${t('Profile {0}', index + 2)}</strong>
          ${button({ kind: 'icon', action: 'removeProfile', icon: icons.remove, label: t('Remove profile {0}', index + 2), onClick: () => change(profiles.filter((_other, at) => at !== index)) })}
        </div>
        ${inputs.map((input) => profileRow(state, actions, `/profiles/${index}`, input, rankOf(input)))}
      </div>`,
  )}
  ${button({ label: t('Add a Profile'), action: 'addProfile', icon: icons.add, onClick: () => change([...profiles, {}]) })}`;
}

export function bindingsSection(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { bindings, shapes: profiles } = state.form.plan;
  const card = readyValue(state.model)?.card;
  const changed = Object.entries(bindings).map(([name, dtype]) => `${name} ${dtype}`);
  const sized = Object.keys(profiles).length;
  return section(state, actions, {
    id: 'bindings',
    title: t('Bindings and shapes'),
    summary: summaryLine([
      changed.length === 0 ? t('types as the model') : changed.join(', '),
      sized === 0 ? t('sizes from the data') : t('{0} profiles', sized),
    ]),
    body: () =>
      card === undefined
        ? html`<p class="quiet">${t('Shown when the model is read.')}</p>`
        : html`${bindingList(state, actions, card)}
            <h3>${t('Shapes')}</h3>
            ${shapes(state, actions, card.inputs)}`,
  });
}
