import { expect, it } from 'vitest';
import type { Tensor } from '../../../../extension/contract/tensor';
import { makeTensor, readTensor, toNumbers } from '../../../../extension/model/tensorValues';
import { prepareModel } from '../../../../extension/plan/prepareModel';
import { buildModel, encodeModel, node, run, value } from '../../model/buildModel';
import { opTypes } from '../planModels';

/** y = x + bias, the bias stored as integers with a scale per element along its first axis, or one for all. */
const model = (bias: Tensor, scales: readonly number[], dims: readonly number[]) =>
  buildModel({
    nodes: [node('DequantizeLinear', ['b', 's'], ['bias'], { axis: 0 }), node('Add', ['x', 'bias'], ['y'])],
    inputs: [value('x', [...bias.dims])],
    outputs: [value('y', [...bias.dims])],
    initializers: [makeTensor('b', bias), makeTensor('s', { dtype: 'fp32', dims, data: Float32Array.from(scales) })],
  });

const integers: Tensor = { dtype: 'int32', dims: [2, 2], data: Int32Array.of(16777217, -5, 1000, 3) };

it.each([
  ['a scale per element of the axis', [0.1, 3e-5], [2]],
  ['one scale', [0.1], []],
])('has the bits that the runtime computes: %s', async (_, scales, dims) => {
  const before = model(integers, scales, dims);
  const prepared = prepareModel(before);
  expect(opTypes(prepared)).toEqual(['Add']);
  const feeds = { x: { dims: [2, 2], data: new Float32Array(4) } };
  const expected = await run(encodeModel(before), feeds);
  const bias = prepared.proto.graph.initializer.find(({ name }) => name === 'bias')!;
  expect(toNumbers(readTensor(bias, prepared))).toEqual(expected.y!.data);
});

it('leaves 8-bit weights, which the engine reads as they are', () => {
  const weights: Tensor = { dtype: 'int8', dims: [2, 2], data: Int8Array.of(1, 2, 3, 4) };
  expect(opTypes(prepareModel(model(weights, [0.5], [])))).toEqual(['DequantizeLinear', 'Add']);
});
