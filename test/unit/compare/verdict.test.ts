import { describe, expect, it } from 'vitest';
import { decideVerdict, type VerdictInput } from '../../../extension/compare/verdict';
import type { Report, Variant } from '../../../extension/contract/report';
import {
  accuracy,
  baseline,
  identicalOutput,
  labelledTask,
  latency,
  noGates,
  output,
  unlabelledTask,
  variant,
} from './variants';

function decide(variants: Variant[], input: Partial<VerdictInput> = {}): Report['verdict'] {
  return decideVerdict({ variants, plan: { gates: noGates }, representative: true, ...input });
}

const gpu = 'NVIDIA L4';
const fp32 = baseline(labelledTask(2000, 1800, 0, 0));

/** A reduced variant on 2000 labelled samples of which fp32 gets 1800. */
function reduced(precision: Variant['precision'], lost: number, gained: number, parts: Partial<Variant> = {}): Variant {
  return variant(precision, {
    accuracy: accuracy({ samples: 2000, task: labelledTask(2000, 1800, lost, gained) }),
    ...parts,
  });
}

const text = (lines: readonly string[]): string => lines.join('\n');

describe('decideVerdict by accuracy alone', () => {
  it('recommends FP16 before INT8 when both keep accuracy and no GPU timed them', () => {
    const { recommended, reasons } = decide([fp32, reduced('fp16', 0, 0), reduced('int8', 6, 4)]);
    expect(recommended).toBe('fp16');
    expect(reasons[0]).toContain('FP16 is recommended: top-1 is unchanged at 90.00% on 2,000 labelled samples');
    expect(text(reasons)).toContain('Speed on a GPU was not measured here');
    expect(text(reasons)).toContain('INT8 also keeps accuracy: worth choosing only if');
  });

  it('never lets CPU latency decide: INT8 ten times faster on the CPU changes nothing', () => {
    const timed = [
      { ...fp32, latency: latency('cpu', 10) },
      reduced('fp16', 0, 0, { latency: latency('cpu', 20) }),
      reduced('int8', 0, 0, { latency: latency('cpu', 1) }),
    ];
    expect(decide(timed)).toEqual(decide(timed.map((each) => ({ ...each, latency: null }))));
  });

  it('rejects a loss beyond a point that McNemar confirms, with the numbers', () => {
    const { recommended, reasons } = decide([fp32, reduced('fp16', 100, 10), reduced('int8', 6, 4)]);
    expect(recommended).toBe('int8');
    expect(text(reasons)).toMatch(
      /FP16 loses accuracy: top-1 falls by 4\.50 points from 90\.00% to 85\.50% .*95% interval of the change −5\.\d+ to −3\.\d+ points; McNemar p < 0\.001/,
    );
  });

  it('names the metric before the change as it was where answers are compared, whatever an FP32 engine scores', () => {
    const engine = baseline(labelledTask(2000, 1800, 100, 0));
    expect(text(decide([engine, reduced('fp16', 0, 60)]).reasons)).toContain(
      'top-1 rises by 3.00 points from 90.00% to 93.00%',
    );
  });

  it('does not reject a loss that is certain and too small to matter', () => {
    // 12 of 2000 and none gained: p = 0.0005, 0.6 points.
    expect(decide([fp32, reduced('fp16', 12, 0)]).recommended).toBe('fp16');
  });

  it('recommends nothing on a large loss that few samples cannot confirm', () => {
    const few = baseline(labelledTask(16, 16, 0, 0));
    const int8 = variant('int8', { accuracy: accuracy({ samples: 16, task: labelledTask(16, 16, 5, 0) }) });
    const { recommended, reasons } = decide([few, int8]);
    expect(recommended).toBe('fp32');
    expect(text(reasons)).toContain('INT8 is not recommended: top-1 falls by 31.25 points');
    expect(text(reasons)).toContain('cannot tell from chance');
  });

  it('obeys the gates of the plan before its own tolerance', () => {
    const gates = { ...noGates, maxTop1Drop: 0.001 };
    const { recommended, reasons } = decide([fp32, reduced('fp16', 6, 0)], { plan: { gates } });
    expect(recommended).toBe('fp32');
    expect(text(reasons)).toContain('FP16 loses accuracy: top-1 drops by 0.30 points; at most 0.10 points allowed');
    expect(
      decide([fp32, reduced('fp16', 60, 0)], { plan: { gates: { ...noGates, maxTop1Drop: 0.05 } } }).recommended,
    ).toBe('fp16');
  });

  it('rejects NaN that fp32 does not have, and forgives NaN that it has', () => {
    const broken = variant('fp16', {
      accuracy: accuracy({ outputs: [output({ nonFinite: 7 })], task: unlabelledTask(100, 100) }),
    });
    const clean = baseline(unlabelledTask(100, 100));
    const { recommended, reasons, warnings } = decide([clean, broken]);
    expect(recommended).toBe('fp32');
    expect(text(reasons)).toContain('output "logits" holds 7 NaN or infinite elements that FP32 does not have');
    expect(text(warnings)).toContain('--keep');
    const masked = {
      ...clean,
      accuracy: accuracy({ outputs: [{ ...identicalOutput, nonFinite: 7 }], task: unlabelledTask(100, 100) }),
    };
    expect(decide([masked, broken]).recommended).toBe('fp16');
  });

  it('bounds the loss by the changed answers when there are no labels', () => {
    const plain = baseline(unlabelledTask(1000, 1000));
    const with_ = (agreeing: number): Variant =>
      variant('int8', { accuracy: accuracy({ samples: 1000, task: unlabelledTask(1000, agreeing) }) });
    expect(decide([plain, with_(990)]).recommended).toBe('int8');
    const { recommended, reasons } = decide([plain, with_(970)]);
    expect(recommended).toBe('fp32');
    expect(text(reasons)).toContain('97.00% of 1,000 answers equal those of FP32');
  });

  it('falls back to SQNR where no task is known', () => {
    const plain = baseline(null);
    const at = (sqnrDb: number | null, maxAbs: number | null = 1): Variant =>
      variant('fp16', { accuracy: accuracy({ outputs: [output({ sqnrDb, maxAbs })] }) });
    expect(decide([plain, at(30)]).recommended).toBe('fp16');
    expect(decide([plain, at(29)]).recommended).toBe('fp32');
    expect(decide([plain, at(null, 0)]).recommended).toBe('fp16');
    expect(decide([plain, at(null, null)]).recommended).toBe('fp32');
  });
});

