/** The charts, each with the same numbers as a table. */
import { html, type TemplateResult } from 'lit-html';
import { bytesText, millisecondsText, notMeasured, significantText } from '../../extension/contract/quantities';
import type { Variant } from '../../extension/contract/report';
import { t } from '../common/l10n';
import { numberCell, scaleCell, swatch, table, type Cell, type Column } from './cells';
import type { ComparisonActions, ComparisonState } from './comparisonState';
import { scaleTitle, type Figure, type LatencyFigure, type ScatterFigure } from './figures';
import { fold } from './fold';

const nameColumn: Column<Variant> = {
  title: '',
  cell: (variant) => html`${swatch(variant)}${variant.name}`,
};

/** Per inference of the batch. */
function energyCell({ latency }: Variant): Cell {
  const energy = latency?.energyMillijoules ?? null;
  return energy === null ? numberCell(notMeasured) : `${significantText(energy)} mJ`;
}

function latencyTable({ device, title }: LatencyFigure, variants: readonly Variant[]): TemplateResult {
  const times = [
    ['median', 'medianMs'],
    ['mean', 'meanMs'],
    ['p90', 'p90Ms'],
    ['p95', 'p95Ms'],
    ['p99', 'p99Ms'],
  ] as const;
  const columns: Column<Variant>[] = [
    { ...nameColumn, title: t('Variant') },
    ...times.map(([name, field]) => ({
      title: name,
      numeric: true,
      cell: ({ latency }: Variant) => numberCell(millisecondsText(latency?.[field])),
    })),
  ];
  const timed = variants.filter(({ latency }) => latency?.device === device);
  if (timed.some(({ latency }) => latency?.energyMillijoules != null)) {
    columns.push({ title: t('Energy'), numeric: true, cell: energyCell });
  }
  return table(title, columns, timed);
}

function scatterTable(
  { points, scale, quantity, xTitle, title }: ScatterFigure,
  variants: readonly Variant[],
): TemplateResult {
  const costOf = ({ name }: Variant): number | null => points.find((point) => point.name === name)?.x ?? null;
  const columns: Column<Variant>[] = [
    { ...nameColumn, title: t('Variant') },
    { title: scaleTitle(scale), numeric: true, cell: (variant) => scaleCell(scale, variant) },
    {
      title: xTitle,
      numeric: true,
      cell: (variant) =>
        numberCell(quantity === 'latency' ? millisecondsText(costOf(variant)) : bytesText(costOf(variant))),
    },
  ];
  return table(
    title,
    columns,
    variants.filter((variant) => costOf(variant) !== null),
  );
}

function figureView(
  figure: Figure,
  variants: readonly Variant[],
  state: ComparisonState,
  actions: ComparisonActions,
): TemplateResult {
  return html`<figure class="figure" data-kind=${figure.kind}>
    <figcaption>
      <h3>${figure.title}</h3>
      <p class="quiet small">${figure.note}</p>
    </figcaption>
    <div class="canvas"><canvas role="img" aria-label=${figure.summary} data-figure=${figure.id}></canvas></div>
    ${fold(state, actions, {
      id: `table-${figure.id}`,
      level: 3,
      title: t('The same numbers as a table'),
      body: () => (figure.kind === 'latency' ? latencyTable(figure, variants) : scatterTable(figure, variants)),
    })}
  </figure>`;
}

export function chartsSection(
  figures: readonly Figure[],
  variants: readonly Variant[],
  state: ComparisonState,
  actions: ComparisonActions,
): TemplateResult {
  return html`<section aria-labelledby="charts-title">
    <h2 id="charts-title">${t('Latency and accuracy')}</h2>
    ${figures.length === 0 ? html`<p class="quiet">${t('Neither latency nor accuracy was measured.')}</p>` : ''}
    <div class="figures">${figures.map((figure) => figureView(figure, variants, state, actions))}</div>
  </section>`;
}
