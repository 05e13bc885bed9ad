/** Questions that every view asks of a report, answered once. */
import type { Accuracy, Artifact, Latency, Report, Variant } from './report';
import { decibelsText, notMeasured } from './quantities';

/** The fp32 variant that all others are measured against, if it worked. */
export function baselineOf(variants: readonly Variant[]): Variant | null {
  return variants.find(({ precision, status }) => precision === 'fp32' && status === 'ok') ?? null;
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
