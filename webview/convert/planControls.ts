/** Controls bound to one field of the plan: label, help, what is wrong with it, and the control of the field's kind. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { Browsable } from '../../extension/contract/panels/convertPanel';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { button, checkbox, dropdown, textField } from '../common/toolkit';
import type { ConvertActions, ConvertState } from './convertState';
import { fieldSpec } from './fieldSpec';
import { setValue, textAt, typeInto, valueAt, type PlanForm } from './planForm';

export interface FieldMessage {
  readonly severity: 'error' | 'warning' | 'info';
  readonly text: string;
}

/** What to say below a field: what was typed wrongly, else the host's findings about it. */
export function messageOf(state: ConvertState, pointer: string): FieldMessage | null {
  const draft = state.form.drafts[pointer];
  if (draft !== undefined && draft.message !== '') return { severity: 'error', text: draft.message };
  const problem = state.check?.problems.find((found) => found.pointer === pointer);
  return problem === undefined ? null : { severity: problem.severity, text: `${problem.reason} ${problem.fix}`.trim() };
}

export function fieldMessage(message: FieldMessage | null): TemplateResult | typeof nothing {
  if (message === null) return nothing;
  return html`<p class="message ${message.severity}">
    ${message.severity === 'error' ? icons.error : message.severity === 'warning' ? icons.warning : icons.info}<span
      >${message.text}</span
    >
  </p>`;
}

export interface FieldOptions {
  readonly label: string;
  readonly help?: string;
  readonly placeholder?: string;
  readonly disabled?: boolean;
  /** Takes the full width of the grid. */
  readonly wide?: boolean;
}

function frame(options: FieldOptions, control: unknown, message: FieldMessage | null): TemplateResult {
  return html`<div class="field ${options.wide === true ? 'wide' : ''}">
    <span class="field-label">${options.label}</span>
    ${control} ${options.help === undefined ? nothing : html`<p class="help">${options.help}</p>`}
    ${fieldMessage(message)}
  </div>`;
}

function spoken(options: FieldOptions, message: FieldMessage | null): string {
  return [message?.text, options.help].filter((text) => text !== undefined).join(' ');
}

/** Text or number, typed. An empty field is null where the plan allows it. */
export function planText(
  state: ConvertState,
  actions: ConvertActions,
  pointer: string,
  options: FieldOptions & { readonly browse?: readonly Browsable[] },
): TemplateResult {
  const spec = fieldSpec(pointer);
  const message = messageOf(state, pointer);
  const field = textField({
    label: options.label,
    labelHidden: true,
    field: pointer,
    value: textAt(state.form, pointer),
    placeholder: options.placeholder ?? '',
    disabled: options.disabled ?? false,
    invalid: message?.severity === 'error',
    numeric: spec.kind === 'integer' || spec.kind === 'number',
    description: spoken(options, message),
    onInput: (text) => actions.edit((form) => typeInto(form, pointer, text)),
  });
  const pickers = (options.browse ?? []).map((what) => picker(what, pointer, options.label, actions));
  return frame(
    options,
    pickers.length === 0 ? field : html`<div class="with-buttons">${field}${pickers}</div>`,
    message,
  );
}

function picker(what: Browsable, pointer: string, label: string, actions: ConvertActions): TemplateResult {
  const isFolder = what.endsWith('Folder');
  return button({
    kind: 'icon',
    action: `browse-${what}`,
    label: isFolder ? t('Choose a folder: {0}', label) : t('Choose a file: {0}', label),
    icon: isFolder ? icons.folder : icons.file,
    onClick: () => actions.browse(what, pointer),
  });
}

/** One of the values that the schema lists. `labels` translates them; one without stands for itself, '' is null. */
export function planChoice(
  state: ConvertState,
  actions: ConvertActions,
  pointer: string,
  options: FieldOptions & { readonly labels?: Readonly<Record<string, string>> },
): TemplateResult {
  const message = messageOf(state, pointer);
  const spec = fieldSpec(pointer);
  const choices = spec.choices.map((value) => ({ value, label: options.labels?.[value] ?? value }));
  const control = dropdown({
    label: options.label,
    field: pointer,
    value: (valueAt(state.form.plan, pointer) as string | null | undefined) ?? '',
    disabled: options.disabled ?? false,
    choices: spec.nullable ? [{ value: '', label: options.labels?.[''] ?? t('none') }, ...choices] : choices,
    onChange: (value) => actions.edit((form) => setValue(form, pointer, value === '' ? null : value)),
  });
  return frame(options, control, message);
}

/** A yes or no; its label stands beside the box. */
export function planFlag(
  state: ConvertState,
  actions: ConvertActions,
  pointer: string,
  options: FieldOptions,
): TemplateResult {
  return html`<div class="field flag ${options.wide === true ? 'wide' : ''}">
    ${checkbox({
      label: options.label,
      field: pointer,
      checked: valueAt(state.form.plan, pointer) === true,
      disabled: options.disabled ?? false,
      description: options.help ?? '',
      onChange: (checked) => actions.edit((form) => setValue(form, pointer, checked)),
    })}
    ${options.help === undefined ? nothing : html`<p class="help">${options.help}</p>`}
    ${fieldMessage(messageOf(state, pointer))}
  </div>`;
}

/** Sections show in one line what they hold while they are closed. */
export function summaryLine(parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null && part !== '').join(' · ');
}

export type Edit = (change: (form: PlanForm) => PlanForm) => void;
