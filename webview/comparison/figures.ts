/**
 * The figures of one report, or of two beside each other, as plain data: what is drawn, what it is called, what is read
 * aloud in its place. The same list makes the markup and the drawing.
 *
 * CPU latency is drawn with its name and never set against accuracy: only times of a GPU, or sizes, rank a precision.
 */
import { bytesText, decibelsText, millisecondsText, percentText } from '../../extension/contract/quantities';
import type { Report, Variant } from '../../extension/contract/report';
import {
  accuracyScale,
  engineArtifacts,
  latencyDevices,
  onnxArtifact,
  type AccuracyScale,
} from '../../extension/contract/reportQueries';
import {
  engineSizePoints,
  latencyBars,
  latencyPoints,
  paretoFront,
  type LatencyBar,
  type ScatterPoint,
} from '../common/chartData';
import type { ScatterQuantity } from '../common/charts';
import { t } from '../common/l10n';

interface FigureText {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  /** Read aloud in place of the picture. */
  readonly summary: string;
}
export interface LatencyFigure extends FigureText {
  readonly kind: 'latency';
  readonly device: string;
  readonly bars: readonly LatencyBar[];
}
export interface ScatterFigure extends FigureText {
  readonly kind: 'scatter';
  readonly quantity: ScatterQuantity;
  readonly xTitle: string;
  readonly scale: AccuracyScale;
  readonly points: readonly ScatterPoint[];
  readonly front: readonly ScatterPoint[];
}
export type Figure = LatencyFigure | ScatterFigure;

/** Variants of two runs have names with the run's letter. */
function named(variants: readonly Variant[], letter: string | null): readonly Variant[] {
  return letter === null ? variants : variants.map((variant) => ({ ...variant, name: `${variant.name} ${letter}` }));
}

/** The variants in the order of the figures: those of one name beside each other. */
export function variantsOf(report: Report, beside: Report | null): readonly Variant[] {
  if (beside === null) return report.variants;
  const second = named(beside.variants, 'B');
  const paired = report.variants.flatMap((variant, index) => {
    const other = second[beside.variants.findIndex(({ name }) => name === variant.name)];
    const first = named([variant], 'A')[0] ?? report.variants[index];
    return [first, other].filter((one) => one !== undefined);
  });
  return [...paired, ...second.filter((variant) => !paired.includes(variant))];
}

const deviceName = (device: string): string => (device === 'cpu' ? 'CPU' : device);

function conditions(variants: readonly Variant[], device: string): string {
  const latency = variants.find((variant) => variant.latency?.device === device)?.latency ?? null;
  if (latency === null) return '';
  const graph = latency.conditions['cudaGraph'] === true ? `, ${t('CUDA graph')}` : '';
  return t('Batch {0}, {1} runs in turns{2}.', latency.batch, latency.iterations, graph);
}

function latencyFigure(variants: readonly Variant[], device: string): LatencyFigure {
  const bars = latencyBars(variants, device);
  const caveat = device === 'cpu' ? ` ${t('The CPU runtime’s time does not predict TensorRT’s.')}` : '';
  const listed = bars.map(
    ({ name, medianMs, p99Ms }) => `${name} ${millisecondsText(medianMs)}, p99 ${millisecondsText(p99Ms)}`,
  );
  return {
    kind: 'latency',
    id: `latency-${device}`,
    device,
    title: t('Latency on {0}', deviceName(device)),
    note: `${t('Bar: median. Whisker: p99.')} ${conditions(variants, device)}${caveat}`,
    summary: `${t('Latency on {0}', deviceName(device))}: ${listed.join('; ')}.`,
    bars,
  };
}

export function accuracyText(scale: AccuracyScale, value: number): string {
  return scale.isShare ? percentText(value) : decibelsText(value);
}

interface Cost {
  readonly id: string;
  readonly name: string;
  readonly quantity: ScatterQuantity;
  readonly points: readonly ScatterPoint[];
}

/** Against what accuracy is drawn: the time on each GPU; without one the size of engines, or of ONNX files. */
function costs(variants: readonly Variant[]): Cost[] {
  const gpus = latencyDevices(variants).filter((device) => device !== 'cpu');
  if (gpus.length > 0) {
    return gpus.map((device) => ({
      id: `accuracy-${device}`,
      name: t('latency on {0}', device),
      quantity: 'latency',
      points: latencyPoints(variants, device),
    }));
  }
  if (variants.some((variant) => engineArtifacts(variant).length > 0)) {
    return [{ id: 'accuracy-engine', name: t('engine size'), quantity: 'bytes', points: engineSizePoints(variants) }];
  }
  return [{ id: 'accuracy-onnx', name: t('ONNX size'), quantity: 'bytes', points: onnxSizePoints(variants) }];
}

function onnxSizePoints(variants: readonly Variant[]): ScatterPoint[] {
  const scale = accuracyScale(variants);
  return variants.flatMap((variant) => {
    const bytes = onnxArtifact(variant)?.bytes;
    const y = scale?.of(variant) ?? null;
    return bytes === undefined || y === null ? [] : [{ name: variant.name, precision: variant.precision, x: bytes, y }];
  });
}

function scatterFigure({ id, name, quantity, points }: Cost, scale: AccuracyScale): ScatterFigure | null {
  if (points.length < 2) return null;
  const cost = quantity === 'latency' ? millisecondsText : bytesText;
  const listed = points.map((point) => `${point.name} ${accuracyText(scale, point.y.value)}, ${cost(point.x)}`);
  const title = t('{0} against {1}', scaleTitle(scale), name);
  const front = paretoFront(points);
  const whiskers = scale.isShare ? ` ${t('Whiskers: 95% intervals.')}` : '';
  return {
    kind: 'scatter',
    id,
    title,
    note: `${front.length < 2 ? t('Upper left is best.') : t('Upper left is best; the dashed line joins what nothing beats in both.')}${whiskers}`,
    summary: `${title}: ${listed.join('; ')}.`,
    quantity,
    xTitle: name,
    scale,
    points,
    front,
  };
}

export function scaleTitle({ title }: AccuracyScale): string {
  const titles: Record<string, string> = {
    'Top-1 accuracy': t('Top-1 accuracy'),
    'Exact lines': t('Exact lines'),
    'Agreement with FP32': t('Agreement with FP32'),
    'Lowest SQNR': t('Lowest SQNR'),
  };
  return titles[title] ?? title;
}

export function figuresOf(variants: readonly Variant[]): Figure[] {
  const scale = accuracyScale(variants);
  const scatters = scale === null ? [] : costs(variants).map((cost) => scatterFigure(cost, scale));
  return [
    ...latencyDevices(variants).map((device) => latencyFigure(variants, device)),
    ...scatters.filter((figure) => figure !== null),
  ];
}
