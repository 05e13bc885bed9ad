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
