/** Which precisions are built, for which hardware, and what each can do there. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { Machine, PrecisionCapability } from '../../extension/contract/panels/convertPanel';
import { precisionOf, variantNames, type VariantName } from '../../extension/contract/plan';
import { listText } from '../../extension/contract/quantities';
import { failedRequest } from '../common/errorBox';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { readyValue } from '../common/loaded';
import { button, checkbox, progressRing, textField } from '../common/toolkit';
import { commonReason } from './commonReason';
import type { ConvertActions, ConvertState } from './convertState';
import { fold } from './fold';
import { fieldMessage, messageOf, planChoice, summaryLine } from './planControls';
import { addTarget, textAt, toggleVariant, toggleTarget } from './planForm';
import { section } from './section';

/** Shown at once; the others are for those who come from an older TensorRT. */
const common: readonly VariantName[] = ['fp32', 'fp16', 'bf16', 'int8', 'fp8', 'int4'];
const otherVariants = variantNames.filter((name) => !common.includes(name));

const descriptions: Record<VariantName, () => string> = {
  fp32: () => t('The baseline that everything is compared with.'),
  tf32: () => t('FP32 with TensorFloat-32 on the tensor cores; from Ampere on.'),
  fp16: () => t('Half the size; safe for most models.'),
  'fp16-weak': () => t('The optimizer picks FP16 or FP32 by speed (TensorRT 8 and 10).'),
  bf16: () => t('Half the size with the range of FP32; from Ampere on.'),
  int8: () => t('A quarter of the size; calibrated on your data.'),
  'int8-weak': () => t('The optimizer picks INT8, FP16 or FP32 by speed (TensorRT 8 and 10).'),
  'int8-tensorrt': () => t('Scales from TensorRT’s own calibrator (TensorRT 8 and 10).'),
  fp8: () => t('A quarter of the size; from Ada and Hopper on.'),
  int4: () => t('Weights of matrix products in 4 bits, without calibration; from Ampere on.'),
};

function stateName(state: PrecisionCapability['state']): string {
  switch (state) {
    case 'runs':
      return t('Builds and runs here');
    case 'builds':
      return t('Builds here');
    case 'simulated':
      return t('Accuracy only');
    case 'unsupported':
      return t('Not supported');
  }
}

function precisionRow(
  variant: VariantName,
  capability: PrecisionCapability | null,
  /** Said above the list already. */
  said: string | null,
  state: ConvertState,
  actions: ConvertActions,
): TemplateResult {
  const checked = state.form.plan.precisions.includes(variant);
  const unsupported = capability?.state === 'unsupported';
  const isBaseline = variant === 'fp32';
  return html`<li class="precision ${unsupported ? 'off' : ''}" data-precision=${variant}>
    ${checkbox({
      label: html`<span class="swatch ${precisionOf(variant)}"></span><strong>${variant.toUpperCase()}</strong>`,
      field: '/precisions',
      value: variant,
      checked: checked || isBaseline,
      // What the plan asks for can always be taken away.
      disabled: isBaseline || (unsupported && !checked),
      description: capability?.reason ?? '',
      onChange: (on) => actions.edit((form) => toggleVariant(form, variant, on, variantNames)),
    })}
    <span class="precision-text">
      <span>${descriptions[variant]()}</span>
      ${capability === null || capability.reason === said ? nothing : html`<span class="reason">${capability.reason}</span>`}
    </span>
    ${capability === null ? nothing : html`<span class="badge ${capability.state}">${stateName(capability.state)}</span>`}
  </li>`;
}

function machineLine({ backends, host }: Machine, actions: ConvertActions): TemplateResult {
  const found = backends.filter(({ available, builds, name }) => available && (builds || name === 'onnxruntime'));
  const names = found.map(({ name, version }) => (version === null ? name : `${name} ${version}`));
  return html`<p class="machine">
    <span>${host.gpu === null ? t('No GPU on this machine.') : host.gpu.name} ${listText(names)}.</span>
    ${button({ kind: 'icon', action: 'searchMachine', label: t('Search this machine again'), icon: icons.refresh, onClick: actions.searchMachine })}
  </p>`;
}

