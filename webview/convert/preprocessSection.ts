/** How a sample becomes an input: a preset, a file, or steps of one's own. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { Transform } from '../../extension/contract/plan';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { button, checkbox, dropdown, textField } from '../common/toolkit';
import type { ConvertActions, ConvertState } from './convertState';
import { pointerOf, transformOps, transformParameters, type TransformParameter } from './fieldSpec';
import { fieldMessage, messageOf, summaryLine } from './planControls';
import { keepDraft, setSteps, setValue, type PlanForm } from './planForm';
import { scalarText } from './scalarText';
import { section } from './section';
import { moved, newStep, parameterText, parseParameter, withParameter } from './transformSteps';

const ownSteps = '*steps';
const ownFile = '*file';

function stepName(op: string): string {
  const names: Record<string, string> = {
    resize: t('Resize'),
    resizeHeight: t('Resize to a height'),
    centerCrop: t('Center crop'),
    pad: t('Pad'),
    letterbox: t('Letterbox'),
    grayscale: t('Grayscale'),
    bgr: t('Red and blue swapped (BGR)'),
    rotate180: t('Rotate by 180°'),
    toTensor: t('To tensor (0–255 to floats)'),
    normalize: t('Normalize'),
    scale: t('Scale'),
    nhwc: t('Channels last (NHWC)'),
  };
  return names[op] ?? op;
}

function parameterName(name: string): string {
  const names: Record<string, string> = {
    size: t('Size'),
    interpolation: t('Interpolation'),
    antialias: t('Antialias'),
    height: t('Height'),
    maxWidth: t('Width, at most'),
    value: t('Fill value'),
    align: t('Alignment'),
    channels: t('Channels'),
    scale: t('Times'),
    mean: t('Mean'),
    std: t('Standard deviation'),
    factor: t('Factor'),
    offset: t('Offset'),
  };
  return names[name] ?? name;
}

/** What leaving a parameter empty means. */
function defaultText({ defaultValue, required }: TransformParameter): string {
  if (required) return '';
  if (typeof defaultValue === 'number') return String(Number(defaultValue.toPrecision(4)));
  return defaultValue === null ? t('none') : scalarText(defaultValue);
}

function typeParameter(form: PlanForm, index: number, parameter: TransformParameter, text: string): PlanForm {
  const { preprocess } = form.plan;
  const step = Array.isArray(preprocess) ? preprocess[index] : undefined;
  if (step === undefined) return form;
  const pointer = pointerOf('preprocess', index, parameter.name);
  const { value, fault } = parseParameter(text, parameter);
  if (fault !== null) return keepDraft(form, pointer, text, fault);
  return setValue(form, pointerOf('preprocess', index), withParameter(step, parameter.name, value));
}

function parameterField(
  state: ConvertState,
  actions: ConvertActions,
  step: Transform,
  index: number,
  parameter: TransformParameter,
): TemplateResult {
  const pointer = pointerOf('preprocess', index, parameter.name);
  const label = parameterName(parameter.name);
  const type = (text: string): void => actions.edit((form) => typeParameter(form, index, parameter, text));
  const text = state.form.drafts[pointer]?.text ?? parameterText(step, parameter);
  if (parameter.kind === 'flag') {
    const checked = text === '' ? parameter.defaultValue === true : text === 'true';
    return checkbox({ label, field: pointer, checked, onChange: (on) => type(String(on)) });
  }
  const message = messageOf(state, pointer);
  const control =
    parameter.kind === 'choice'
      ? dropdown({
          label: `${stepName(step.op)}: ${label}`,
          field: pointer,
          value: text,
          choices: [
            ...(parameter.required ? [] : [{ value: '', label: t('default ({0})', defaultText(parameter)) }]),
            ...parameter.choices.map((value) => ({ value, label: value })),
          ],
          onChange: type,
        })
      : textField({
          label: `${stepName(step.op)}: ${label}`,
          labelHidden: true,
          field: pointer,
          value: text,
          placeholder: defaultText(parameter),
          invalid: message?.severity === 'error',
          description: message?.text ?? '',
          onInput: type,
        });
  return html`<div class="parameter">
    <span class="parameter-name">${label}</span>${control}${fieldMessage(message)}
  </div>`;
}

