/** The comparison table: one row a variant, and why a variant is missing. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { bytesText, millisecondsText, ratioText } from '../../extension/contract/quantities';
import type { Report, Variant } from '../../extension/contract/report';
import {
  engineArtifacts,
  hasGpuLatency,
  isGpuLatency,
  latencyDevices,
  onnxArtifact,
  taskMetricName,
  type Measured,
} from '../../extension/contract/reportQueries';
import { t } from '../common/l10n';
import { numberCell, shareCell, sqnrCell, swatch, table, type Column } from './cells';

function statusText(status: Variant['status']): string {
  const names = { ok: t('ok'), failed: t('failed'), skipped: t('skipped') };
  return names[status];
}

function nameCell({ verdict }: Report, variant: Variant): TemplateResult {
  return html`<span class="variant-name"
    >${swatch(variant)}<strong>${variant.name}</strong>${variant.name === verdict.recommended ? html`<span class="badge recommended">${t('recommended')}</span>` : nothing}${variant.accuracy?.simulated === true ? html`<span class="badge">${t('simulated')}</span>` : nothing}${variant.status === 'ok' ? nothing : html`<span class="badge failed">${statusText(variant.status)}</span>`}</span
  >`;
}

function share(
  value: number | null | undefined,
  low: number | null | undefined,
  high: number | null | undefined,
): Measured | null {
  return value === null || value === undefined ? null : { value, low: low ?? null, high: high ?? null };
}

function latencyTitle({ variants }: Report): string {
  const devices = latencyDevices(variants);
  if (devices.length !== 1) return t('Median latency');
  return devices[0] === 'cpu' ? t('Median, CPU') : t('Median, {0}', devices[0] ?? '');
}

function columns(report: Report): Column<Variant>[] {
  const withTask = report.variants.some(({ accuracy }) => accuracy?.task != null);
  const list: Column<Variant>[] = [{ title: t('Variant'), cell: (variant) => nameCell(report, variant) }];
  if (withTask) {
    list.push(
      {
        title: taskMetricName(report.variants) === 'top-1' ? t('Top-1') : t('Exact lines'),
        numeric: true,
        cell: ({ accuracy }) =>
          shareCell(share(accuracy?.task?.top1, accuracy?.task?.top1Low, accuracy?.task?.top1High)),
      },
      {
        title: t('As FP32'),
        numeric: true,
        cell: ({ accuracy }) =>
          shareCell(share(accuracy?.task?.agreement, accuracy?.task?.agreementLow, accuracy?.task?.agreementHigh)),
      },
    );
  }
  list.push(
    { title: t('Lowest SQNR'), numeric: true, cell: sqnrCell },
    {
      title: latencyTitle(report),
      numeric: true,
      cell: ({ latency }) => numberCell(millisecondsText(latency?.medianMs)),
    },
  );
  if (latencyDevices(report.variants).length > 1) {
    list.push({
      title: t('Timed on'),
      cell: ({ latency }) => (latency?.device === 'cpu' ? 'CPU' : (latency?.device ?? '')),
    });
  }
  if (hasGpuLatency(report)) {
    list.push({
      title: t('Speed-up'),
      numeric: true,
      cell: ({ latency, speedup }) => numberCell(ratioText(isGpuLatency(latency) ? speedup : null)),
    });
  }
  list.push(
    { title: 'ONNX', numeric: true, cell: (variant) => numberCell(bytesText(onnxArtifact(variant)?.bytes)) },
    { title: t('Engine'), numeric: true, cell: (variant) => numberCell(bytesText(engineArtifacts(variant)[0]?.bytes)) },
  );
  return list;
}

function failures(variants: readonly Variant[]): TemplateResult[] {
  return variants.flatMap(({ name, status, error }) =>
    error === null
      ? []
      : [
          html`<div class="failure">
            <p><strong>${name}</strong> ${statusText(status)} <span class="quiet small mono">${error.code}</span></p>
            <p>${error.reason}</p>
            <p class="quiet">${error.fix}</p>
          </div>`,
        ],
  );
}

export function tableSection(report: Report): TemplateResult {
  const { evaluation } = report.data;
  const title =
    evaluation === null
      ? t('Every precision against FP32')
      : t('Every precision against FP32, {0} samples', evaluation.samples);
  return html`<section aria-labelledby="table-title">
    <h2 id="table-title">${title}</h2>
    ${table(title, columns(report), report.variants)} ${failures(report.variants)}
  </section>`;
}
