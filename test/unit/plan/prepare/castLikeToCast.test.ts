import { expect, it } from 'vitest';
import { getInt } from '../../../../extension/model/attributes';
import { dataType } from '../../../../extension/model/onnx.generated';
import { applyPlan } from '../../../../extension/plan/applyPlan';
import { prepareModel } from '../../../../extension/plan/prepareModel';
import { buildModel, encodeModel, node, run, value } from '../../model/buildModel';
import { noPlan, opTypes, relativeError } from '../planModels';

/** A mask made of integers, cast to the type of the activation that it is added to. */
const model = () =>
  buildModel({
    nodes: [
      node('Cast', ['mask'], ['integers'], { to: dataType.INT32 }),
      node('Relu', ['x'], ['activation']),
      node('CastLike', ['integers', 'activation'], ['floats']),
      node('Add', ['activation', 'floats'], ['y']),
    ],
    inputs: [value('x', [4]), value('mask', [4])],
    outputs: [value('y', [4])],
  });
const feeds = {
  x: { dims: [4], data: Float32Array.of(-1, 0.3, 2, 5) },
  mask: { dims: [4], data: Float32Array.of(0, 1, 0, 1) },
};

it('makes CastLike a Cast to the type that the original has', () => {
  const prepared = prepareModel(model());
  expect(opTypes(prepared)).toEqual(['Cast', 'Relu', 'Cast', 'Add']);
  expect(prepared.proto.graph.node[2]!.input).toEqual(['integers']);
  expect(getInt(prepared.proto.graph.node[2]!, 'to', 0)).toBe(dataType.FLOAT);
});

it('leaves a CastLike whose type cannot be known', () => {
  const unknown = model();
  unknown.proto.graph.node[1] = { ...node('Mystery', ['x'], ['activation']), domain: 'custom' };
  expect(opTypes(prepareModel(unknown))).toContain('CastLike');
});

it('gives FP16 graphs that run and agree', async () => {
  const expected = await run(encodeModel(model()), feeds);
  const written = applyPlan(prepareModel(model()), { precision: 'fp16', plan: noPlan, ranges: null, table: null });
  const actual = await run(encodeModel(written.model), feeds);
  expect(relativeError(expected['y']!.data, actual['y']!.data)).toBeLessThan(1e-3);
});
