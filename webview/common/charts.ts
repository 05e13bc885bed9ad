/**
 * The charts of the report and the comparison view: plain data in, a chart on a canvas out.
 *
 * Values are written beside their marks, so a chart reads the same on paper and without a pointer. Nothing is animated.
 */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  LinearScale,
  PointElement,
  ScatterController,
  type ChartConfiguration,
  type Plugin,
} from 'chart.js';
import { decibelsText, millisecondsText, percentText } from '../../extension/contract/quantities';
import type { LatencyBar, ScatterPoint } from './chartData';
import type { ChartPalette } from './chartPalette';

Chart.register(BarController, BarElement, CategoryScale, LinearScale, PointElement, ScatterController);

const fontSize = 13;
const rowHeight = 52;
const barThickness = 14;

/** What a chart shows on its horizontal axis. */
export type ScatterQuantity = 'latency' | 'bytes';

/** Axis units; sizes are drawn in MiB, so that ticks are round. */
const units = { latency: { name: 'ms', size: 1 }, bytes: { name: 'MiB', size: 2 ** 20 } } as const;

function font(palette: ChartPalette, weight = 400): string {
  return `${weight} ${fontSize}px ${palette.font}`;
}

/** A whisker from the end of each bar to its p99, and the variant's name and numbers above the bar. */
function latencyMarks(bars: readonly LatencyBar[], palette: ChartPalette): Plugin<'bar'> {
  return {
    id: 'latencyMarks',
    afterDatasetsDraw: (chart) => {
      const { ctx, scales, chartArea } = chart;
      const x = scales['x'];
      if (x === undefined) return;
      ctx.save();
      ctx.textBaseline = 'bottom';
      chart.getDatasetMeta(0).data.forEach((element, i) => {
        const bar = bars[i];
        if (bar === undefined) return;
        const median = x.getPixelForValue(bar.medianMs);
        const p99 = x.getPixelForValue(bar.p99Ms);
        const half = barThickness / 2;
        ctx.strokeStyle = palette.ink;
        ctx.lineWidth = 1.5;
        ctx.beginPath();
        ctx.moveTo(median, element.y);
        ctx.lineTo(p99, element.y);
        ctx.moveTo(p99, element.y - half);
        ctx.lineTo(p99, element.y + half);
        ctx.stroke();
        const top = element.y - half - 3;
        ctx.fillStyle = palette.ink;
        ctx.font = font(palette, 600);
        const name = shortened(ctx, bar.name, chartArea.width / 2);
        ctx.fillText(name, chartArea.left, top);
        const nameWidth = ctx.measureText(name).width;
        ctx.font = font(palette);
        ctx.fillStyle = palette.muted;
        const numbers = `${millisecondsText(bar.medianMs)}, p99 ${millisecondsText(bar.p99Ms)}`;
        ctx.fillText(numbers, chartArea.left + nameWidth + 8, top);
      });
      ctx.restore();
    },
  };
}

function shortened(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && ctx.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}

/** Height that a latency chart of so many bars needs, in CSS pixels. */
export function latencyChartHeight(bars: number): number {
  return bars * rowHeight + 48;
}

