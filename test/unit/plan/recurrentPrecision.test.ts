/** What TensorRT refuses of recurrent operators in reduced precision stays FP32. */
import { expect, it } from 'vitest';
import { makeTensor } from '../../../extension/model/tensorValues';
import { applyPlan } from '../../../extension/plan/applyPlan';
import { prepareModel } from '../../../extension/plan/prepareModel';
import { buildModel, floats, node, numbers, value } from '../model/buildModel';
import { noPlan } from './planModels';

const hidden = 8;

function lstm(sequenceLengths: string) {
  return buildModel({
    nodes: [node('LSTM', ['x', 'w', 'r', '', sequenceLengths], ['', 'y'], { hidden_size: hidden })],
    inputs: [value('x', [3, 2, 4])],
    outputs: [value('y', [1, 2, hidden])],
    initializers: [
      floats('w', [1, 4 * hidden, 4], numbers(128)),
      floats('r', [1, 4 * hidden, hidden], numbers(256)),
      makeTensor('lengths', { dtype: 'int32', dims: [2], data: Int32Array.of(3, 2) }),
    ],
  });
}

it.each(['fp16', 'bf16'] as const)(
  '%s: an LSTM with sequence lengths stays FP32, one without does not',
  (precision) => {
    const request = { precision, plan: noPlan, ranges: null, table: null } as const;
    const { decisions, model } = applyPlan(prepareModel(lstm('lengths')), request);
    expect(decisions.map(({ reason }) => reason)).toEqual(['TensorRT has LSTM with sequence lengths in FP32 only']);
    expect(model.proto.graph.node.map(({ opType }) => opType)).toEqual(['LSTM']);
    expect(applyPlan(prepareModel(lstm('')), request).decisions).toEqual([]);
  },
);

it('no cast between a transposition and the FP32 layer that reads it, nor among the element-wise operators before it', () => {
  const model = buildModel({
    nodes: [
      node('MatMul', ['x', 'm'], ['heavy']),
      node('Mul', ['heavy', 'heavy'], ['squared']),
      node('Transpose', ['squared'], ['turned'], { perm: [1, 0, 2] }),
      node('GRU', ['turned', 'w', 'r'], ['', 'y'], { hidden_size: hidden }),
    ],
    inputs: [value('x', [2, 3, 4])],
    outputs: [value('y', [1, 2, hidden])],
    initializers: [
      floats('m', [4, 4], numbers(16)),
      floats('w', [1, 3 * hidden, 4], numbers(96)),
      floats('r', [1, 3 * hidden, hidden], numbers(192)),
    ],
  });
  const bf16 = applyPlan(prepareModel(model), { precision: 'bf16', plan: noPlan, ranges: null, table: null });
  expect(bf16.model.proto.graph.node.map(({ opType }) => opType)).toEqual([
    'Cast',
    'MatMul',
    'Cast',
    'Mul',
    'Transpose',
    'GRU',
  ]);
  expect(bf16.decisions.map(({ reason }) => reason)).toContain('feeds a recurrent layer that stays FP32');
  const fp16 = applyPlan(prepareModel(model), { precision: 'fp16', plan: noPlan, ranges: null, table: null });
  expect(fp16.decisions).toEqual([]);
});
