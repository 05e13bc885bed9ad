/** The report that the tests of the report use, for the playground: every status, nulls, long names, hostile texts. */
import { planSchema } from '../../extension/contract/plan';
import type { Report } from '../../extension/contract/report';
import report from '../../test/fixtures/report/sample.report.json';

interface Schema {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** What the plan has learned since the report was saved has its default, as when a report is read. */
function withDefaults(value: unknown, schema: Schema): unknown {
  const given = value === undefined ? schema.default : value;
  const { properties } = schema;
  if (properties === undefined || typeof given !== 'object' || given === null) return given;
  const parts = given as Readonly<Record<string, unknown>>;
  const entries = Object.entries(properties).map(([key, part]) => [key, withDefaults(parts[key], part)] as const);
  return Object.fromEntries(entries.filter(([, part]) => part !== undefined));
}

export function sampleReport(): Report {
  const whole = structuredClone(report) as unknown as Report;
  return { ...whole, plan: withDefaults(whole.plan, planSchema) as Report['plan'] };
}

/** The sample as it would be with a GPU: latency of all variants on one device. */
export function onGpu(whole: Report, device = 'NVIDIA L4'): Report {
  const variants = whole.variants.map((variant) => {
    const { latency } = variant;
    if (latency === null) return variant;
    const factor = { fp32: 0.2, fp16: 0.08, bf16: 0.085, int8: 0.06, fp8: 0.062, int4: 0.07 }[variant.precision];
    const times = Object.fromEntries(
      (['medianMs', 'meanMs', 'p90Ms', 'p95Ms', 'p99Ms'] as const).map((name) => [name, latency[name] * factor]),
    );
    const speedup = (14.83 * 0.2) / (latency.medianMs * factor);
    return { ...variant, speedup, latency: { ...latency, ...times, backend: 'tensorrt', device } };
  });
  const gpu = { name: device, computeCapability: 'sm_89', driver: 'CUDA 13.0', memoryBytes: 24 * 2 ** 30 };
  return { ...whole, variants, host: { ...whole.host, gpu } };
}
