/**
 * The one file that knows `@vscode/webview-ui-toolkit`: everything else asks for a button, a field, a choice.
 *
 * The toolkit was asked for and is no longer maintained, so its element names stand nowhere else; a successor replaces this
 * file alone. Each function gives a template of one labelled control. Labels are slotted into the control or repeated as
 * `aria-label`, because a `for` cannot reach into a shadow root. What a screen reader shall say beside the label (help, an
 * error) is set on the inner control for the same reason.
 */
import './styleNonce';
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeProgressRing,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import { html, nothing, type TemplateResult } from 'lit-html';
import { ref } from 'lit-html/directives/ref.js';

type Rendered = TemplateResult | typeof nothing;

/** To be called once, before the first render. */
export function registerToolkit(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeProgressRing(),
    vsCodeTextField(),
  );
}

export interface ButtonOptions {
  readonly label: string;
  readonly onClick: (event: Event) => void;
  /** For tests and styles: what the button does, as `savePlan`. */
  readonly action: string;
  readonly kind?: 'primary' | 'secondary' | 'icon';
  readonly disabled?: boolean;
  /** Name of an icon of `icons.ts`, drawn before the label; alone in an icon button, whose label is then read aloud. */
  readonly icon?: TemplateResult;
  /** Read aloud in place of the label, where the label alone says too little ("Remove"). */
  readonly spoken?: string;
}

export function button(options: ButtonOptions): TemplateResult {
  const { label, onClick, action, kind = 'secondary', disabled = false, icon, spoken } = options;
  const name = spoken ?? label;
  return kind === 'icon'
    ? html`<vscode-button
        class="button"
        appearance="icon"
        data-action=${action}
        aria-label=${name}
        title=${name}
        ?disabled=${disabled}
        @click=${onClick}
        >${icon ?? label}</vscode-button
      >`
    : html`<vscode-button
        class="button"
        appearance=${kind}
        data-action=${action}
        aria-label=${name}
        ?disabled=${disabled}
        @click=${onClick}
        >${icon === undefined ? nothing : html`<span slot="start">${icon}</span>`}${label}</vscode-button
      >`;
}

export interface CheckboxOptions {
  readonly label: string | TemplateResult;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  /** JSON pointer of what it edits. */
  readonly field: string;
  /** Distinguishes the boxes of one field. */
  readonly value?: string;
  readonly disabled?: boolean;
  readonly description?: string;
}

export function checkbox(options: CheckboxOptions): TemplateResult {
  const { label, checked, onChange, field, value, disabled = false, description } = options;
  return html`<vscode-checkbox
    class="checkbox"
    data-field=${field}
    data-value=${value ?? nothing}
    .checked=${checked}
    ?disabled=${disabled}
    aria-description=${description ?? nothing}
    @change=${(event: Event) => onChange((event.target as HTMLInputElement).checked)}
    >${label}</vscode-checkbox
  >`;
}

export interface TextFieldOptions {
  /** Read aloud; also shown above the control unless `labelHidden`. */
  readonly label: string;
  readonly labelHidden?: boolean;
  readonly value: string;
  readonly onInput: (text: string) => void;
  readonly field: string;
  readonly placeholder?: string;
  readonly disabled?: boolean;
  readonly invalid?: boolean;
  readonly description?: string;
  /** A list of suggestions (`<datalist>` id is not reachable from a shadow root, so the page shows its own). */
  readonly numeric?: boolean;
}

export function textField(options: TextFieldOptions): TemplateResult {
  const { label, labelHidden = false, value, onInput, field, placeholder, disabled = false, invalid = false } = options;
  const { description, numeric = false } = options;
  return html`<vscode-text-field
    data-field=${field}
    class="text-field ${invalid ? 'invalid' : ''}"
    .value=${value}
    placeholder=${placeholder ?? nothing}
    aria-label=${labelHidden ? label : nothing}
    ?disabled=${disabled}
    spellcheck="false"
    @input=${(event: Event) => onInput((event.target as HTMLInputElement).value)}
    ${ref((element) => describeInner(element, { description, invalid, numeric }))}
    >${labelHidden ? nothing : label}</vscode-text-field
  >`;
}

/** The host element takes ARIA attributes only in part; the control that has the focus is inside. */
function describeInner(
  element: Element | undefined,
  { description, invalid, numeric }: { description: string | undefined; invalid: boolean; numeric: boolean },
): void {
  if (element === undefined) return;
  // The shadow root is filled when the element is connected, which is after this first call.
  queueMicrotask(() => {
    const input = element.shadowRoot?.querySelector('input');
    if (input == null) return;
    input.setAttribute('aria-invalid', String(invalid));
    if (numeric) input.setAttribute('inputmode', 'decimal');
    if (description === undefined || description === '') input.removeAttribute('aria-description');
    else input.setAttribute('aria-description', description);
  });
}

export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly disabled?: boolean;
}

export interface DropdownOptions {
  /** Read aloud; the page writes its own visible label beside. */
  readonly label: string;
  readonly value: string;
  readonly choices: readonly Choice[];
  readonly onChange: (value: string) => void;
  readonly field: string;
  readonly disabled?: boolean;
}

export function dropdown(options: DropdownOptions): TemplateResult {
  const { label, value, choices, onChange, field, disabled = false } = options;
  return html`<vscode-dropdown
    class="dropdown"
    data-field=${field}
    aria-label=${label}
    ?disabled=${disabled}
    @change=${(event: Event) => onChange((event.target as HTMLSelectElement).value)}
    ${ref((element) => selectWhenReady(element, value))}
    >${choices.map(
      (choice) =>
        html`<vscode-option
          value=${choice.value}
          ?disabled=${choice.disabled ?? false}
          ?selected=${choice.value === value}
          >${choice.label}</vscode-option
        >`,
    )}</vscode-dropdown
  >`;
}

/** A value can be chosen only after the options are slotted, and they come after the property in one render. */
function selectWhenReady(element: Element | undefined, value: string): void {
  if (element === undefined) return;
  queueMicrotask(() => {
    const select = element as HTMLElement & { value: string };
    if (select.value !== value) select.value = value;
  });
}

export function progressRing(label: string): Rendered {
  return html`<vscode-progress-ring class="progress-ring" aria-label=${label}></vscode-progress-ring>`;
}