describe('decideVerdict with GPU latency', () => {
  const timed = (ms: { fp32: number; fp16: number; int8: number }): Variant[] => [
    { ...fp32, latency: latency(gpu, ms.fp32) },
    reduced('fp16', 0, 0, { latency: latency(gpu, ms.fp16) }),
    reduced('int8', 6, 4, { latency: latency(gpu, ms.int8) }),
  ];

  it('recommends the fastest that keeps accuracy', () => {
    const { recommended, reasons } = decide(timed({ fp32: 4, fp16: 2, int8: 1.5 }));
    expect(recommended).toBe('int8');
    expect(reasons[0]).toContain('median latency 1.50 ms against 4.00 ms of FP32 on NVIDIA L4 (2.67×)');
    expect(text(reasons)).toContain('FP16 keeps accuracy too but takes 1.33× the time of INT8');
    expect(text(reasons)).not.toContain('was not measured');
  });

  it('never recommends INT8 where FP16 is as fast', () => {
    const { recommended, reasons } = decide(timed({ fp32: 4, fp16: 2, int8: 1.97 }));
    expect(recommended).toBe('fp16');
    expect(text(reasons)).toContain('INT8 keeps accuracy too but is not at least 2% faster than FP16');
  });

  it('stays with FP32 where nothing is faster', () => {
    const { recommended, reasons } = decide(timed({ fp32: 2, fp16: 2.1, int8: 2.3 }));
    expect(recommended).toBe('fp32');
    expect(reasons[0]).toContain('no variant that keeps accuracy is at least 2% faster');
  });

  it('believes interleaved rounds that found no difference, whatever the medians', () => {
    const [base] = timed({ fp32: 4, fp16: 2, int8: 1 }) as [Variant];
    const versusBaseline = { baseline: 'fp32', ratio: 0.9, low: 0.7, high: 1.1, verdict: 'same' as const };
    const fp16 = reduced('fp16', 0, 0, { latency: { ...latency(gpu, 3.6), versusBaseline } });
    expect(decide([base, fp16]).recommended).toBe('fp32');
    const faster = { ...versusBaseline, high: 0.95, verdict: 'faster' as const };
    const better = reduced('fp16', 0, 0, { latency: { ...latency(gpu, 3.6), versusBaseline: faster } });
    expect(decide([base, better]).recommended).toBe('fp16');
  });

  it('does not choose a fast variant that loses accuracy', () => {
    const [base, fp16] = timed({ fp32: 4, fp16: 2, int8: 1 }) as [Variant, Variant];
    const lossy = reduced('int8', 200, 10, { latency: latency(gpu, 0.5) });
    expect(decide([base, fp16, lossy]).recommended).toBe('fp16');
  });

  it('does not mix devices: a variant timed on the CPU only is no rival', () => {
    const [base, fp16] = timed({ fp32: 4, fp16: 2, int8: 1 }) as [Variant, Variant];
    expect(decide([base, fp16, reduced('int8', 0, 0, { latency: latency('cpu', 0.1) })]).recommended).toBe('fp16');
  });

  it('warns of unsteady clocks on the GPU, not of a busy CPU', () => {
    const noisy = (device: string): string =>
      text(decide([{ ...fp32, latency: latency(device, 4, 0.08) }, reduced('fp16', 0, 0)]).warnings);
    expect(noisy(gpu)).toContain('FP32: latency is unsteady (coefficient of variation 8.0%');
    expect(noisy('cpu')).not.toContain('unsteady');
  });
});

