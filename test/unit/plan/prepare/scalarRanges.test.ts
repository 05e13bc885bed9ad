import { expect, it } from 'vitest';
import { makeInt64, makeTensor } from '../../../../extension/model/tensorValues';
import { dataType } from '../../../../extension/model/onnx.generated';
import { prepareModel } from '../../../../extension/plan/prepareModel';
import { buildModel, encodeModel, node, run, value } from '../../model/buildModel';
import { opTypes } from '../planModels';

const scalar = (name: string, number: bigint) =>
  makeTensor(name, { dtype: 'int64', dims: [], data: BigInt64Array.of(number) });

/** Positions whose bounds are vectors of one element, computed from constants: what folding turns into constants. */
const model = () =>
  buildModel({
    nodes: [
      ...['start', 'limit', 'delta'].map((name) => node('Reshape', [name, 'one_element'], [`${name}_vector`])),
      node('Range', ['start_vector', 'limit_vector', 'delta_vector'], ['positions']),
      node('Cast', ['positions'], ['floats'], { to: dataType.FLOAT }),
      node('Add', ['x', 'floats'], ['y']),
    ],
    inputs: [value('x', [4])],
    outputs: [value('y', [4])],
    initializers: [scalar('start', 0n), scalar('limit', 4n), scalar('delta', 1n), makeInt64('one_element', [1])],
  });
const feeds = { x: { dims: [4], data: Float32Array.of(1, 1, 1, 1) } };

it('lets a Range over folded vectors of one element run, and give the same', async () => {
  const expected = await run(encodeModel(model()), feeds);
  const prepared = prepareModel(model());
  expect(opTypes(prepared)).not.toContain('Reshape');
  const actual = await run(encodeModel(prepared), feeds);
  expect([...actual['y']!.data]).toEqual([...expected['y']!.data]);
  expect([...actual['y']!.data]).toEqual([1, 2, 3, 4]);
});

it('leaves a Range of computed bounds alone', () => {
  const computed = model();
  computed.proto.graph.node.splice(1, 1, node('Shape', ['x'], ['limit_vector']));
  const before = computed.proto.graph.node.find(({ opType }) => opType === 'Range')!.input[1];
  const range = prepareModel(computed).proto.graph.node.find(({ opType }) => opType === 'Range');
  expect(range?.input[1]).toBe(before);
});