function stepRow(
  state: ConvertState,
  actions: ConvertActions,
  steps: readonly Transform[],
  index: number,
): TemplateResult {
  const step = steps[index] as Transform;
  const name = stepName(step.op);
  const change = (next: readonly Transform[]): void => actions.edit((form) => setSteps(form, next));
  return html`<li class="step" data-step=${step.op}>
    <div class="step-head">
      <span class="step-number">${index + 1}</span><strong>${name}</strong>
      <span class="grow"></span>
      ${button({ kind: 'icon', action: 'stepUp', icon: icons.up, label: t('Move {0} up', name), disabled: index === 0, onClick: () => change(moved(steps, index, index - 1)) })}
      ${button({ kind: 'icon', action: 'stepDown', icon: icons.down, label: t('Move {0} down', name), disabled: index === steps.length - 1, onClick: () => change(moved(steps, index, index + 1)) })}
      ${button({ kind: 'icon', action: 'removeStep', icon: icons.remove, label: t('Remove {0}', name), onClick: () => change(steps.filter((_, at) => at !== index)) })}
    </div>
    <div class="parameters">
      ${transformParameters(step.op).map((parameter) => parameterField(state, actions, step, index, parameter))}
    </div>
  </li>`;
}

function stepsEditor(state: ConvertState, actions: ConvertActions, steps: readonly Transform[]): TemplateResult {
  return html`<ol class="steps">
      ${steps.map((_, index) => stepRow(state, actions, steps, index))}
    </ol>
    ${steps.length === 0 ? html`<p class="quiet">${t('No steps: samples go in as they are.')}</p>` : nothing}
    <div class="add-step">
      ${dropdown({
        label: t('Add a step'),
        field: '/preprocess/-',
        value: '',
        choices: [
          { value: '', label: t('Add a step…') },
          ...transformOps.map((op) => ({ value: op, label: stepName(op) })),
        ],
        onChange: (op) => {
          if (op !== '') actions.edit((form) => setSteps(form, [...steps, newStep(op)]));
        },
      })}
    </div>`;
}

/** Presets, then what is none: a file's name, own steps. */
function sourceChoice(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { preprocess } = state.form.plan;
  const { presets } = state.contents;
  const isPreset = typeof preprocess === 'string' && presets.some(({ name }) => name === preprocess);
  const value = isPreset ? preprocess : typeof preprocess === 'string' ? ownFile : ownSteps;
  return html`<div class="field">
    <span class="field-label">${t('Preprocessing')}</span>
    ${dropdown({
      label: t('Preprocessing'),
      field: '/preprocess',
      value,
      choices: [
        ...presets.map(({ name }) => ({ value: name, label: name })),
        { value: ownFile, label: t('Steps from a file…') },
        { value: ownSteps, label: t('Steps of my own') },
      ],
      onChange: (chosen) => {
        if (chosen === ownSteps) actions.editSteps();
        else if (chosen === ownFile) actions.browse('preprocess', '/preprocess');
        else actions.edit((form) => setValue(form, '/preprocess', chosen));
      },
    })}
    ${typeof preprocess === 'string' && !isPreset ? html`<p class="path small">${preprocess}</p>` : nothing}
    ${fieldMessage(messageOf(state, '/preprocess'))}
  </div>`;
}

export function preprocessSection(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { preprocess } = state.form.plan;
  const preset = state.contents.presets.find(({ name }) => name === preprocess);
  return section(state, actions, {
    id: 'preprocess',
    title: t('Preprocessing'),
    summary: summaryLine([typeof preprocess === 'string' ? preprocess : preprocess.map(({ op }) => op).join(', ')]),
    body: () =>
      html`<p class="help">
          ${t('The same for every precision, in torchvision’s words. It must be what the model was trained with.')}
        </p>
        <div class="fields">${sourceChoice(state, actions)}</div>
        ${preset === undefined ? nothing : html`<p class="quiet">${preset.description}</p>`}
        ${
          typeof preprocess === 'string'
            ? button({ label: t('Edit the Steps'), action: 'editSteps', onClick: actions.editSteps })
            : stepsEditor(state, actions, preprocess)
        }`,
  });
}