/** Horizontal bars of median latency from zero, with p99 marks. */
export function drawLatencyChart(
  canvas: HTMLCanvasElement,
  bars: readonly LatencyBar[],
  palette: ChartPalette,
): Chart<'bar', number[], string> {
  const config: ChartConfiguration<'bar', number[], string> = {
    type: 'bar',
    data: {
      labels: bars.map(({ name }) => name),
      datasets: [
        {
          data: bars.map(({ medianMs }) => medianMs),
          backgroundColor: bars.map(({ precision }) => palette.precision[precision]),
          barThickness,
          borderRadius: 2,
        },
      ],
    },
    options: {
      indexAxis: 'y',
      animation: false,
      maintainAspectRatio: false,
      events: [],
      layout: { padding: { top: 14, right: 12 } },
      scales: {
        x: {
          beginAtZero: true,
          suggestedMax: Math.max(...bars.map(({ p99Ms }) => p99Ms)),
          grid: { color: palette.line },
          border: { display: false },
          ticks: { color: palette.muted, font: { family: palette.font, size: 12 }, maxTicksLimit: 6 },
          title: {
            display: true,
            text: 'ms',
            color: palette.muted,
            font: { family: palette.font, size: 12 },
          },
        },
        y: { display: false },
      },
    },
    plugins: [latencyMarks(bars, palette)],
  };
  return new Chart(canvas, config);
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** The first free place for a label of this size around a point, beside it if none is free. */
function labelBox(x: number, y: number, width: number, taken: readonly Box[], area: Box): Box {
  const height = fontSize + 4;
  const place = (left: number, top: number): Box => ({ left, top, right: left + width, bottom: top + height });
  // Beside the point first, then higher and lower, in steps of a line.
  const candidates = [0, -1, 1, -2, 2].flatMap((step) => {
    const lineTop = y - height / 2 + step * (height + 2);
    return [place(x + 10, lineTop), place(x - 10 - width, lineTop)];
  });
  const inside = (box: Box): boolean =>
    box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom;
  const free = (box: Box): boolean => inside(box) && !taken.some((other) => overlaps(box, other));
  return candidates.find(free) ?? candidates.find(inside) ?? place(x + 10, y - height / 2);
}

/** Vertical 95 % intervals and the names of the points. */
function intervalMarks(points: readonly ScatterPoint[], palette: ChartPalette): Plugin<'scatter'> {
  return {
    id: 'intervalMarks',
    beforeDatasetsDraw: ({ ctx, scales }) => {
      const { x, y } = scales;
      if (x === undefined || y === undefined) return;
      ctx.save();
      ctx.lineWidth = 1.5;
      for (const point of points) {
        const { low, high } = point.y;
        if (low === null || high === null) continue;
        const center = x.getPixelForValue(point.x);
        ctx.strokeStyle = palette.precision[point.precision];
        ctx.beginPath();
        for (const bound of [y.getPixelForValue(low), y.getPixelForValue(high)]) {
          ctx.moveTo(center - 5, bound);
          ctx.lineTo(center + 5, bound);
        }
        ctx.moveTo(center, y.getPixelForValue(low));
        ctx.lineTo(center, y.getPixelForValue(high));
        ctx.stroke();
      }
      ctx.restore();
    },
    afterDatasetsDraw: ({ ctx, scales, chartArea }) => {
      const { x, y } = scales;
      if (x === undefined || y === undefined) return;
      ctx.save();
      ctx.font = font(palette, 600);
      ctx.textBaseline = 'middle';
      const places = points.map((point) => ({
        point,
        px: x.getPixelForValue(point.x),
        py: y.getPixelForValue(point.y.value),
      }));
      const taken: Box[] = places.map(({ px, py }) => ({ left: px - 7, top: py - 7, right: px + 7, bottom: py + 7 }));
      for (const { point, px, py } of places) {
        const name = shortened(ctx, point.name, chartArea.width / 3);
        const width = ctx.measureText(name).width;
        const box = labelBox(px, py, width, taken, chartArea);
        taken.push(box);
        const middle = (box.top + box.bottom) / 2;
        // A halo keeps the name readable where it crosses a whisker.
        ctx.strokeStyle = palette.surface;
        ctx.lineWidth = 4;
        ctx.lineJoin = 'round';
        ctx.strokeText(name, box.left, middle);
        ctx.fillStyle = palette.ink;
        ctx.fillText(name, box.left, middle);
      }
      ctx.restore();
    },
  };
}

/** A dashed line through the points that no other beats in both. */
function frontLine(front: readonly ScatterPoint[], palette: ChartPalette): Plugin<'scatter'> {
  return {
    id: 'frontLine',
    beforeDatasetsDraw: ({ ctx, scales }) => {
      const { x, y } = scales;
      if (x === undefined || y === undefined || front.length < 2) return;
      ctx.save();
      ctx.strokeStyle = palette.muted;
      ctx.lineWidth = 1.5;
      ctx.setLineDash([5, 4]);
      ctx.beginPath();
      for (const point of front) ctx.lineTo(x.getPixelForValue(point.x), y.getPixelForValue(point.y.value));
      ctx.stroke();
      ctx.restore();
    },
  };
}

/** Accuracy (upwards) against latency or size (to the right); the best place is at the upper left. */
export function drawScatterChart(
  canvas: HTMLCanvasElement,
  points: readonly ScatterPoint[],
  axes: {
    readonly quantity: ScatterQuantity;
    readonly xTitle: string;
    readonly yTitle: string;
    readonly isShare: boolean;
    /** The Pareto line's points; left out where the costs are not to be ranked (CPU latency). */
    readonly front?: readonly ScatterPoint[];
  },
  palette: ChartPalette,
): Chart<'scatter'> {
  const bounds = points.flatMap(({ y }) => [y.low ?? y.value, y.high ?? y.value]);
  const span = Math.max(...bounds) - Math.min(...bounds) || (axes.isShare ? 0.02 : 2);
  const top = Math.max(...bounds) + 0.08 * span;
  const ticks = { color: palette.muted, font: { family: palette.font, size: 12 }, maxTicksLimit: 6 };
  const title = (text: string) => ({
    display: true,
    text,
    color: palette.muted,
    font: { family: palette.font, size: 12 },
  });
  const unit = units[axes.quantity];
  const inUnits = (point: ScatterPoint): ScatterPoint => ({ ...point, x: point.x / unit.size });
  const drawn = points.map(inUnits);
  const front = (axes.front ?? []).map(inUnits);
  const config: ChartConfiguration<'scatter'> = {
    type: 'scatter',
    data: {
      datasets: [
        {
          data: drawn.map(({ x, y }) => ({ x, y: y.value })),
          pointBackgroundColor: points.map(({ precision }) => palette.precision[precision]),
          pointBorderColor: palette.surface,
          pointBorderWidth: 2,
          pointRadius: 7,
        },
      ],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      events: [],
      layout: { padding: { top: 8, right: 12 } },
      scales: {
        x: {
          beginAtZero: true,
          grace: '12%',
          grid: { color: palette.line },
          border: { display: false },
          ticks,
          title: title(`${axes.xTitle}, ${unit.name}`),
        },
        y: {
          min: Math.min(...bounds) - 0.08 * span,
          max: axes.isShare ? Math.min(1, top) : top,
          grid: { color: palette.line },
          border: { display: false },
          ticks: {
            ...ticks,
            // The bounds follow the intervals and are no round numbers.
            includeBounds: false,
            callback: (value) => (axes.isShare ? percentText(Number(value), 1) : decibelsText(Number(value))),
          },
          title: title(axes.yTitle),
        },
      },
    },
    plugins: [frontLine(front, palette), intervalMarks(drawn, palette)],
  };
  return new Chart(canvas, config);
}
