/** The first samples of a data set: what the file looks like, and what the model will see of it. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { DataPreview, InputPreview, SamplePreview } from '../../extension/contract/panels/convertPanel';
import { countText, significantText } from '../../extension/contract/quantities';
import { failedRequest } from '../common/errorBox';
import { icons } from '../common/icons';
import { quantity, t } from '../common/l10n';
import { button, progressRing } from '../common/toolkit';
import type { ConvertActions, ConvertState, Purpose } from './convertState';
import { shapeText } from './planForm';

/** The kinds of `DataCard.kind` in words; a new one shows under its own name. */
function kindText(kind: string): string {
  const names: Record<string, string> = {
    classFolders: t('a folder of class folders'),
    imageFolder: t('a folder of pictures'),
    npz: t('an .npz archive'),
    npy: t('an .npy array'),
    tensors: t('a folder of tensors'),
    manifest: t('a list of files (CSV or JSON lines)'),
    module: t('a JavaScript module'),
    python: t('a Python data set'),
    random: t('random numbers'),
  };
  return names[kind] ?? kind;
}

function facts({ card, labelled, classes }: DataPreview): string {
  const parts = [kindText(card.kind), t('{0} samples', countText(card.samples))];
  if (classes !== null) parts.push(t('{0} classes', countText(classes.length)));
  parts.push(labelled ? t('labelled') : t('without labels'));
  return parts.join(' · ');
}

function statistics(input: InputPreview): TemplateResult {
  const number = (value: number | null): string => quantity(significantText(value));
  return html`<dl class="stats">
    <div>
      <dt>${t('range')}</dt>
      <dd>${number(input.min)} … ${number(input.max)}</dd>
    </div>
    <div>
      <dt>${t('mean ± std')}</dt>
      <dd>${number(input.mean)} ± ${number(input.std)}</dd>
    </div>
  </dl>`;
}

function inputView(input: InputPreview, id: string): TemplateResult {
  return html`<div class="preview-input">
    ${
      input.picture === null
        ? nothing
        : html`<img src=${input.picture} alt=${t('{0} as the model sees it, input {1}', id, input.name)} />`
    }
    <p class="small">
      <span class="mono">${input.name}</span> ${input.dtype} <span class="mono">${shapeText(input.dims)}</span>
    </p>
    ${statistics(input)}
  </div>`;
}

function sampleView(sample: SamplePreview): TemplateResult {
  return html`<li class="preview-sample">
    <p class="preview-name" title=${sample.id}>
      <span class="path">${sample.id}</span
      >${sample.label === null ? nothing : html`<span class="chip">${sample.label}</span>`}
    </p>
    <div class="preview-pair">
      ${sample.raw === null ? nothing : html`<img src=${sample.raw} alt=${t('{0} as it is in the file', sample.id)} />`}
      ${sample.inputs.map((input) => inputView(input, sample.id))}
    </div>
  </li>`;
}

function contents(preview: DataPreview): TemplateResult {
  return html`<p class="preview-facts">${facts(preview)}</p>
    ${preview.warnings.map((warning) => html`<p class="message warning">${icons.warning}<span>${warning}</span></p>`)}
    <ul class="preview" tabindex="0" aria-label=${t('First samples, before and after preprocessing')}>
      ${preview.samples.map(sampleView)}
    </ul>`;
}

/** The button that asks for a preview, and the preview below it. */
export function previewView(state: ConvertState, actions: ConvertActions, of: Purpose): TemplateResult {
  const preview = state.previews[of];
  const label = preview === null ? t('Preview Samples') : t('Preview Again');
  return html`<div class="preview-area" data-part=${`preview-${of}`}>
    ${button({
      label,
      action: `preview-${of}`,
      icon: icons.image,
      disabled: preview?.state === 'loading' || !state.trusted,
      onClick: () => actions.preview(of),
    })}
    <div aria-live="polite">
      ${
        preview?.state === 'loading'
          ? html`<p class="loading">${progressRing(t('Opening the data'))}${t('Opening the data…')}</p>`
          : nothing
      }
      ${preview?.state === 'ready' ? contents(preview.value) : nothing}
    </div>
    ${preview?.state === 'failed' ? failedRequest(preview.error, () => actions.preview(of)) : nothing}
  </div>`;
}
