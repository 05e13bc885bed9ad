/**
 * A choice of the browser's own, styled as the editor's: for rows of tables, where the toolkit's list would be cut off by
 * the scrolling frame, and where there are many.
 */
import { html, nothing, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import type { Choice } from './toolkit';

export interface NativeSelectOptions {
  /** Read aloud. */
  readonly label: string;
  readonly field: string;
  /** Distinguishes the choices of one field. */
  readonly key?: string;
  readonly value: string;
  readonly choices: readonly Choice[];
  readonly onChange: (value: string) => void;
}

export function nativeSelect(options: NativeSelectOptions): TemplateResult {
  const { label, field, key, value, choices, onChange } = options;
  return html`<select
    class="select"
    aria-label=${label}
    data-field=${field}
    data-key=${key ?? nothing}
    @change=${(event: Event) => onChange((event.target as HTMLSelectElement).value)}
    .value=${live(value)}
  >
    ${choices.map((choice) => html`<option value=${choice.value} ?selected=${choice.value === value}>${choice.label}</option>`)}
  </select>`;
}
