/** The data that sets the scales of INT8 and FP8, and how. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { precisionOf } from '../../extension/contract/plan';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import type { ConvertActions, ConvertState } from './convertState';
import { planChoice, planFlag, planText, summaryLine } from './planControls';
import { previewView } from './previewView';
import { section } from './section';

const algorithmLabels = (): Record<string, string> => ({
  auto: t('Automatic (what keeps most accuracy)'),
  entropy: t('Entropy'),
  minmax: t('Minimum and maximum'),
  percentile: t('Percentile'),
  mse: t('Mean squared error'),
  legacy: t('Legacy (TensorRT’s old calibrator)'),
});

/** Only precisions with scales are calibrated. */
export function needsScales(state: ConvertState): boolean {
  return state.form.plan.precisions.some((variant) => precisionOf(variant) === 'int8' || variant === 'fp8');
}

/** TensorRT calibrates, for the plan's INT8 or beside it. */
function usesTensorrt({ form: { plan } }: ConvertState): boolean {
  return plan.calibration.calibrator === 'tensorrt' || plan.precisions.includes('int8-tensorrt');
}

function tensorrtFields(state: ConvertState, actions: ConvertActions): TemplateResult {
  return html`${planChoice(state, actions, '/calibration/tensorrtCalibrator', {
    label: t('TensorRT’s calibrator'),
    labels: {
      '': t('by the algorithm'),
      entropy2: t('Entropy 2'),
      entropy: t('Entropy'),
      minmax: t('Minimum and maximum'),
      legacy: t('Legacy'),
    },
  })}
  ${planText(state, actions, '/calibration/cache', { label: t('TensorRT’s calibration cache'), placeholder: t('none') })}`;
}

function algorithmFields(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { algorithm, calibrator } = state.form.plan.calibration;
  return html`${planChoice(state, actions, '/calibration/algorithm', {
    label: t('Algorithm'),
    labels: algorithmLabels(),
  })}
  ${
    algorithm === 'percentile' || algorithm === 'legacy'
      ? planText(state, actions, '/calibration/percentile', {
          label: t('Percentile'),
          help: t('Share of values that the range holds.'),
        })
      : nothing
  }
  ${
    algorithm === 'legacy'
      ? planText(state, actions, '/calibration/cutoff', { label: t('Regression cutoff'), placeholder: t('none') })
      : nothing
  }
  ${planText(state, actions, '/calibration/samples', { label: t('Samples, at most') })}
  ${planText(state, actions, '/calibration/batchSize', {
    label: t('Batch size'),
    help: t('Scales do not depend on it; memory does.'),
  })}
  ${planChoice(state, actions, '/calibration/calibrator', {
    label: t('Calibrator'),
    labels: { builtin: t('Built in'), tensorrt: t('TensorRT’s own (8 and 10)') },
    ...(calibrator === 'tensorrt' ? { help: t('Sets the scales on a GPU while the engine is built.') } : {}),
  })}
  ${usesTensorrt(state) ? tensorrtFields(state, actions) : nothing}`;
}

function refinementFields(state: ConvertState, actions: ConvertActions): TemplateResult {
  return html`${planText(state, actions, '/calibration/table', {
    label: t('Reuse a calibration table'),
    placeholder: t('none: calibrate'),
    browse: ['table'],
    wide: true,
  })}
  ${planText(state, actions, '/calibration/guardShare', {
    label: t('Noisiest layers kept in FP16'),
    help: t('INT8: slower by this share at most, 0 to 1.'),
  })}
  ${planFlag(state, actions, '/calibration/equalization', {
    label: t('Equalize channels'),
    help: t('INT8: channels before a depthwise convolution fill the range. Exact in FP32.'),
  })}
  ${planFlag(state, actions, '/calibration/biasCorrection', {
    label: t('Correct biases'),
    help: t('INT8: takes the mean error of each layer off its bias.'),
  })}`;
}

export function calibrationSection(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { calibration } = state.form.plan;
  return section(state, actions, {
    id: 'calibration',
    title: t('Calibration'),
    summary: summaryLine([
      calibration.data ?? t('no data'),
      calibration.algorithm,
      t('{0} samples', calibration.samples),
      t('batch {0}', calibration.batchSize),
    ]),
    body: () =>
      html`${
          needsScales(state)
            ? nothing
            : html`<p class="note">
                ${icons.info}<span
                  >${t('Neither INT8 nor FP8 is chosen, so nothing is calibrated. The data still serves for evaluation.')}</span
                >
              </p>`
        }
        <div class="fields">
          ${planText(state, actions, '/calibration/data', {
            label: t('Data'),
            placeholder: t('none: ranges are guessed from random numbers'),
            help: t('A folder of pictures or arrays, .npz, .npy, .csv, .jsonl, a module, or file.py:ClassName.'),
            browse: ['data', 'dataFolder'],
            wide: true,
          })}
          ${planText(state, actions, '/calibration/labels', {
            label: t('Labels'),
            placeholder: t('from the data'),
            browse: ['labels'],
            wide: true,
          })}
        </div>
        ${previewView(state, actions, 'calibration')}
        <div class="fields">${algorithmFields(state, actions)}</div>
        <h3>${t('Refinement')}</h3>
        <div class="fields">${refinementFields(state, actions)}</div>`,
  });
}
