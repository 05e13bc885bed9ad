/** Two runs beside each other: A is the one shown, B the one chosen to compare with. */
import { html, nothing, type TemplateResult } from 'lit-html';
import type { ShownReport } from '../../extension/contract/panels/comparisonView';
import { bytesText, millisecondsText, ratioText } from '../../extension/contract/quantities';
import type { Report, Variant } from '../../extension/contract/report';
import { accuracyScale, engineArtifacts, onnxArtifact } from '../../extension/contract/reportQueries';
import { dateText } from '../common/dateText';
import { icons } from '../common/icons';
import { t } from '../common/l10n';
import { numberCell, scaleCell, swatch, table, type Cell, type Column } from './cells';
import { comparability } from './comparability';
import { scaleTitle } from './figures';

interface Pair {
  readonly name: string;
  readonly precision: Variant['precision'];
  readonly a: Variant | null;
  readonly b: Variant | null;
}

function pairsOf(a: Report, b: Report): Pair[] {
  const names = [...new Set([...a.variants, ...b.variants].map(({ name }) => name))];
  return names.flatMap((name) => {
    const first = a.variants.find((variant) => variant.name === name) ?? null;
    const second = b.variants.find((variant) => variant.name === name) ?? null;
    const precision = (first ?? second)?.precision;
    return precision === undefined ? [] : [{ name, precision, a: first, b: second }];
  });
}

const sizeOf = (variant: Variant): number | undefined =>
  engineArtifacts(variant)[0]?.bytes ?? onnxArtifact(variant)?.bytes;

function columns(a: Report, b: Report): Column<Pair>[] {
  const scale = accuracyScale([...a.variants, ...b.variants]);
  const none = numberCell('');
  const both = (title: string, cell: (variant: Variant) => Cell): Column<Pair>[] => [
    { title: `${title}, A`, numeric: true, cell: (pair) => (pair.a === null ? none : cell(pair.a)) },
    { title: 'B', numeric: true, cell: (pair) => (pair.b === null ? none : cell(pair.b)) },
  ];
  const sameDevice = (pair: Pair): boolean =>
    pair.a?.latency != null && pair.b?.latency != null && pair.a.latency.device === pair.b.latency.device;
  const ratio = (pair: Pair): number | null =>
    sameDevice(pair) ? (pair.b?.latency?.medianMs ?? 0) / (pair.a?.latency?.medianMs ?? 1) : null;
  return [
    { title: t('Variant'), cell: (pair) => html`${swatch(pair)}${pair.name}` },
    ...(scale === null ? [] : both(scaleTitle(scale), (variant) => scaleCell(scale, variant))),
    ...both(t('Median'), ({ latency }) =>
      latency === null
        ? numberCell(millisecondsText(null))
        : html`${millisecondsText(latency.medianMs)}${latency.device === 'cpu' ? html`<span class="interval">CPU</span>` : nothing}`,
    ),
    { title: t('B over A'), numeric: true, cell: (pair) => numberCell(ratioText(ratio(pair))) },
    ...both(t('Size'), (variant) => numberCell(bytesText(sizeOf(variant)))),
  ];
}

function runCard({ report, path }: ShownReport, letter: string): TemplateResult {
  return html`<div class="run-card">
    <p><span class="badge">${letter}</span> ${dateText(report.createdAt)}</p>
    <p class="quiet small path">${path}</p>
    <p class="small">
      ${report.verdict.recommended === null ? t('No recommendation') : t('Recommends {0}', report.verdict.recommended.toUpperCase())}
    </p>
  </div>`;
}

export function besideSection(a: ShownReport, b: ShownReport): TemplateResult {
  const notes = comparability(a.report, b.report);
  const title = t('Two runs side by side');
  return html`<section aria-labelledby="beside-title">
    <h2 id="beside-title">${title}</h2>
    <div class="run-cards">${runCard(a, 'A')}${runCard(b, 'B')}</div>
    ${notes.map((note) => html`<p class="message warning">${icons.warning}<span>${note}</span></p>`)}
    ${table(title, columns(a.report, b.report), pairsOf(a.report, b.report))}
  </section>`;
}
