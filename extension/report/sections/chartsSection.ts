/** The charts, each with the same numbers as a table; the page script draws on the canvases written here. */
import {
  bytesText,
  decibelsText,
  intervalText,
  millisecondsText,
  notMeasured,
  percentText,
  ratioText,
} from '../../contract/quantities';
import {
  accuracyScale,
  engineArtifacts,
  hasGpuLatency,
  latencyDevices,
  type AccuracyScale,
  type Measured,
} from '../../contract/reportQueries';
import type { Latency, Report, Variant } from '../../contract/report';
import { html, type Html } from '../html';
import { dataTable, datum, shareDatum, swatch, type TableColumn } from './common';

interface Figure {
  readonly chart: 'latency' | 'accuracyLatency' | 'accuracySize';
  readonly device: string;
  readonly title: string;
  readonly note: string;
  readonly xTitle: string;
  /** Read aloud in place of the picture. */
  readonly summary: string;
  readonly table: Html;
}

function figure({ chart, device, title, note, xTitle, summary, table }: Figure): Html {
  return html`<figure class="${chart === 'latency' ? 'bars' : 'plane'}">
    <figcaption>
      <h3>${title}</h3>
      <p>${note}</p>
    </figcaption>
    <div class="canvas">
      <canvas
        role="img"
        aria-label="${summary}"
        data-chart="${chart}"
        data-device="${device}"
        data-x-title="${xTitle}"
      ></canvas>
    </div>
    <details class="twin">
      <summary>The same numbers as a table</summary>
      ${table}
    </details>
  </figure>`;
}

const nameColumn: TableColumn<Variant> = {
  title: 'Variant',
  cell: (variant) => html`${swatch(variant)}${variant.name}`,
};

function measuredText(scale: AccuracyScale, measured: Measured | null): string {
  if (measured === null) return '';
  if (!scale.isShare) return decibelsText(measured.value);
  const bounds = intervalText(measured.low, measured.high);
  return bounds === '' ? percentText(measured.value) : `${percentText(measured.value)} (${bounds})`;
}

function scaleCell(scale: AccuracyScale, measured: Measured | null): Html {
  if (measured === null) return datum(null, notMeasured);
  return scale.isShare
    ? shareDatum(measured.value, measured.low, measured.high)
    : datum(measured.value, decibelsText(measured.value));
}

function scaleColumn(scale: AccuracyScale): TableColumn<Variant> {
  return { title: scale.title, numeric: true, cell: (variant) => scaleCell(scale, scale.of(variant)) };
}

const deviceName = (device: string): string => (device === 'cpu' ? 'CPU' : device);

function conditionsText(latency: Latency | null): string {
  if (latency === null) return '';
  const conditions = Object.entries(latency.conditions).flatMap(([name, value]) => {
    if (value === null) return [];
    if (typeof value === 'boolean') return [value ? name : `no ${name}`];
    return [`${name} ${value}`];
  });
  return `${[`Batch ${latency.batch}`, `${latency.iterations} runs`, ...conditions].join(', ')}.`;
}

/** The ratio of interleaved rounds, which drifting clocks do not bias. */
function versusCell({ latency }: Variant): Html {
  const versus = latency?.versusBaseline ?? null;
  if (versus === null) return datum(null, '–');
  const bounds =
    versus.low === null || versus.high === null ? '' : ` (${versus.low.toFixed(2)}–${versus.high.toFixed(2)})`;
  return datum(
    versus.ratio,
    `${ratioText(versus.ratio)}${bounds}${versus.verdict === null ? '' : `, ${versus.verdict}`}`,
  );
}

