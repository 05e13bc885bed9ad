/** A realistic saved report with every status, nulls, long names and hostile texts; read and checked like a user's. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { decideVerdict } from '../../../extension/compare/verdict';
import { checkReport } from '../../../extension/contract/checkSchema';
import type { Report, Variant } from '../../../extension/contract/report';

export const samplePath = path.join(__dirname, '../../fixtures/report/sample.report.json');

export function sampleReport(): Report {
  return checkReport(JSON.parse(readFileSync(samplePath, 'utf8')), samplePath);
}

export function variantOf(report: Report, name: string): Variant {
  const variant = report.variants.find((candidate) => candidate.name === name);
  if (variant === undefined) throw new Error(`The sample report has no variant ${name}.`);
  return variant;
}

/** The sample as it would be with a GPU: latency of all variants on one device. */
export function onGpu(report: Report, device = 'NVIDIA L4'): Report {
  const variants = report.variants.map((variant) => ({
    ...variant,
    latency: variant.latency === null ? null : { ...variant.latency, backend: 'tensorrt', device },
  }));
  const verdict = decideVerdict({ variants, plan: report.plan, model: report.model, representative: true });
  return { ...report, variants, verdict };
}
