/** The comparison table: one row a variant, and why a variant is missing. */
import { bytesText, decibelsText, millisecondsText, notMeasured, ratioText } from '../../contract/quantities';
import {
  engineArtifacts,
  hasGpuLatency,
  isGpuLatency,
  latencyDevices,
  lowestSqnr,
  lowestSqnrText,
  onnxArtifact,
  taskMetricName,
} from '../../contract/reportQueries';
import type { Report, Variant } from '../../contract/report';
import { html, type Html } from '../html';
import { dataTable, datum, shareDatum, swatch, type TableColumn } from './common';

function nameCell(report: Report): (variant: Variant) => Html {
  return (variant) =>
    html`${swatch(variant)}${variant.name}${variant.name === report.verdict.recommended && html` <span class="badge">recommended</span>`}${variant.accuracy?.simulated === true && html` <span class="badge quiet">simulated</span>`}`;
}

function latencyCell(pick: 'medianMs' | 'p99Ms'): (variant: Variant) => Html {
  return ({ latency }) => datum(latency?.[pick], millisecondsText(latency?.[pick]));
}

function engineCell(variant: Variant): Html {
  const engines = engineArtifacts(variant);
  if (engines.length === 0) return html`<span class="missing">none</span>`;
  return html`${engines.map(
    ({ target, bytes }) => html`<span class="engine">${target ?? 'this GPU'} ${datum(bytes, bytesText(bytes))}</span>`,
  )}`;
}

function columns(report: Report): TableColumn<Variant>[] {
  const devices = latencyDevices(report.variants);
  const where = devices.length === 1 ? (devices[0] === 'cpu' ? 'CPU' : (devices[0] ?? '')) : '';
  const latencyTitle = `${where} latency`.trim();
  const list: TableColumn<Variant>[] = [
    { title: 'Variant', cell: nameCell(report) },
    { title: 'Status', cell: ({ status }) => html`<span class="status ${status}">${status}</span>` },
    {
      title: taskMetricName(report.variants),
      numeric: true,
      cell: ({ accuracy }) => shareDatum(accuracy?.task?.top1, accuracy?.task?.top1Low, accuracy?.task?.top1High),
    },
    {
      title: 'Same answers as FP32',
      numeric: true,
      cell: ({ accuracy }) =>
        shareDatum(accuracy?.task?.agreement, accuracy?.task?.agreementLow, accuracy?.task?.agreementHigh),
    },
    {
      title: 'Lowest SQNR',
      numeric: true,
      cell: ({ accuracy }) => {
        const { sqnrDb } = lowestSqnr(accuracy);
        return datum(sqnrDb, sqnrDb === null ? lowestSqnrText(accuracy) : decibelsText(sqnrDb));
      },
    },
    { title: `${latencyTitle}, median`, numeric: true, cell: latencyCell('medianMs') },
    { title: `${latencyTitle}, p99`, numeric: true, cell: latencyCell('p99Ms') },
  ];
  if (devices.length > 1) {
    list.push({ title: 'Timed on', cell: ({ latency }) => latency?.device ?? notMeasured });
  }
  if (hasGpuLatency(report)) {
    const gpuSpeedup = ({ latency, speedup }: Variant): number | null => (isGpuLatency(latency) ? speedup : null);
    list.push({
      title: 'Speed-up',
      numeric: true,
      cell: (variant) => datum(gpuSpeedup(variant), ratioText(gpuSpeedup(variant))),
    });
  }
  list.push(
    {
      title: 'ONNX',
      numeric: true,
      cell: (variant) => datum(onnxArtifact(variant)?.bytes, bytesText(onnxArtifact(variant)?.bytes)),
    },
    { title: 'Engines', numeric: true, cell: engineCell },
  );
  return list;
}

function failures(variants: readonly Variant[]): Html[] {
  return variants.flatMap((variant) =>
    variant.error === null
      ? []
      : [
          html`<p class="failure">
            <strong>${variant.name} ${variant.status}</strong>
            <code>${variant.error.code}</code> ${variant.error.reason}
            <span class="fix">${variant.error.fix}</span>
          </p>`,
        ],
  );
}

export function comparisonSection(report: Report): Html {
  const { evaluation } = report.data;
  const on = evaluation === null ? 'no evaluation data' : `${evaluation.samples} evaluation samples`;
  return html`<section aria-labelledby="comparison-title">
    <h2 id="comparison-title">Comparison</h2>
    <div class="scroll" id="comparison">
      ${dataTable(`Every precision against FP32, on ${on}; intervals are 95%.`, columns(report), report.variants)}
    </div>
    ${failures(report.variants)}
  </section>`;
}
