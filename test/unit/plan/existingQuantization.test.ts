import { expect, it } from 'vitest';
import { makeTensor } from '../../../extension/model/tensorValues';
import { existingQuantization, isIntegerOperator } from '../../../extension/plan/existingQuantization';
import { buildModel, node, reluModel, value } from '../model/buildModel';

const quantized = (zero: number) =>
  buildModel({
    nodes: [node('QuantizeLinear', ['x', 's', 'z'], ['q']), node('DequantizeLinear', ['q', 's', 'z'], ['y'])],
    inputs: [value('x', [4])],
    outputs: [value('y', [4])],
    initializers: [
      makeTensor('s', { dtype: 'fp32', dims: [], data: Float32Array.of(0.5) }),
      makeTensor('z', { dtype: 'uint8', dims: [], data: Uint8Array.of(zero) }),
    ],
  });

it('says nothing of a float model', () => {
  expect(existingQuantization(reluModel())).toEqual([]);
});

it('says that pairs stay, and which of them have a zero point', () => {
  expect(existingQuantization(quantized(0))).toEqual([expect.stringContaining('holds 1 QuantizeLinear nodes already')]);
  const [, second] = existingQuantization(quantized(128));
  expect(second).toContain('1 of them have a zero point other than 0, first "QuantizeLinear_q"');
});

it('names the integer operators of the runtime, and where the first is', () => {
  const model = buildModel({
    nodes: [node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']), node('DequantizeLinear', ['q', 's', 'z'], ['y'])],
    inputs: [value('x', [4])],
    outputs: [value('y', [4])],
  });
  expect(existingQuantization(model)).toEqual([
    expect.stringContaining('(DynamicQuantizeLinear; first in node "DynamicQuantizeLinear_q")'),
  ]);
  expect(isIntegerOperator('QuantizeLinear')).toBe(false);
});
