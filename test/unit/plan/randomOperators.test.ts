import { expect, it } from 'vitest';
import { makeTensor } from '../../../extension/model/tensorValues';
import { randomOperators } from '../../../extension/plan/randomOperators';
import { buildModel, node, reluModel, value } from '../model/buildModel';

const io = { inputs: [value('x', [4])], outputs: [value('y', [4])] };
const dropout = (training: number) =>
  buildModel({
    ...io,
    nodes: [node('Dropout', ['x', '', 't'], ['y'])],
    initializers: [makeTensor('t', { dtype: 'bool', dims: [], data: Uint8Array.of(training) })],
  });

it('names the node that draws', () => {
  const model = buildModel({ ...io, nodes: [node('RandomNormalLike', ['x'], ['y'])] });
  expect(randomOperators(model)).toEqual([expect.stringContaining('RandomNormalLike in node "RandomNormalLike_y"')]);
  expect(randomOperators(dropout(1))).toHaveLength(1);
});

it('says nothing where a run repeats', () => {
  const seeded = buildModel({ ...io, nodes: [node('RandomNormalLike', ['x'], ['y'], { seed: 1 })] });
  for (const model of [reluModel(), dropout(0), seeded]) expect(randomOperators(model)).toEqual([]);
});
