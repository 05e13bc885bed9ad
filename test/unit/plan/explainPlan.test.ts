import { describe, expect, it } from 'vitest';
import { explainPlan } from '../../../extension/plan/explainPlan';
import { keepRuleFor, unmatchedRules } from '../../../extension/plan/keepRules';
import { prepareModel } from '../../../extension/plan/prepareModel';
import { buildModel, floats, node, value } from '../model/buildModel';
import { noise } from './planModels';

const model = () =>
  prepareModel(
    buildModel({
      nodes: [
        node('Conv', ['x', 'w'], ['a'], { kernel_shape: [3, 3] }),
        node('Relu', ['a'], ['b']),
        node('Exp', ['b'], ['c']),
        node('Shape', ['c'], ['s']),
        node('Size', ['s'], ['n']),
        node('ReduceSum', ['c'], ['y'], { keepdims: 0 }),
      ],
      inputs: [value('x', [1, 16, 8, 8])],
      outputs: [value('y', []), value('n', [], 'int64')],
      initializers: [floats('w', [16, 16, 3, 3], noise(2304))],
    }),
  );

describe('explainPlan', () => {
  it.each([
    ['fp32', ['fp32', 'fp32', 'fp32', 'fp32', 'fp32', 'fp32']],
    ['fp16', ['fp16', 'fp16', 'fp32', 'fp16', 'none', 'fp32']],
    ['bf16', ['bf16', 'bf16', 'fp32', 'bf16', 'none', 'fp32']],
    ['int8', ['int8', 'fp16', 'fp32', 'fp16', 'none', 'fp32']],
    ['fp8', ['fp16', 'fp16', 'fp32', 'fp16', 'none', 'fp32']],
  ] as const)('%s: every node with its precision and a reason', (precision, expected) => {
    const decisions = explainPlan(model(), precision);
    expect(decisions.map((decision) => decision.precision)).toEqual(expected);
    expect(decisions.every(({ reason, node: name }) => reason !== '' && name !== '')).toBe(true);
  });

  it('follows keep rules', () => {
    const [first] = explainPlan(model(), 'int8', { plan: { keep: [{ match: 'OP:Conv', precision: 'fp32' }] } });
    expect(first).toMatchObject({ precision: 'fp32', reason: expect.stringContaining('OP:Conv') as string });
  });
});

describe('keep rules', () => {
  const relu = { name: '/layer1/block.0/Relu', opType: 'Relu' };
  const rule = (match: string, precision: 'fp32' | 'fp16' = 'fp32') => ({ match, precision });

  it('match names, globs that cross slashes, and operator types', () => {
    for (const match of ['/layer1/block.0/Relu', '/layer1/*', '*Relu', '/layer?/block.?/Relu', 'OP:Relu', 'OP:R*']) {
      expect(keepRuleFor(relu, [rule(match)]), match).toBeDefined();
    }
    for (const match of ['/layer1', 'Relu', 'OP:ReluX', '/layer1/blockX0/Relu', 'relu']) {
      expect(keepRuleFor(relu, [rule(match)]), match).toBeUndefined();
    }
  });

  it('a name with glob characters in it still matches itself', () => {
    expect(keepRuleFor({ name: 'a[0]*', opType: 'Relu' }, [rule('a[0]*')])).toBeDefined();
  });

  it('the last match wins', () => {
    expect(keepRuleFor(relu, [rule('*'), rule('OP:Relu', 'fp16')])?.precision).toBe('fp16');
  });

  it('finds rules that match nothing', () => {
    const [conv] = model().proto.graph.node;
    expect(unmatchedRules([conv!], [rule('OP:Conv'), rule('OP:Softmax')])).toEqual([rule('OP:Softmax')]);
  });
});