function latencyFigure(variants: readonly Variant[], device: string): Html {
  const timed = variants.filter(({ latency }) => latency?.device === device);
  const of = (pick: (latency: Latency) => number) => (variant: Variant) => {
    const value = variant.latency === null ? null : pick(variant.latency);
    return datum(value, millisecondsText(value));
  };
  const columns: TableColumn<Variant>[] = [
    nameColumn,
    { title: 'median', numeric: true, cell: of(({ medianMs }) => medianMs) },
    { title: 'mean', numeric: true, cell: of(({ meanMs }) => meanMs) },
    { title: 'p90', numeric: true, cell: of(({ p90Ms }) => p90Ms) },
    { title: 'p95', numeric: true, cell: of(({ p95Ms }) => p95Ms) },
    { title: 'p99', numeric: true, cell: of(({ p99Ms }) => p99Ms) },
    {
      title: 'variation',
      numeric: true,
      cell: ({ latency }) => datum(latency?.cov, percentText(latency?.cov, 1)),
    },
  ];
  if (timed.some(({ latency }) => latency?.versusBaseline != null)) {
    columns.push({ title: 'time against FP32 (95%)', numeric: true, cell: versusCell });
  }
  const listed = timed.map(({ name, latency }) => `${name} ${millisecondsText(latency?.medianMs)}`).join(', ');
  const caveat = device === 'cpu' ? 'Embedded runtime on the CPU: it does not predict TensorRT.' : '';
  return figure({
    chart: 'latency',
    device,
    title: `${deviceName(device)} latency`,
    note: `Bar: median. Whisker: p99. ${caveat} ${conditionsText(timed[0]?.latency ?? null)}`.trim(),
    xTitle: '',
    summary: `Median latency on the ${deviceName(device)}: ${listed}.`,
    table: dataTable(`Latency on ${deviceName(device)}`, columns, timed),
  });
}

function accuracyLatencyFigure(variants: readonly Variant[], scale: AccuracyScale, device: string): Html | false {
  const shown = variants.filter((variant) => variant.latency?.device === device && scale.of(variant) !== null);
  if (shown.length < 2) return false;
  const listed = shown.map(
    (variant) =>
      `${variant.name} ${measuredText(scale, scale.of(variant))} at ${millisecondsText(variant.latency?.medianMs)}`,
  );
  const columns: TableColumn<Variant>[] = [
    nameColumn,
    scaleColumn(scale),
    {
      title: 'Median latency',
      numeric: true,
      cell: ({ latency }) => datum(latency?.medianMs, millisecondsText(latency?.medianMs)),
    },
  ];
  const title = `${scale.title} against ${deviceName(device)} latency`;
  return figure({
    chart: 'accuracyLatency',
    device,
    title,
    note: `Upper left is best.${scale.isShare ? ' Whiskers: 95% intervals.' : ''}${device === 'cpu' ? ' CPU latency, not TensorRT’s.' : ''}`,
    xTitle: `median ${deviceName(device)} latency`,
    summary: `${title}: ${listed.join('; ')}.`,
    table: dataTable(title, columns, shown),
  });
}

function accuracySizeFigure(variants: readonly Variant[], scale: AccuracyScale): Html | false {
  const size = (variant: Variant): number | null => engineArtifacts(variant)[0]?.bytes ?? null;
  const shown = variants.filter((variant) => size(variant) !== null && scale.of(variant) !== null);
  if (shown.length < 2) return false;
  const target = engineArtifacts(shown[0] as Variant)[0]?.target ?? 'this GPU';
  const listed = shown.map(
    (variant) => `${variant.name} ${measuredText(scale, scale.of(variant))} at ${bytesText(size(variant))}`,
  );
  const columns: TableColumn<Variant>[] = [
    nameColumn,
    scaleColumn(scale),
    { title: `Engine (${target})`, numeric: true, cell: (variant) => datum(size(variant), bytesText(size(variant))) },
  ];
  const title = `${scale.title} against engine size`;
  return figure({
    chart: 'accuracySize',
    device: '',
    title,
    note: `Upper left is best. Engines for ${target}.`,
    xTitle: `engine size (${target})`,
    summary: `${title}: ${listed.join('; ')}.`,
    table: dataTable(title, columns, shown),
  });
}

export function chartsSection(report: Report): Html {
  const { variants } = report;
  const devices = latencyDevices(variants);
  const scale = accuracyScale(variants);
  const figures = [
    ...devices.map((device) => latencyFigure(variants, device)),
    ...devices.map((device) => scale !== null && accuracyLatencyFigure(variants, scale, device)),
    // Without GPU timing the engine's size is the one measured cost that carries over to the GPU.
    !hasGpuLatency(report) && scale !== null && accuracySizeFigure(variants, scale),
  ];
  return html`<section aria-labelledby="charts-title">
    <h2 id="charts-title">Latency and accuracy</h2>
    ${devices.length === 0 && html`<p class="missing">Latency was not measured.</p>`}
    <div class="charts">${figures}</div>
  </section>`;
}
