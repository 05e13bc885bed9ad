/** Line icons of 16 units in the color of the text around them; decorative, so hidden from screen readers. */
import { svg, type TemplateResult } from 'lit-html';

function icon(path: string): TemplateResult {
  return svg`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d=${path} fill="none" stroke="currentColor" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round"></path></svg>`;
}

export const icons = {
  play: icon('M4.5 3v10l8-5z'),
  stop: icon('M4 4h8v8H4z'),
  save: icon('M3 3h8l2 2v8H3zM5.5 3v3.5h5V3M5 13V9.5h6V13'),
  copy: icon('M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z'),
  folder: icon('M2 12.5v-9h4l1.5 2H14v7z'),
  file: icon('M4 2.5h5.5L12 5v8.5H4zM9.5 2.5V5H12'),
  add: icon('M8 3v10M3 8h10'),
  remove: icon('M4 4l8 8M12 4l-8 8'),
  up: icon('M8 13V3M4 7l4-4 4 4'),
  down: icon('M8 3v10M4 9l4 4 4-4'),
  check: icon('M3 8.5l3.5 3.5L13 4.5'),
  warning: icon('M8 2.5L14.5 13.5h-13zM8 6.5v3.5M8 11.8v.1'),
  error: icon('M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6'),
  info: icon('M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M8 7v4.2M8 4.8v.1'),
  image: icon('M2.5 3h11v10h-11zM2.5 11l3.5-3.5 2.5 2.5 2-1.5 3 3M10.5 6v.1'),
  refresh: icon('M13 8a5 5 0 1 1-1.5-3.5M13 2.5v3h-3'),
  external: icon('M9 3h4v4M13 3L7.5 8.5M7 4H3v9h9V9'),
  chart: icon('M2.5 2.5v11h11M5.5 11V8M8.5 11V4.5M11.5 11V6.5'),
  clock: icon('M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M8 4.5V8l2.5 1.8'),
} as const;

export type IconName = keyof typeof icons;
