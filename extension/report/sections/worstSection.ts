/** The samples that each variant handles worst: where to look when accuracy falls. */
import { decibelsText } from '../../contract/quantities';
import type { Accuracy, Report } from '../../contract/report';
import { html, type Html } from '../html';
import { dataTable, datum, swatch, type TableColumn } from './common';

type Worst = Accuracy['worst'][number];

const textCell = (text: string | null): Html => html`${text ?? html`<span class="missing">–</span>`}`;

const columns: readonly TableColumn<Worst>[] = [
  { title: 'Sample', cell: ({ sample }) => html`<code>${sample}</code>` },
  { title: 'SQNR', numeric: true, cell: ({ sqnrDb }) => datum(sqnrDb, decibelsText(sqnrDb)) },
  { title: 'Label', cell: ({ label }) => textCell(label) },
  { title: 'FP32 says', cell: ({ expected }) => textCell(expected) },
  {
    title: 'This says',
    cell: ({ expected, got }) =>
      expected === got ? textCell(got) : html`<strong class="changed">${got ?? '–'}</strong>`,
  },
];

export function worstSection(report: Report): Html | false {
  const variants = report.variants.filter(({ accuracy }) => (accuracy?.worst.length ?? 0) > 0);
  if (variants.length === 0) return false;
  const blocks = variants.map(
    (variant, i) =>
      html`<details class="block" ${i === variants.length - 1 ? 'open' : ''}>
        <summary>${swatch(variant)}${variant.name}</summary>
        <div class="scroll">
          ${dataTable(`Lowest SQNR of the first output, worst first, ${variant.name}`, columns, variant.accuracy?.worst ?? [])}
        </div>
      </details>`,
  );
  return html`<section aria-labelledby="worst-title">
    <h2 id="worst-title">Worst samples</h2>
    <p class="note">Answers that differ from FP32’s are marked.</p>
    ${blocks}
  </section>`;
}
