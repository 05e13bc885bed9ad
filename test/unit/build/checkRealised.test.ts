import { describe, expect, it } from 'vitest';
import { checkRealised } from '../../../extension/build/checkRealised';
import type { BuildSummary } from '../../../extension/contract/report';
import { recipe } from '../../support/recipes';

const build = (shares: Record<string, number> | null): BuildSummary => ({
  backend: 'tensorrt',
  version: '10.6.0',
  target: null,
  seconds: 1,
  layers: 4,
  realised:
    shares === null
      ? null
      : Object.fromEntries(Object.entries(shares).map(([type, layers]) => [type, { layers, time: null }])),
});

describe('checkRealised', () => {
  it('an FP16 engine that runs FP32 is refused, with its shares', () => {
    expect(() => checkRealised(build({ fp32: 0.75, reformat: 0.25 }), recipe('fp16'))).toThrow(
      expect.objectContaining({
        code: 'PRECISION_NOT_REALISED',
        reason: expect.stringMatching(/fp16 computes in FP16.*fp32 75 %/) as string,
      }),
    );
  });

  it('one whose optimizer chose so is told to use strong typing', () => {
    const weak = recipe('fp16-weak', { typing: 'weak', graph: 'fp32' });
    expect(() => checkRealised(build({ fp32: 1 }), weak)).toThrow(
      expect.objectContaining({ fix: expect.stringContaining('--typing strong') as string }),
    );
  });

  it.each([
    ['some layers of the type', { fp32: 0.9, fp16: 0.1 }],
    ['nothing known of the types', { reformat: 0.5, integer: 0.5 }],
    ['no inspection', null],
  ])('%s passes', (_, shares) => {
    expect(() => checkRealised(build(shares), recipe('fp16'))).not.toThrow();
  });

  it('INT4 computes in FP16, and is refused where nothing does', () => {
    expect(() => checkRealised(build({ fp16: 0.9, fp32: 0.1 }), recipe('int4'))).not.toThrow();
    expect(() => checkRealised(build({ int4: 0.5, fp32: 0.5 }), recipe('int4'))).not.toThrow();
    expect(() => checkRealised(build({ fp32: 1 }), recipe('int4'))).toThrow(/int4 computes in INT4.*fp32 100 %/);
  });

  it('FP32 and TF32 are never refused', () => {
    expect(() => checkRealised(build({ fp16: 1 }), recipe('fp32'))).not.toThrow();
    expect(() => checkRealised(build({ fp32: 1 }), recipe('tf32'))).not.toThrow();
  });
});