describe('decideVerdict: when nothing can be said', () => {
  it('recommends nothing on random data', () => {
    const { recommended, warnings } = decide([fp32, reduced('fp16', 0, 0)], { representative: false });
    expect(recommended).toBeNull();
    expect(text(warnings)).toContain('--data');
  });

  it('recommends nothing when fp32 failed or nothing was compared', () => {
    expect(decide([variant('fp32', { status: 'failed' }), reduced('fp16', 0, 0)]).recommended).toBeNull();
    expect(decide([variant('fp32'), variant('fp16')]).recommended).toBeNull();
  });

  it('recommends fp32 when it is alone', () => {
    expect(decide([fp32]).recommended).toBe('fp32');
  });
});

describe('decideVerdict: warnings', () => {
  const model = { nodes: 100, outputs: [{ name: 'logits', dtype: 'fp32', shape: ['batch', 10] }] };

  it('has none where nothing is wrong', () => {
    expect(decide([fp32, reduced('fp16', 0, 0)], { model }).warnings).toEqual([]);
  });

  it('puts what earlier stages said first, and says nothing twice', () => {
    const { warnings } = decide([fp32], { warnings: ['A', 'A'], skippedSamples: 1, sharedSamples: 100 });
    expect(warnings[0]).toBe('A');
    expect(warnings).toHaveLength(3);
    expect(text(warnings)).toContain('100 samples served both calibration and evaluation');
    expect(text(warnings)).toContain('1 evaluation sample could not be read and was left out');
  });

  it('suspects preprocessing when fp32 itself is at chance or poor', () => {
    const chance = baseline(labelledTask(2000, 210, 0, 0));
    expect(text(decide([chance], { model }).warnings)).toMatch(
      /FP32 itself has top-1 10\.50%, no better than chance.*--preprocess/,
    );
    const poor = baseline(labelledTask(2000, 800, 0, 0));
    expect(text(decide([poor], { model }).warnings)).toContain('FP32 itself has top-1 40.00%. If');
    // 60 % of two classes may well be skill.
    const two = { ...model, outputs: [{ name: 'logits', dtype: 'fp32', shape: ['batch', 2] }] };
    expect(text(decide([baseline(labelledTask(2000, 1200, 0, 0))], { model: two }).warnings)).not.toContain('chance');
  });

  it('notices an fp32 variant that is not the model any more, and forgives rounding', () => {
    const rewritten = (sqnrDb: number): Variant =>
      variant('fp32', { accuracy: accuracy({ outputs: [output({ sqnrDb })], task: labelledTask(2000, 1800, 0, 0) }) });
    expect(text(decide([rewritten(35)]).warnings)).toContain('differs from the model itself');
    expect(decide([rewritten(110)]).warnings).toEqual([]);
  });

  it('says when samples are few', () => {
    const few = baseline(labelledTask(50, 45, 0, 0));
    expect(text(decide([few]).warnings)).toContain(
      "Only 50 labelled samples: the 95% interval of FP32's top-1 is 78.6–95.7%",
    );
  });

  it('says what each variant suffers from', () => {
    const kept = Array.from({ length: 31 }, (_, i) => ({
      node: `n${i}`,
      opType: 'Conv',
      precision: 'fp32',
      reason: 'range',
    }));
    const int8 = reduced('int8', 0, 0, {
      decisions: kept,
      calibration: {
        algorithm: 'entropy',
        calibrator: 'builtin',
        batchSize: 8,
        samples: 100,
        seconds: 1,
        peakRssBytes: null,
        cacheHit: false,
        tensors: 9,
        unfit: [{ tensor: 't', algorithm: 'entropy', reason: 'zeros' }],
      },
      build: {
        backend: 'tensorrt',
        version: null,
        target: null,
        seconds: 1,
        layers: 10,
        realised: { fp32: { layers: 1, time: null } },
      },
    });
    const simulated = reduced('bf16', 0, 0);
    const bf16 = { ...simulated, accuracy: accuracy({ ...simulated.accuracy, simulated: true }) };
    const failed = variant('fp8', {
      status: 'failed',
      error: { code: 'ENGINE_BUILD', reason: 'No kernel.', fix: 'Do.' },
    });
    const warnings = text(decide([fp32, int8, bf16, failed], { model }).warnings);
    expect(warnings).toContain('INT8: 31 of 100 nodes stayed in FP32');
    expect(warnings).toContain('INT8: calibration does not fit 1 tensor ("t")');
    expect(warnings).toContain('INT8: no layer of the built engine runs in INT8');
    expect(warnings).toContain('BF16 was simulated');
    expect(warnings).toContain('FP8 failed: No kernel.');
  });

  it('TF32 is a variant like others: it is compared, gated and can be chosen', () => {
    const timedFp32 = { ...fp32, latency: latency(gpu, 2) };
    const tf32 = reduced('fp32', 0, 0, { name: 'tf32', latency: latency(gpu, 1) });
    expect(decide([timedFp32, tf32]).recommended).toBe('tf32');
    const lossy = reduced('fp32', 100, 10, { name: 'tf32', latency: latency(gpu, 1) });
    expect(decide([timedFp32, lossy]).recommended).toBe('fp32');
    const asFast = reduced('fp16', 0, 0, { latency: latency(gpu, 1) });
    expect(decide([timedFp32, asFast, tf32]).recommended).toBe('tf32');
  });

  it('says how much the optimizer left in FP32', () => {
    const weak = reduced('fp16', 0, 0, {
      name: 'fp16-weak',
      build: {
        backend: 'tensorrt',
        version: '10.6.0',
        target: null,
        seconds: 1,
        layers: 10,
        realised: { fp16: { layers: 0.7, time: 0.9 }, fp32: { layers: 0.3, time: 0.1 } },
        typing: 'weak',
      },
    });
    expect(text(decide([fp32, weak], { model }).warnings)).toContain(
      "FP16-WEAK: TensorRT's optimizer left 30% of the layers (10% of the time) in FP32.",
    );
  });

  it('a graph that is far off even on random inputs is told of', () => {
    const off = variant('int8', { accuracy: accuracy({ outputs: [output({ sqnrDb: 4 })] }) });
    const fair = variant('fp16', { accuracy: accuracy({ outputs: [output({ sqnrDb: 40 })] }) });
    const warnings = text(decide([fp32, off, fair], { model, representative: false }).warnings);
    expect(warnings).toContain('INT8: even on random inputs the SQNR of output "logits" is only 4.0 dB');
    expect(warnings).not.toContain('FP16: even');
    expect(text(decide([fp32, off], { model }).warnings)).not.toContain('even on random');
  });

  it('does not complain of thirty kept nodes in a hundred', () => {
    const kept = Array.from({ length: 30 }, (_, i) => ({
      node: `n${i}`,
      opType: 'Conv',
      precision: 'fp32',
      reason: 'range',
    }));
    expect(decide([fp32, reduced('fp16', 0, 0, { decisions: kept })], { model }).warnings).toEqual([]);
  });
});
