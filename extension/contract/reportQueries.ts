/** Questions that every view asks of a report, answered once. */
import type { Accuracy, Artifact, Latency, Report, Variant } from './report';
import { decibelsText, notMeasured } from './quantities';

/** Is it the variant that the others are compared with? `tf32` computes in FP32, too, and is compared. */
export function isBaseline({ name, precision }: Pick<Variant, 'name' | 'precision'>): boolean {
  return precision === 'fp32' && name !== 'tf32';
}

/**
 * The fp32 variant that all others are measured against, if it ran. It serves without an engine, too: TensorRT-RTX builds
 * none in FP32 for sm_75, and yet its accuracy is known.
 */
export function baselineOf(variants: readonly Variant[]): Variant | null {
  const fp32 = variants.find(isBaseline);
  return fp32 !== undefined && (fp32.status === 'ok' || fp32.accuracy !== null) ? fp32 : null;
}

/** CPU latency of the embedded runtime says nothing about TensorRT; views label it and never rank by it. */
export function isGpuLatency(latency: Latency | null): latency is Latency {
  return latency !== null && latency.device !== 'cpu';
}

export function latencyDeviceText(latency: Latency): string {
  return isGpuLatency(latency) ? latency.device : 'CPU';
}

export interface LowestSqnr {
  /** The output with the lowest SQNR; null when nothing was compared. */
  readonly output: string | null;
  /** Null when identical or not measured. */
  readonly sqnrDb: number | null;
  /** All outputs were compared and equal fp32 bit for bit. */
  readonly identical: boolean;
  /** An output that differs and yet has no SQNR: of another size, or without any signal in fp32. */
  readonly blind: string | null;
}

/** The worst output of a variant: a chain of outputs is as good as its weakest. */
export function lowestSqnr(accuracy: Accuracy | null): LowestSqnr {
  const outputs = accuracy?.outputs ?? [];
  const identical = outputs.length > 0 && outputs.every(({ maxAbs }) => maxAbs === 0);
  const blind = outputs.find(({ sqnrDb, maxAbs }) => sqnrDb === null && maxAbs !== 0)?.name ?? null;
  let lowest: Pick<LowestSqnr, 'output' | 'sqnrDb'> = {
    output: identical ? (outputs[0]?.name ?? null) : null,
    sqnrDb: null,
  };
  for (const { name, sqnrDb } of outputs) {
    if (sqnrDb !== null && (lowest.sqnrDb === null || sqnrDb < lowest.sqnrDb)) lowest = { output: name, sqnrDb };
  }
  return { ...lowest, identical, blind };
}

export function lowestSqnrText(accuracy: Accuracy | null): string {
  const { sqnrDb, identical } = lowestSqnr(accuracy);
  if (identical) return 'identical';
  return sqnrDb === null ? notMeasured : decibelsText(sqnrDb);
}

export function onnxArtifact(variant: Variant): Artifact | null {
  return variant.artifacts.find(({ kind }) => kind === 'onnx') ?? null;
}

export function engineArtifacts(variant: Variant): readonly Artifact[] {
  return variant.artifacts.filter(({ kind }) => kind === 'engine');
}

/** What the first answer of the task is called: `top-1`, or exact lines for CTC. */
export function taskMetricName(variants: readonly Variant[]): string {
  return variants.some(({ accuracy }) => accuracy?.task?.kind === 'ctc') ? 'exact lines' : 'top-1';
}

export function fileName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

/** Was any latency measured on a GPU? */
export function hasGpuLatency(report: Pick<Report, 'variants'>): boolean {
  return report.variants.some(({ latency }) => isGpuLatency(latency));
}

/** A measured share or level with its 95 % interval, where it has one. */
export interface Measured {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** What "accuracy" is in the charts of a report: the best evidence that the data allows. */
export interface AccuracyScale {
  readonly title: string;
  /** Shares are percentages; otherwise decibels. */
  readonly isShare: boolean;
  readonly of: (variant: Variant) => Measured | null;
}

/** The task metric where there are labels, else agreement with fp32, else SQNR; null when nothing was compared. */
export function accuracyScale(variants: readonly Variant[]): AccuracyScale | null {
  const metric = taskMetricName(variants);
  const scales: readonly AccuracyScale[] = [
    {
      title: metric === 'top-1' ? 'Top-1 accuracy' : 'Exact lines',
      isShare: true,
      of: ({ accuracy }) => measured(accuracy?.task?.top1, accuracy?.task?.top1Low, accuracy?.task?.top1High),
    },
    {
      title: 'Agreement with FP32',
      isShare: true,
      of: ({ accuracy }) =>
        measured(accuracy?.task?.agreement, accuracy?.task?.agreementLow, accuracy?.task?.agreementHigh),
    },
    { title: 'Lowest SQNR', isShare: false, of: ({ accuracy }) => measured(lowestSqnr(accuracy).sqnrDb, null, null) },
  ];
  return scales.find((scale) => variants.some((variant) => scale.of(variant) !== null)) ?? null;
}

function measured(value: number | null | undefined, low: number | null | undefined, high: number | null | undefined) {
  return value === null || value === undefined ? null : { value, low: low ?? null, high: high ?? null };
}

/** The devices that latency was measured on, in the order of the variants: `cpu`, or names of GPUs. */
export function latencyDevices(variants: readonly Variant[]): readonly string[] {
  return [...new Set(variants.flatMap(({ latency }) => (latency === null ? [] : [latency.device])))];
}
