import { describe, expect, it } from 'vitest';
import type { Model } from '../../../../extension/model/model';
import { applyPlan } from '../../../../extension/plan/applyPlan';
import { prepareModel } from '../../../../extension/plan/prepareModel';
import { buildModel, encodeModel, node, run, value } from '../../model/buildModel';
import { noPlan, opTypes, relativeError } from '../planModels';

const model = (opType: string) =>
  buildModel({
    nodes: [node(opType, ['x'], ['a']), node(opType, ['a'], ['y'])],
    inputs: [value('x', [6])],
    outputs: [value('y', [6])],
    opset: 18,
  });
const feeds = { x: { dims: [6], data: Float32Array.of(-9, -2.5, -0.5, 0, 0.7, 4) } };
const results = async (of: Model) => (await run(encodeModel(of), feeds))['y']!.data;

describe.each([
  ['HardSwish', ['HardSigmoid', 'Mul']],
  ['Mish', ['Softplus', 'Tanh', 'Mul']],
])('%s', (opType, steps) => {
  it('becomes the operators that define it, with the same values', async () => {
    const prepared = prepareModel(model(opType));
    expect(opTypes(prepared)).toEqual([...steps, ...steps]);
    expect(prepared.proto.graph.node.at(-1)!.output).toEqual(['y']);
    expect(relativeError(await results(model(opType)), await results(prepared))).toBeLessThan(1e-6);
  });

  it('has no operator left that TensorRT refuses in BF16, and none in FP32', () => {
    const written = applyPlan(prepareModel(model(opType)), {
      precision: 'bf16',
      plan: noPlan,
      ranges: null,
      table: null,
    });
    expect(opTypes(written.model)).not.toContain(opType);
    expect(written.decisions).toEqual([]);
  });
});

it('leaves an operator of the same name in another domain alone', () => {
  const custom = model('HardSwish');
  custom.proto.graph.node[0]!.domain = 'custom';
  expect(opTypes(prepareModel(custom))).toEqual(['HardSwish', 'HardSigmoid', 'Mul']);
});
