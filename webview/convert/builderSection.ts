/** How engines are built and measured: TensorRT's own switches, and the benchmark. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { t } from '../common/l10n';
import type { ConvertActions, ConvertState } from './convertState';
import { planChoice, planFlag, planText, summaryLine } from './planControls';
import { section } from './section';

export function builderSection(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { plan } = state.form;
  const { builder } = plan;
  return section(state, actions, {
    id: 'builder',
    title: t('Builder'),
    summary: summaryLine([
      t('level {0}', builder.optimizationLevel),
      builder.workspaceMiB === null ? null : `${builder.workspaceMiB} MiB`,
      builder.tf32 ? 'TF32' : null,
      builder.versionCompatible ? t('version compatible') : null,
      builder.hardwareCompatible ? t('hardware compatible') : null,
      builder.dla === null ? null : `DLA ${builder.dla}`,
    ]),
    body: () =>
      html`<div class="fields">
        ${planText(state, actions, '/builder/optimizationLevel', { label: t('Optimization level'), help: t('0 (quick to build) to 5 (searches longest).') })}
        ${planText(state, actions, '/builder/workspaceMiB', { label: t('Workspace, MiB'), placeholder: t('all of the memory') })}
        ${planText(state, actions, '/builder/dla', { label: t('DLA core'), placeholder: t('none: the GPU') })}
        ${planText(state, actions, '/builder/timingCache', { label: t('Timing cache'), placeholder: t('one per GPU, in the own folder'), browse: ['timingCache'], wide: true })}
        ${planChoice(state, actions, '/builder/typing', {
          label: t('Typing'),
          help: t('Strong: types come from the graph. Weak: the optimizer may pick FP32 (TensorRT 8 and 10).'),
          labels: {
            auto: t('Automatic'),
            strong: t('Strong'),
            weak: t('Weak'),
            'prefer-weak': t('Weak where it exists'),
          },
        })}
        ${
          builder.typing === 'weak' ||
          builder.typing === 'prefer-weak' ||
          plan.precisions.some((name) => name.includes('-'))
            ? planChoice(state, actions, '/builder/constraints', {
                label: t('Types of kept layers'),
                labels: { obey: t('must be obeyed'), prefer: t('are preferred') },
              })
            : nothing
        }
        ${planChoice(state, actions, '/builder/weightStorage', {
          label: t('8-bit weights in the file'),
          help: t('TensorRT 8 reads them as floats behind a Q/DQ pair.'),
          labels: {
            auto: t('Automatic'),
            quantized: t('Quantized (small)'),
            float: t('Floats'),
          },
        })}
        ${
          plan.precisions.includes('int4')
            ? planText(state, actions, '/builder/int4Block', {
                label: t('INT4 block'),
                help: t('Weights that share a scale, 128 or 64. Fewer follow the weights closer and take more room.'),
              })
            : nothing
        }
        ${planFlag(state, actions, '/builder/gpuFallback', { label: t('GPU fallback'), help: t('DLA: layers that it cannot run go to the GPU.'), disabled: builder.dla === null })}
        ${planFlag(state, actions, '/builder/tf32', { label: t('Allow TF32'), help: t('FP32 on tensor cores with ten bits of mantissa.') })}
        ${planFlag(state, actions, '/builder/versionCompatible', { label: t('Version compatible'), help: t('Runs on later TensorRT of the same major, perhaps slower.') })}
        ${planFlag(state, actions, '/builder/hardwareCompatible', { label: t('Hardware compatible'), help: t('Runs on every GPU from Ampere on, perhaps slower.') })}
      </div>`,
  });
}

export function benchmarkSection(state: ConvertState, actions: ConvertActions): TemplateResult {
  const { benchmark } = state.form.plan;
  return section(state, actions, {
    id: 'benchmark',
    title: t('Measurement'),
    summary: summaryLine([
      t('batch {0}', benchmark.batch),
      t('{0} runs or {1} ms', benchmark.iterations, benchmark.durationMs),
      benchmark.cudaGraph ? 'CUDA graph' : null,
    ]),
    body: () =>
      html`<div class="fields">
        ${planText(state, actions, '/benchmark/batch', { label: t('Batch of the measurement') })}
        ${planText(state, actions, '/benchmark/iterations', { label: t('Runs, at least') })}
        ${planText(state, actions, '/benchmark/durationMs', { label: t('Duration, ms'), help: t('Per precision, in turns with the others.') })}
        ${planText(state, actions, '/benchmark/warmupMs', { label: t('Warm-up, ms') })}
        ${planFlag(state, actions, '/benchmark/cudaGraph', { label: t('CUDA graph'), help: t('Takes the cost of launches out, where the model allows it.') })}
        ${planFlag(state, actions, '/benchmark/spin', { label: t('Wait by polling'), help: t('Steadier times, at the price of a busy core.') })}
      </div>`,
  });
}
