/** The report that the tests of the report use, for the playground: every status, nulls, long names, hostile texts. */
import { Value } from '@sinclair/typebox/value';
import report from '../../test/fixtures/report/sample.report.json';
import { planSchema } from '../../extension/contract/plan';
import type { Report } from '../../extension/contract/report';

export function sampleReport(): Report {
  const whole = structuredClone(report) as unknown as Report;
  // What the plan has learned since the report was saved has its default, as when the report is read.
  return { ...whole, plan: Value.Default(planSchema, whole.plan) as Report['plan'] };
}

/** The sample as it would be with a GPU: latency of all variants on one device. */
export function onGpu(whole: Report, device = 'NVIDIA L4'): Report {
  const variants = whole.variants.map((variant) => {
    const { latency } = variant;
    if (latency === null) return variant;
    const factor = { fp32: 0.2, fp16: 0.08, bf16: 0.085, int8: 0.06, fp8: 0.062 }[variant.precision];
    const times = Object.fromEntries(
      (['medianMs', 'meanMs', 'p90Ms', 'p95Ms', 'p99Ms'] as const).map((name) => [name, latency[name] * factor]),
    );
    return { ...variant, latency: { ...latency, ...times, backend: 'tensorrt', device } };
  });
  const gpu = { name: device, computeCapability: 'sm_89', driver: 'CUDA 13.0', memoryBytes: 24 * 2 ** 30 };
  return { ...whole, variants, host: { ...whole.host, gpu } };
}
