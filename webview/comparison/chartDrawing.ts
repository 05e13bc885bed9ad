/**
 * Puts charts onto the canvases that the page's markup holds, draws them again when data or theme change, and takes those
 * away whose canvas is gone.
 */
import type { Chart } from 'chart.js';
import { readChartPalette } from '../common/chartPalette';
import { drawLatencyChart, drawScatterChart, latencyChartHeight } from '../common/charts';
import type { Figure } from './figures';

interface Drawn {
  readonly key: string;
  readonly chart: Pick<Chart, 'destroy'>;
}

const drawn = new Map<HTMLCanvasElement, Drawn>();

export function canvasHeight(figure: Figure): number {
  return figure.kind === 'latency' ? latencyChartHeight(figure.bars.length) : 260;
}

function draw(canvas: HTMLCanvasElement, figure: Figure): Pick<Chart, 'destroy'> {
  const palette = readChartPalette(document.body);
  if (canvas.parentElement !== null) canvas.parentElement.style.height = `${canvasHeight(figure)}px`;
  if (figure.kind === 'latency') return drawLatencyChart(canvas, figure.bars, palette);
  const { points, quantity, xTitle, scale, front } = figure;
  return drawScatterChart(canvas, points, { quantity, xTitle, yTitle: '', isShare: scale.isShare, front }, palette);
}

/**
 * @param figures those on the page; a canvas names its figure in `data-figure`
 * @param version changes with the theme
 */
export function drawFigures(figures: readonly Figure[], version: number): void {
  const canvases = [...document.querySelectorAll<HTMLCanvasElement>('canvas[data-figure]')];
  for (const [canvas, { chart }] of drawn) {
    if (canvases.includes(canvas)) continue;
    chart.destroy();
    drawn.delete(canvas);
  }
  for (const canvas of canvases) {
    const figure = figures.find(({ id }) => id === canvas.dataset['figure']);
    if (figure === undefined) continue;
    const key = `${version} ${figure.summary}`;
    const old = drawn.get(canvas);
    if (old?.key === key) continue;
    old?.chart.destroy();
    drawn.set(canvas, { key, chart: draw(canvas, figure) });
  }
}

/** All charts on one picture with their titles, as a PNG data URL; null when there is none. */
export function chartsAsPng(figures: readonly Figure[], title: string): string | null {
  const parts = figures.flatMap((figure) => {
    const canvas = document.querySelector<HTMLCanvasElement>(`canvas[data-figure="${CSS.escape(figure.id)}"]`);
    return canvas === null || canvas.width === 0 ? [] : [{ canvas, title: figure.title }];
  });
  if (parts.length === 0) return null;
  const ratio = devicePixelRatio;
  const margin = 20 * ratio;
  const line = 30 * ratio;
  const picture = document.createElement('canvas');
  picture.width = Math.max(...parts.map(({ canvas }) => canvas.width)) + 2 * margin;
  picture.height = parts.reduce((height, { canvas }) => height + canvas.height + line, 2 * margin + line);
  const ctx = picture.getContext('2d');
  if (ctx === null) return null;
  const palette = readChartPalette(document.body);
  ctx.fillStyle = palette.surface;
  ctx.fillRect(0, 0, picture.width, picture.height);
  ctx.fillStyle = palette.ink;
  ctx.textBaseline = 'top';
  let y = margin;
  const write = (text: string, size: number): void => {
    ctx.font = `600 ${size * ratio}px ${palette.font}`;
    ctx.fillText(text, margin, y);
    y += line;
  };
  write(title, 16);
  for (const { canvas, title: name } of parts) {
    write(name, 13);
    ctx.drawImage(canvas, margin, y);
    y += canvas.height;
  }
  return picture.toDataURL('image/png');
}
