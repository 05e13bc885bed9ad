import { describe, expect, it } from 'vitest';
import { checkGates } from '../../../extension/compare/checkGates';
import {
  accuracy,
  baseline,
  identicalOutput,
  labelledTask,
  noGates,
  output,
  unlabelledTask,
  variant,
} from './variants';

const fp32 = baseline(labelledTask(1000, 900, 0, 0));

describe('checkGates', () => {
  it('checks nothing without gates, and never fp32', () => {
    const int8 = variant('int8', { accuracy: accuracy({ task: labelledTask(1000, 900, 300, 0) }) });
    expect(checkGates([fp32, int8], noGates)).toEqual([]);
    expect(checkGates([fp32], { maxTop1Drop: 0, minSqnrDb: 99, minAgreement: 1 })).toEqual([]);
  });

  it('passes a drop of exactly the limit and fails one above it', () => {
    const int8 = variant('int8', { accuracy: accuracy({ task: labelledTask(1000, 900, 5, 0) }) });
    const at = checkGates([fp32, int8], { ...noGates, maxTop1Drop: 0.005 });
    expect(at).toMatchObject([{ variant: 'int8', gate: 'maxTop1Drop', limit: 0.005, passed: true }]);
    expect(at[0]?.value).toBeCloseTo(0.005, 12);
    const above = checkGates([fp32, int8], { ...noGates, maxTop1Drop: 0.004 });
    expect(above[0]).toMatchObject({ passed: false });
    expect(above[0]?.message).toBe('int8: top-1 drops by 0.50 points; at most 0.40 points allowed.');
  });

  it('takes a gain for no drop', () => {
    const int8 = variant('int8', { accuracy: accuracy({ task: labelledTask(1000, 900, 0, 5) }) });
    expect(checkGates([fp32, int8], { ...noGates, maxTop1Drop: 0 })[0]?.passed).toBe(true);
  });

  it('judges SQNR by the worst output; identical outputs pass', () => {
    const outputs = [output({ name: 'a', sqnrDb: 50 }), output({ name: 'b', sqnrDb: 19 }), identicalOutput];
    const int8 = variant('int8', { accuracy: accuracy({ outputs }) });
    expect(checkGates([fp32, int8], { ...noGates, minSqnrDb: 20 })).toMatchObject([{ value: 19, passed: false }]);
    expect(checkGates([fp32, int8], { ...noGates, minSqnrDb: 19 })).toMatchObject([{ passed: true }]);
    const exact = variant('fp16', { accuracy: accuracy({ outputs: [identicalOutput] }) });
    expect(checkGates([fp32, exact], { ...noGates, minSqnrDb: 200 })).toMatchObject([{ value: null, passed: true }]);
  });

  it('fails an output that could not be compared, even beside a good one', () => {
    const lost = output({ name: 'boxes', sqnrDb: null, cosine: null, maxAbs: null, meanAbs: null, maxRel: null });
    const int8 = variant('int8', { accuracy: accuracy({ outputs: [output(), lost] }) });
    const [result] = checkGates([fp32, int8], { ...noGates, minSqnrDb: 10 });
    expect(result).toMatchObject({ value: null, passed: false });
    expect(result?.message).toContain('"boxes" was not measured');
  });

  it('fails every gate whose number was not measured', () => {
    const gates = { maxTop1Drop: 0.5, minSqnrDb: 1, minAgreement: 0.1 };
    const results = checkGates([fp32, variant('fp16')], gates);
    expect(results.map(({ gate, passed, value }) => [gate, passed, value])).toEqual([
      ['maxTop1Drop', false, null],
      ['minSqnrDb', false, null],
      ['minAgreement', false, null],
    ]);
    const unlabelled = variant('fp16', { accuracy: accuracy({ task: unlabelledTask(100, 100) }) });
    expect(checkGates([fp32, unlabelled], { ...noGates, maxTop1Drop: 0.5 })[0]?.message).toContain('labels are needed');
  });

  it('checks agreement', () => {
    const int8 = variant('int8', { accuracy: accuracy({ task: unlabelledTask(100, 97) }) });
    expect(checkGates([fp32, int8], { ...noGates, minAgreement: 0.97 })[0]?.passed).toBe(true);
    expect(checkGates([fp32, int8], { ...noGates, minAgreement: 0.98 })[0]?.passed).toBe(false);
  });

  it('leaves out variants that failed: their error speaks', () => {
    expect(checkGates([fp32, variant('int8', { status: 'failed' })], { ...noGates, minSqnrDb: 1 })).toEqual([]);
  });
});
