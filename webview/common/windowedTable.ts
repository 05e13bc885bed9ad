/**
 * A table with thousands of rows in a scrolling frame: only the rows in view are drawn, between two spacers. All rows have
 * the same height. Screen readers are told the whole count.
 */
import { html, nothing, type TemplateResult } from 'lit-html';

export interface RowWindow {
  readonly first: number;
  readonly end: number;
}

/** The rows to draw for a scroll position, with some before and after so that scrolling shows no gap. */
export function rowWindow(count: number, top: number, rowHeight: number, height: number, margin = 10): RowWindow {
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight) - margin, count - 1));
  return { first, end: Math.min(count, Math.ceil((top + height) / rowHeight) + margin) };
}

/** As in `base.css`, in CSS pixels. */
const rowHeight = 30;
const frameHeight = 360;

export interface WindowedTable<Row> {
  /** Read aloud. */
  readonly label: string;
  /** The cells of the head row. */
  readonly head: TemplateResult;
  readonly columns: number;
  readonly rows: readonly Row[];
  /** A `tr`; `rowIndex` is its `aria-rowindex`. */
  readonly row: (row: Row, rowIndex: number) => TemplateResult;
  /** Scroll position of the frame. */
  readonly top: number;
  readonly onScroll: (top: number) => void;
}

export function windowedTable<Row>(table: WindowedTable<Row>): TemplateResult {
  const { label, head, columns, rows, row, top, onScroll } = table;
  const { first, end } = rowWindow(rows.length, top, rowHeight, frameHeight);
  const spacer = (hidden: number): TemplateResult | typeof nothing =>
    hidden <= 0
      ? nothing
      : html`<tr aria-hidden="true">
          <td class="spacer" colspan=${columns} .style=${`height: ${hidden * rowHeight}px`}></td>
        </tr>`;
  return html`<div
    class="windowed"
    tabindex="0"
    role="group"
    aria-label=${label}
    @scroll=${(event: Event) => onScroll((event.target as HTMLElement).scrollTop)}
  >
    <table aria-rowcount=${rows.length + 1}>
      <thead>
        <tr aria-rowindex="1">
          ${head}
        </tr>
      </thead>
      <tbody>
        ${spacer(first)}${rows.slice(first, end).map((one, offset) => row(one, first + offset + 2))}${spacer(rows.length - end)}
      </tbody>
    </table>
  </div>`;
}
