/**
 * The colors of the charts, read from CSS variables, so that a theme is changed in one stylesheet.
 *
 * A page defines `--ink`, `--muted`, `--line`, `--surface` and one `--fp32`, `--fp16`, … for each precision.
 */
import type { Precision } from '../../extension/contract/plan';

export interface ChartPalette {
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  readonly surface: string;
  readonly font: string;
  readonly precision: Readonly<Record<Precision, string>>;
}

export function readChartPalette(element: Element): ChartPalette {
  const style = getComputedStyle(element);
  // A variable may hold an expression; the color of an element is computed to what a canvas takes.
  const probe = document.createElement('span');
  element.append(probe);
  const color = (name: string): string => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const palette: ChartPalette = {
    ink: color('--ink'),
    muted: color('--muted'),
    line: color('--line'),
    surface: color('--surface'),
    font: style.fontFamily,
    precision: {
      fp32: color('--fp32'),
      fp16: color('--fp16'),
      bf16: color('--bf16'),
      int8: color('--int8'),
      fp8: color('--fp8'),
      int4: color('--int4'),
    },
  };
  probe.remove();
  return palette;
}
