/** Cells and small parts that several tables of the comparison share. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { decibelsText, intervalText, notMeasured, percentText } from '../../extension/contract/quantities';
import type { Variant } from '../../extension/contract/report';
import { lowestSqnrText, type AccuracyScale, type Measured } from '../../extension/contract/reportQueries';
import { t } from '../common/l10n';

export type Cell = TemplateResult | string | typeof nothing;

/** A number as text; what was not measured is said quietly. */
export function numberCell(text: string): Cell {
  return text === notMeasured ? html`<span class="quiet">–<span class="sr">${t('not measured')}</span></span>` : text;
}

export function shareCell(measured: Measured | null): Cell {
  if (measured === null) return numberCell(notMeasured);
  const bounds = intervalText(measured.low, measured.high);
  return html`${percentText(measured.value)}${bounds === '' ? nothing : html`<span class="interval">${bounds}</span>`}`;
}

export function scaleCell(scale: AccuracyScale, variant: Variant): Cell {
  const measured = scale.of(variant);
  if (measured === null) return numberCell(notMeasured);
  return scale.isShare ? shareCell(measured) : decibelsText(measured.value);
}

export function sqnrCell({ accuracy }: Variant): Cell {
  const text = lowestSqnrText(accuracy);
  return text === 'identical' ? t('identical') : numberCell(text);
}

export function swatch({ precision }: Pick<Variant, 'precision'>): TemplateResult {
  return html`<span class="swatch ${precision}"></span>`;
}

export interface Column<Row> {
  readonly title: string;
  readonly numeric?: boolean;
  readonly cell: (row: Row) => Cell;
}

/** The first column heads its row. */
export function table<Row>(label: string, columns: readonly Column<Row>[], rows: readonly Row[]): TemplateResult {
  return html`<div class="scroll-x" tabindex="0" role="group" aria-label=${label}>
    <table class="data">
      <thead>
        <tr>
          ${columns.map(({ title, numeric }) => html`<th scope="col" class=${numeric === true ? 'num' : ''}>${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${columns.map(({ numeric, cell }, index) =>
                index === 0
                  ? html`<th scope="row">${cell(row)}</th>`
                  : html`<td class=${numeric === true ? 'num' : ''}>${cell(row)}</td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
