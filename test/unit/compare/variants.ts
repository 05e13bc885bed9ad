/** Variants for tests of the compare stage: what a test does not name is null or empty, as for a run that measured nothing. */
import type { Plan } from '../../../extension/contract/plan';
import type { Accuracy, Latency, OutputAccuracy, TaskAccuracy, Variant } from '../../../extension/contract/report';
import { mcnemarExact, wilsonInterval } from '../../../extension/compare/statistics';

export const noGates: Plan['gates'] = { maxTop1Drop: null, minSqnrDb: null, minAgreement: null };

export function output(parts: Partial<OutputAccuracy> = {}): OutputAccuracy {
  return {
    name: 'logits',
    sqnrDb: 40,
    cosine: 0.9999,
    maxAbs: 0.1,
    meanAbs: 0.01,
    maxRel: 0.2,
    nonFinite: 0,
    ...parts,
  };
}

export const identicalOutput = output({ sqnrDb: null, cosine: 1, maxAbs: 0, meanAbs: 0, maxRel: 0 });

/** A labelled classification: `right` of `n` for fp32, then `lost` and `gained` answers, all of them changed ones. */
export function labelledTask(n: number, right: number, lost: number, gained: number): TaskAccuracy {
  const top1 = wilsonInterval(right - lost + gained, n);
  const agreement = wilsonInterval(n - lost - gained, n);
  return {
    kind: 'classification',
    top1: (right - lost + gained) / n,
    top1Low: top1?.low ?? null,
    top1High: top1?.high ?? null,
    top5: null,
    agreement: (n - lost - gained) / n,
    agreementLow: agreement?.low ?? null,
    agreementHigh: agreement?.high ?? null,
    labelled: n,
    lost,
    gained,
    mcnemarP: mcnemarExact(lost, gained),
  };
}

/** A classification without labels in which `agreeing` of `n` answers equal those of fp32. */
export function unlabelledTask(n: number, agreeing: number): TaskAccuracy {
  const bounds = wilsonInterval(agreeing, n);
  return {
    kind: 'classification',
    top1: null,
    top1Low: null,
    top1High: null,
    top5: null,
    agreement: agreeing / n,
    agreementLow: bounds?.low ?? null,
    agreementHigh: bounds?.high ?? null,
    labelled: 0,
    lost: null,
    gained: null,
    mcnemarP: null,
  };
}

export function accuracy(parts: Partial<Accuracy> = {}): Accuracy {
  return {
    reference: 'fp32',
    backend: 'onnxruntime',
    samples: 400,
    simulated: false,
    outputs: [output()],
    task: null,
    worst: [],
    ...parts,
  };
}

export function latency(device: string, medianMs: number, cov = 0.01): Latency {
  return {
    backend: device === 'cpu' ? 'onnxruntime' : 'tensorrt',
    device,
    batch: 1,
    warmupMs: 200,
    iterations: 100,
    medianMs,
    meanMs: medianMs,
    p90Ms: medianMs,
    p95Ms: medianMs,
    p99Ms: medianMs,
    cov,
    computeMs: null,
    h2dMs: null,
    d2hMs: null,
    throughputPerSecond: 1000 / medianMs,
    conditions: {},
  };
}

export function variant(precision: Variant['precision'], parts: Partial<Variant> = {}): Variant {
  return {
    name: precision,
    precision,
    status: 'ok',
    error: null,
    artifacts: [],
    calibration: null,
    decisions: [],
    build: null,
    latency: null,
    accuracy: null,
    speedup: null,
    sizeRatio: null,
    ...parts,
  };
}

/** fp32 compared with itself. */
export function baseline(task: TaskAccuracy | null, parts: Partial<Variant> = {}): Variant {
  return variant('fp32', { accuracy: accuracy({ outputs: [identicalOutput], task }), ...parts });
}
