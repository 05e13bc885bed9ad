import { describe, expect, test } from 'vitest';
import { explainSlower } from '../../../extension/compare/explainSlower';
import { decideVerdict } from '../../../extension/compare/verdict';
import type { BuildSummary, Variant } from '../../../extension/contract/report';
import { accuracy, baseline, labelledTask, latency, noGates, variant } from './variants';

const gpu = 'NVIDIA H200';

function built(typing: 'strong' | 'weak', times: Readonly<Record<string, number | null>>): BuildSummary {
  const realised = Object.fromEntries(Object.entries(times).map(([type, time]) => [type, { layers: 0.5, time }]));
  return { backend: 'tensorrt', version: '10.6.0', target: null, seconds: 1, layers: 9, realised, typing };
}

function timed(name: string, precision: Variant['precision'], ms: number, parts: Partial<Variant>): Variant {
  return variant(precision, { name, latency: latency(gpu, ms), ...parts });
}

const strong = (ms: number, parts: Partial<Variant> = {}) =>
  timed('fp16', 'fp16', ms, { build: built('strong', { fp16: 0.9, fp32: 0.1 }), ...parts });
const weak = (ms: number) => timed('fp16-weak', 'fp16', ms, { build: built('weak', { fp16: 1 }) });

describe('explainSlower', () => {
  test('says nothing up to 1.02 times, nor of a variant that is faster', () => {
    expect(explainSlower([strong(1.02), weak(1)], gpu)).toEqual([]);
    expect(explainSlower([strong(0.9), weak(1)], gpu)).toEqual([]);
    expect(explainSlower([strong(1.03), weak(1)], 'another GPU')).toEqual([]);
  });

  test('names the types that take the time, and the reason of most nodes that were kept', () => {
    const kept = (node: string, reason: string) => ({ node, opType: 'Softmax', precision: 'fp32', reason });
    const decisions = [
      kept('a', 'Its range exceeds FP16.'),
      kept('b', 'Its range exceeds FP16.'),
      kept('c', 'kept by you'),
    ];
    expect(explainSlower([strong(2, { decisions }), weak(1.5)], gpu)).toEqual([
      'FP16 takes 1.33× the time of FP16-WEAK (2.00 ms against 1.50 ms). ' +
        'By the profile of its layers it loses the time in FP16 layers (0.300 ms more: 90% of its time, 100% there) and ' +
        'FP32 layers (0.200 ms more: 10% of its time, 0% there). ' +
        'The plan keeps 3 nodes in a higher precision; 2 of them because: Its range exceeds FP16.',
    ]);
  });

  test('INT8 is held against the faster of implicit INT8 and FP16', () => {
    const int8 = timed('int8', 'int8', 2.4, { build: built('strong', { fp16: 0.4, reformat: 0.35, int8: 0.25 }) });
    const implicit = timed('int8-tensorrt', 'int8', 1.6, { build: built('weak', { int8: 1 }) });
    const [sentence = ''] = explainSlower([int8, implicit, strong(1.5)], gpu);
    expect(sentence).toContain('INT8 takes 1.60× the time of FP16 (2.40 ms against 1.50 ms)');
    expect(sentence).toMatch(
      /conversions between types and memory layouts \(0\.840 ms more: 35% of its time, 0% there\)\.$/,
    );
    const [other = ''] = explainSlower(
      [int8, timed('int8-tensorrt', 'int8', 1.2, { build: implicit.build }), strong(1.5)],
      gpu,
    );
    expect(other).toContain('INT8 takes 2.00× the time of INT8-TENSORRT');
  });

  test('engines that were not profiled, and equal shares, give no made-up reason', () => {
    const unknown = strong(2, { build: built('strong', { fp16: null }) });
    expect(explainSlower([unknown, weak(1)], gpu)[0]).toContain('the reason is not known');
    const same = strong(1.1, { build: built('strong', { fp16: 0.5, fp32: 0.5 }) });
    const rival = timed('fp16-weak', 'fp16', 1, { build: built('weak', { fp16: 0.5, fp32: 0.5 }) });
    expect(explainSlower([same, rival], gpu)[0]).toMatch(
      /FP16 layers .* and FP32 layers|FP32 layers .* and FP16 layers/,
    );
  });

  test('the verdict recommends the faster one and carries the explanation', () => {
    const task = labelledTask(2000, 1800, 0, 0);
    const judged = { accuracy: accuracy({ samples: 2000, task }) };
    const variants = [
      baseline(task, { latency: latency(gpu, 4) }),
      { ...strong(1.5), ...judged },
      { ...weak(1.4), ...judged },
    ];
    const { recommended, reasons } = decideVerdict({ variants, plan: { gates: noGates }, representative: true });
    expect(recommended).toBe('fp16-weak');
    expect(reasons.join('\n')).toContain('FP16 takes 1.07× the time of FP16-WEAK');
    expect(reasons.join('\n')).toContain('FP32 layers (0.150 ms more');
  });
});
