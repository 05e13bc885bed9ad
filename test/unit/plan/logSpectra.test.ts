import { expect, it } from 'vitest';
import { decidePrecisions } from '../../../extension/plan/decidePrecisions';
import { buildModel, floats, node, value } from '../model/buildModel';

/** log(conv(pad(x))²), with an activation behind the filter or none, and a layer behind the logarithm. */
const model = (activation: string | null) =>
  buildModel({
    nodes: [
      node('Pad', ['x', 'pads'], ['padded']),
      node('Conv', ['padded', 'w'], ['filtered']),
      ...(activation === null ? [] : [node(activation, ['filtered'], ['activated'])]),
      node('Mul', Array<string>(2).fill(activation === null ? 'filtered' : 'activated'), ['power']),
      node('Log', ['power'], ['log']),
      node('Conv', ['log', 'v'], ['y']),
    ],
    inputs: [value('x', [1, 1, 16]), value('pads', [6], 'int64')],
    outputs: [value('y', [1, 1, 15])],
    initializers: [floats('w', [2, 1, 2], [1, 2, 3, 4]), floats('v', [1, 2, 1], [1, 2])],
  });

const reasons = (activation: string | null): Partial<Record<string, string | null>> => {
  const { nodes } = decidePrecisions(model(activation), { low: 'fp16', keep: [], ranges: null });
  return Object.fromEntries([...nodes].map(([{ output }, { reason }]) => [output[0] ?? '', reason]));
};

it('keeps a front end in FP32 from the input to the logarithm', () => {
  const found = reasons(null);
  for (const name of ['padded', 'filtered', 'power']) expect(found[name]).toMatch(/spectrum whose logarithm/);
  expect(found['y']).toBeNull();
});

it('leaves a network that ends in a logarithm', () => {
  expect(reasons('Sigmoid')['filtered']).toBeNull();
});
