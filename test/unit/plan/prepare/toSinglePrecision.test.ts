import { expect, it } from 'vitest';
import { dataType } from '../../../../extension/model/onnx.generated';
import { makeTensor } from '../../../../extension/model/tensorValues';
import { inferTypes } from '../../../../extension/plan/inferTypes';
import { prepareModel } from '../../../../extension/plan/prepareModel';
import { buildModel, encodeModel, node, run, value } from '../../model/buildModel';
import { opTypes } from '../planModels';

/** y = x · w through a Relu in double, of an input in single. */
const model = (weight: number) =>
  buildModel({
    nodes: [
      node('Cast', ['x'], ['d'], { to: dataType.DOUBLE }),
      node('MatMul', ['d', 'w'], ['p']),
      node('Relu', ['p'], ['y']),
    ],
    inputs: [value('x', [1, 2])],
    outputs: [value('y', [1, 2], 'fp64')],
    initializers: [makeTensor('w', { dtype: 'fp64', dims: [2, 2], data: Float64Array.of(0.1, weight, -3, 4) })],
  });

it('computes in single precision, between inputs and outputs of the type they had', async () => {
  const prepared = prepareModel(model(0.7));
  expect(opTypes(prepared)).toEqual(['MatMul', 'Relu', 'Cast']);
  const types = inferTypes(prepared.proto.graph, 22);
  expect([types.get('p'), types.get('y')]).toEqual(['fp32', 'fp64']);
  const feeds = { x: { dims: [1, 2], data: Float32Array.of(1, 2) } };
  const [before, after] = [await run(encodeModel(model(0.7)), feeds), await run(encodeModel(prepared), feeds)];
  expect(after.y!.data[1]).toBeCloseTo(before.y!.data[1]!, 5);
  expect(after.y!.data[1]).not.toBe(before.y!.data[1]);
});

it('takes inputs in double as they come', () => {
  const double = model(0.7);
  double.proto.graph.input = [value('d', [1, 2], 'fp64')];
  double.proto.graph.node.shift();
  const prepared = prepareModel(double);
  expect(opTypes(prepared)).toEqual(['Cast', 'MatMul', 'Relu', 'Cast']);
  expect(prepared.proto.graph.input[0]?.type?.tensorType?.elemType).toBe(dataType.DOUBLE);
});

it('leaves values that single precision cannot hold', () => {
  expect(opTypes(prepareModel(model(1e40)))).toEqual(['Cast', 'MatMul', 'Relu']);
});

it('leaves doubles that no layer computes with: sizes and positions', () => {
  const scaled = buildModel({
    nodes: [
      node('Cast', ['x'], ['d'], { to: dataType.DOUBLE }),
      node('Mul', ['d', 'third'], ['m']),
      node('Floor', ['m'], ['f']),
      node('Cast', ['f'], ['y'], { to: dataType.FLOAT }),
    ],
    inputs: [value('x', [1])],
    outputs: [value('y', [1])],
    initializers: [makeTensor('third', { dtype: 'fp64', dims: [], data: Float64Array.of(1 / 3) })],
  });
  expect(prepareModel(scaled).proto.graph.initializer[0]?.dataType).toBe(dataType.DOUBLE);
});

it('raises weights stored in half precision, so that they are constants that INT8 can quantize', async () => {
  const halves = buildModel({
    nodes: [
      node('Cast', ['h'], ['w'], { to: dataType.FLOAT }),
      node('MatMul', ['x', 'w'], ['p']),
      node('Cast', ['p'], ['y'], { to: dataType.FLOAT16 }),
    ],
    inputs: [value('x', [1, 2])],
    outputs: [value('y', [1, 2], 'fp16')],
    initializers: [makeTensor('h', { dtype: 'fp16', dims: [2, 2], data: Uint16Array.of(0x3c00, 0x3555, 0xc000, 1) })],
  });
  const prepared = prepareModel(halves);
  expect(opTypes(prepared)).toEqual(['MatMul', 'Cast']);
  const { graph } = prepared.proto;
  expect(graph.initializer.find(({ name }) => name === graph.node[0]!.input[1])?.dataType).toBe(dataType.FLOAT);
  const feeds = { x: { dims: [1, 2], data: Float32Array.of(1, 0.5) } };
  expect(await run(encodeModel(prepared), feeds)).toEqual(await run(encodeModel(halves), feeds));
});
