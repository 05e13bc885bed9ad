import { describe, expect, it } from 'vitest';
import type { Report } from '../../../../extension/contract/report';
import { comparability } from '../../../../webview/comparison/comparability';
import { figuresOf, variantsOf, type ScatterFigure } from '../../../../webview/comparison/figures';
import { onGpu, sampleReport } from '../../report/sampleReport';

const figuresFor = (report: Report, beside: Report | null = null) => figuresOf(variantsOf(report, beside));
const scatter = (report: Report): ScatterFigure => {
  const found = figuresFor(report).find((figure) => figure.kind === 'scatter');
  if (found?.kind !== 'scatter') throw new Error('There is no scatter.');
  return found;
};

describe('figures of a report', () => {
  it('set accuracy against size where only the CPU was timed', () => {
    expect(figuresFor(sampleReport()).map(({ id }) => id)).toEqual(['latency-cpu', 'accuracy-engine']);
  });

  it('set accuracy against the latency of a GPU', () => {
    const report = onGpu(sampleReport());
    expect(figuresFor(report).map(({ id }) => id)).toEqual(['latency-NVIDIA L4', 'accuracy-NVIDIA L4']);
    expect(scatter(report).points.map(({ name }) => name)).toEqual(['fp32', 'fp16', 'int8']);
  });

  it('fall back to ONNX sizes without engines', () => {
    const report = sampleReport();
    const variants = report.variants.map((variant) => ({
      ...variant,
      artifacts: variant.artifacts.filter(({ kind }) => kind !== 'engine'),
    }));
    expect(scatter({ ...report, variants }).id).toBe('accuracy-onnx');
  });

  it('read the numbers aloud', () => {
    expect(figuresFor(sampleReport())[0]?.summary).toContain('fp32 14.8 ms, p99 17.9 ms');
  });

  it('are none where nothing was measured', () => {
    const report = sampleReport();
    const variants = report.variants.map((variant) => ({ ...variant, latency: null, accuracy: null }));
    expect(figuresFor({ ...report, variants })).toEqual([]);
  });
});

describe('two runs', () => {
  it('stand beside each other variant by variant; one that is missing leaves no gap', () => {
    const first = sampleReport();
    const second = { ...first, variants: first.variants.filter(({ name }) => name !== 'bf16') };
    expect(variantsOf(first, second).map(({ name }) => name)).toEqual([
      'fp32 A',
      'fp32 B',
      'fp16 A',
      'fp16 B',
      'bf16 A',
      'int8 A',
      'int8 B',
      'fp8 A',
      'fp8 B',
    ]);
    expect(
      variantsOf(second, first)
        .map(({ name }) => name)
        .at(-1),
    ).toBe('bf16 B');
  });

  it('say what keeps them from being compared', () => {
    const first = sampleReport();
    expect(comparability(first, first)).toEqual([]);
    expect(comparability(first, onGpu(first))).toEqual([
      'They were measured on different devices: latencies are not comparable.',
    ]);
    const retrained = { ...first, model: { ...first.model, sha256: 'f'.repeat(64) } };
    expect(comparability(first, retrained)).toEqual(['The two runs converted different models.']);
    const without = { ...first, data: { ...first.data, evaluation: null } };
    expect(comparability(without, without)).toHaveLength(1);
  });
});