function machine(state: ConvertState, actions: ConvertActions): TemplateResult {
  switch (state.machine.state) {
    case 'loading':
      return html`<p class="loading">
        ${progressRing(t('Searching this machine'))}${t('Searching this machine for TensorRT…')}
      </p>`;
    case 'failed':
      return failedRequest(state.machine.error, actions.searchMachine);
    case 'ready':
      return machineLine(state.machine.value, actions);
  }
}

function targetBoxes(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { targets } = state.form.plan;
  const known = state.contents.targets.map(({ target }) => target);
  const others = targets.filter((target) => !known.includes(target)).map((target) => ({ target, devices: [] }));
  const message = messageOf(state, '/targets');
  return html`<fieldset class="targets">
    <legend>${t('Build for')}</legend>
    <p class="help">${t('None chosen: engines for the GPU of this machine, or accuracy only where there is none.')}</p>
    ${fold(state, actions, {
      id: 'targets',
      title: targets.length === 0 ? t('Choose architectures') : html`<span class="mono">${targets.join(', ')}</span>`,
      body: () =>
        html`<ul class="target-list">
          ${[...state.contents.targets, ...others].map(
            ({ target, devices }) =>
              html`<li>
                ${checkbox({
                  label: html`<span class="mono">${target}</span> <span class="quiet">${devices.join(', ')}</span>`,
                  field: '/targets',
                  value: target,
                  checked: targets.includes(target),
                  onChange: (on) => actions.edit((form) => toggleTarget(form, target, on)),
                })}
              </li>`,
          )}
        </ul>`,
    })}
    <form
      class="with-buttons"
      @submit=${(event: Event) => event.preventDefault()}
      @change=${(event: Event) => {
        const input = event.target as HTMLInputElement;
        const text = input.value;
        if (text === '') return;
        // What is added shows as a box; what is refused comes back as a draft.
        input.value = '';
        actions.edit((form) => addTarget(form, text));
      }}
    >
      ${textField({
        label: t('Another architecture or device'),
        labelHidden: true,
        field: '/targets/*',
        value: state.form.drafts['/targets'] === undefined ? '' : textAt(state.form, '/targets'),
        placeholder: t('Another, as sm_89 or RTX 4090; Enter adds it'),
        invalid: message?.severity === 'error',
        description: message?.text ?? '',
        onInput: () => {},
      })}
    </form>
    ${fieldMessage(message)}
  </fieldset>`;
}

function variantList(names: readonly VariantName[], state: ConvertState, actions: ConvertActions): TemplateResult {
  const capabilities = readyValue(state.capabilities) ?? [];
  const shown = capabilities.filter(({ precision }) => names.includes(precision));
  const said = commonReason(shown);
  return html`${said === null ? nothing : html`<p class="quiet small">${said}</p>`}
    <ul class="precisions">
      ${names.map((name) => {
        const capability = shown.find(({ precision }) => precision === name);
        return precisionRow(name, capability ?? null, said, state, actions);
      })}
    </ul>`;
}

export function precisionSection(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { plan } = state.form;
  const message = messageOf(state, '/precisions');
  return section(state, actions, {
    id: 'precisions',
    title: t('Precisions and hardware'),
    summary: summaryLine([listText(plan.precisions.map((name) => name.toUpperCase())), plan.targets.join(', ')]),
    body: () =>
      html`${machine(state, actions)} ${variantList(common, state, actions)}
        ${fold(state, actions, {
          id: 'otherVariants',
          title: t('Other ways to build'),
          isNeeded: plan.precisions.some((name) => !common.includes(name)),
          body: () => variantList(otherVariants, state, actions),
        })}
        ${fieldMessage(message)}
        ${state.capabilities.state === 'failed' ? failedRequest(state.capabilities.error, actions.searchMachine) : nothing}
        <div class="fields">
          ${planChoice(state, actions, '/backend', {
            label: t('Engines are built by'),
            labels: {
              auto: t('What is found (automatic)'),
              onnxruntime: t('Nobody: accuracy only'),
              tensorrt: 'TensorRT',
              'tensorrt-rtx': 'TensorRT-RTX',
            },
          })}
        </div>
        ${targetBoxes(state, actions)}`,
  });
}
