/** Pieces that several sections of the HTML report share. */
import { intervalText, percentText } from '../../contract/quantities';
import type { Variant } from '../../contract/report';
import { html, type Html, type HtmlPart } from '../html';

/** A number with its exact value for machines beside the text for people; plain text where nothing was measured. */
export function datum(value: number | null | undefined, text: string): Html {
  return value === null || value === undefined
    ? html`<span class="missing">${text}</span>`
    : html`<data value="${String(value)}">${text}</data>`;
}

/** A share with its 95 % interval under it. */
export function shareDatum(share: number | null | undefined, low?: number | null, high?: number | null): Html {
  const bounds = intervalText(low, high);
  return html`${datum(share, percentText(share))}${bounds !== '' && html` <small class="interval">${bounds}</small>`}`;
}

/** The colored mark of a variant's precision; decoration only, the name stands beside it. */
export function swatch({ precision }: Pick<Variant, 'precision'>): Html {
  return html`<span class="swatch ${precision}" aria-hidden="true"></span>`;
}

export interface TableColumn<Row> {
  readonly title: string;
  readonly cell: (row: Row) => HtmlPart;
  /** Numbers align right. */
  readonly numeric?: boolean;
}

/** A table that becomes a list of cards on narrow screens; the first column heads the row. */
export function dataTable<Row>(caption: string, columns: readonly TableColumn<Row>[], rows: readonly Row[]): Html {
  const align = ({ numeric }: TableColumn<Row>): string => (numeric === true ? 'number' : 'text');
  const head = columns.map((column) => html`<th scope="col" class="${align(column)}">${column.title}</th>`);
  const body = rows.map((row) => {
    const cells = columns.map((column, i) =>
      i === 0
        ? html`<th scope="row">${column.cell(row)}</th>`
        : html`<td class="${align(column)}" data-title="${column.title}">
            <span class="cell">${column.cell(row)}</span>
          </td>`,
    );
    return html`<tr>
      ${cells}
    </tr>`;
  });
  return html`<table>
    <caption>
      ${caption}
    </caption>
    <thead>
      <tr>
        ${head}
      </tr>
    </thead>
    <tbody>
      ${body}
    </tbody>
  </table>`;
}

export type Fact = readonly [term: string, description: HtmlPart];

export function factList(facts: readonly Fact[]): Html {
  const pairs = facts.map(
    ([term, description]) =>
      html`<div>
        <dt>${term}</dt>
        <dd>${description}</dd>
      </div>`,
  );
  return html`<dl class="facts">${pairs}</dl>`;
}
