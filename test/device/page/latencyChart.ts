/** Median latency of a report's variants as bars, with the 99th percentile as a mark, in SVG. */
import { html, type Html } from '../../../extension/report/html';
import { millisecondsText, ratioText } from '../../../extension/contract/quantities';
import type { Variant } from '../../../extension/contract/report';

const [width, rowHeight, left, right] = [900, 26, 190, 190];

export function latencyChart(variants: readonly Variant[], title: string): Html | null {
  const timed = variants.flatMap(({ name, precision, latency, speedup }) =>
    latency === null ? [] : [{ name, precision, latency, speedup }],
  );
  if (timed.length === 0) return null;
  const longest = Math.max(...timed.map(({ latency }) => latency.p99Ms));
  const x = (ms: number): number => Math.round((10 * ms * (width - left - right)) / longest) / 10;
  const bars = timed.map(({ name, precision, latency: { medianMs, p99Ms }, speedup }, row) => {
    const top = row * rowHeight;
    const middle = top + 16;
    const times = speedup === null ? '' : `, ${ratioText(speedup)}`;
    return html`<text x="${left - 8}" y="${middle}" text-anchor="end">${name}</text>
      <rect x="${left}" y="${top + 4}" width="${x(medianMs)}" height="16" rx="2" fill="var(--${precision})" />
      <rect x="${left + x(p99Ms)}" y="${top + 4}" width="1.5" height="16" fill="var(--muted)" />
      <text class="value" x="${left + x(p99Ms) + 8}" y="${middle}">${millisecondsText(medianMs)}${times}</text>`;
  });
  return html`<svg viewBox="0 0 ${width} ${timed.length * rowHeight}" role="img" aria-label="${title}">${bars}</svg>`;
}
