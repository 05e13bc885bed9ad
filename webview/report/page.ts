/**
 * The script of the HTML report: draws the charts, switches the theme, prepares printing. All text is there without it.
 *
 * It is bundled and inlined into every report (`scripts/reportPagePlugin.mjs`); the renderer in `extension/report/` writes
 * the page around it. It makes no request of any kind.
 */
import type { Chart } from 'chart.js';
import type { Variant } from '../../extension/contract/report';
import { accuracyScale } from '../../extension/contract/reportQueries';
import { engineSizePoints, latencyBars, latencyPoints, paretoFront } from '../common/chartData';
import { readChartPalette, type ChartPalette } from '../common/chartPalette';
import { drawLatencyChart, drawScatterChart, latencyChartHeight } from '../common/charts';

type Theme = 'light' | 'dark';

const root = document.documentElement;
const themeKey = 'precision-bench-theme';

/** A drawn chart, whatever its kind. */
type Drawn = Pick<Chart, 'destroy' | 'resize' | 'canvas'>;

const charts: Drawn[] = [];
/** Width of the text block of a printed page and of half of it, in CSS pixels (A4 and Letter less their margins). */
const paperWidth = { bars: 690, plane: 330 } as const;

function readVariants(): readonly Variant[] {
  const text = document.getElementById('chart-data')?.textContent ?? '[]';
  return JSON.parse(text) as Variant[];
}

const variants = readVariants();

function drawChart(canvas: HTMLCanvasElement, palette: ChartPalette): Drawn | null {
  const device = canvas.dataset['device'] ?? '';
  const scale = accuracyScale(variants);
  const axes = {
    xTitle: canvas.dataset['xTitle'] ?? '',
    yTitle: scale?.title ?? '',
    isShare: scale?.isShare ?? false,
  };
  switch (canvas.dataset['chart']) {
    case 'latency': {
      const bars = latencyBars(variants, device);
      if (canvas.parentElement !== null) canvas.parentElement.style.height = `${latencyChartHeight(bars.length)}px`;
      return drawLatencyChart(canvas, bars, palette);
    }
    case 'accuracyLatency': {
      const points = latencyPoints(variants, device);
      // CPU latency is shown and never ranked.
      const front = device === 'cpu' ? [] : paretoFront(points);
      return drawScatterChart(canvas, points, { ...axes, quantity: 'latency', front }, palette);
    }
    case 'accuracySize': {
      const points = engineSizePoints(variants);
      return drawScatterChart(canvas, points, { ...axes, quantity: 'bytes', front: paretoFront(points) }, palette);
    }
    default:
      return null;
  }
}

function drawCharts(): void {
  for (const chart of charts.splice(0)) chart.destroy();
  const palette = readChartPalette(document.body);
  for (const canvas of document.querySelectorAll<HTMLCanvasElement>('canvas[data-chart]')) {
    const chart = drawChart(canvas, palette);
    if (chart !== null) charts.push(chart);
  }
}

function systemTheme(): Theme {
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Storage may be forbidden for a page opened from disk; the choice is then forgotten. */
function storedTheme(): Theme | null {
  try {
    const stored = localStorage.getItem(themeKey);
    return stored === 'light' || stored === 'dark' ? stored : null;
  } catch {
    return null;
  }
}

function storeTheme(theme: Theme): void {
  try {
    localStorage.setItem(themeKey, theme);
  } catch {
    // Forgetting the choice is all that happens.
  }
}

function showTheme(theme: Theme): void {
  root.dataset['theme'] = theme;
  const button = document.getElementById('theme');
  if (button !== null) {
    button.textContent = theme === 'dark' ? 'Light colors' : 'Dark colors';
    button.hidden = false;
  }
  drawCharts();
}

function currentTheme(): Theme {
  return root.dataset['theme'] === 'dark' ? 'dark' : 'light';
}

function setUpTheme(): void {
  showTheme(storedTheme() ?? systemTheme());
  document.getElementById('theme')?.addEventListener('click', () => {
    const theme = currentTheme() === 'dark' ? 'light' : 'dark';
    storeTheme(theme);
    showTheme(theme);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    if (storedTheme() === null) showTheme(systemTheme());
  });
}

/** Paper is white and shows everything: light charts, all details open; both are put back afterwards. */
function setUpPrinting(): void {
  let screenTheme: Theme = currentTheme();
  let opened: HTMLDetailsElement[] = [];
  addEventListener('beforeprint', () => {
    screenTheme = currentTheme();
    opened = [...document.querySelectorAll<HTMLDetailsElement>('details:not([open])')];
    for (const details of opened) details.open = true;
    showTheme('light');
    for (const chart of charts) fitToPaper(chart);
  });
  addEventListener('afterprint', () => {
    for (const details of opened) details.open = false;
    showTheme(screenTheme);
  });
}

/** Redrawn at the size it is printed in, so that its letters are as large as those around it. */
function fitToPaper(chart: Drawn): void {
  const { canvas } = chart;
  const bars = canvas.dataset['chart'] === 'latency';
  const height = bars ? canvas.clientHeight : 0.75 * paperWidth.plane;
  chart.resize(bars ? paperWidth.bars : paperWidth.plane, height);
}

function setUpCopying(): void {
  const button = document.getElementById('copy');
  const command = document.getElementById('command');
  if (button === null || command === null) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(command.textContent ?? '').then(
      () => (button.textContent = 'Copied'),
      () => getSelection()?.selectAllChildren(command),
    );
  });
}

setUpTheme();
setUpPrinting();
setUpCopying();
