/** Constants that a graph also gives out: their type is that of the binding, whatever the nodes want. */
import { expect, it } from 'vitest';
import { dataType } from '../../../extension/model/onnx.generated';
import { applyPlan } from '../../../extension/plan/applyPlan';
import { prepareModel } from '../../../extension/plan/prepareModel';
import type { DType } from '../../../extension/contract/tensor';
import { buildModel, encodeModel, floats, node, run, value } from '../model/buildModel';

const weight = [0.1, 0.2, 0.3, 1 / 3];

function written(bindings: Record<string, DType>) {
  const model = buildModel({
    nodes: [node('Mul', ['x', 'w'], ['m']), node('Exp', ['m'], ['e']), node('Add', ['e', 'w'], ['y'])],
    inputs: [value('x', [4])],
    outputs: [value('y', [4]), value('w', [4])],
    initializers: [floats('w', [4], weight)],
  });
  const request = { precision: 'fp16', plan: { keep: [], bindings }, ranges: null, table: null } as const;
  return applyPlan(prepareModel(model), request).model;
}
const feeds = { x: { dims: [4], data: Float32Array.of(1, -1, 0.5, 2) } };

it('gives an FP32 constant out unrounded beside its FP16 copy', async () => {
  const model = written({});
  expect(model.proto.graph.output[1]!.type!.tensorType!.elemType).toBe(dataType.FLOAT);
  const { w } = await run(encodeModel(model), feeds);
  expect(w!.type).toBe('float32');
  expect(w!.data).toEqual(Array.from(Float32Array.from(weight)));
});

it('gives a constant bound as FP16 out in FP16', async () => {
  const model = written({ w: 'fp16' });
  const stored = model.proto.graph.initializer.find(({ name }) => name === 'w')!;
  expect(model.proto.graph.output[1]!.type!.tensorType!.elemType).toBe(dataType.FLOAT16);
  expect(stored.dataType).toBe(dataType.FLOAT16);
  const { y } = await run(encodeModel(model), feeds);
  y!.data.forEach((result, i) => expect(result).toBeCloseTo(Math.exp(feeds.x.data[i]! * weight[i]!) + weight[i]!, 2));
});

it('gives a constant that no node reads out in the type of its binding', () => {
  const model = buildModel({
    nodes: [node('Relu', ['x'], ['y'])],
    inputs: [value('x', [4])],
    outputs: [value('y', [4]), value('w', [4])],
    initializers: [floats('w', [4], weight)],
  });
  const request = {
    precision: 'bf16',
    plan: { keep: [], bindings: { w: 'bf16' } },
    ranges: null,
    table: null,
  } as const;
  const stored = applyPlan(prepareModel(model), request).model.proto.graph.initializer.find(({ name }) => name === 'w');
  expect(stored!.dataType).toBe(dataType.BFLOAT16);
});
