import { describe, expect, it } from 'vitest';
import type { TensorRange, TensorRanges } from '../../../extension/contract/calibrationTable';
import { setInt } from '../../../extension/model/attributes';
import type { NodeProto } from '../../../extension/model/onnx.generated';
import { makeTensor } from '../../../extension/model/tensorValues';
import { QuantizedTimes } from '../../../extension/plan/quantizedTimes';
import { float32, model, node, value } from '../calibrate/smallModels';

/** Elements of a feature map; every one is 16 × 8 × 8. */
const size = 16 * 8 * 8;
/** A 1×1 convolution from 16 to 16 channels: what it reads, writes and its weights, and its arithmetic at 256 a byte. */
const layer = 2 * size + 256 + (size * 16) / 256;

const weights = ['w', 'v', 'u', 't'].map((name) => makeTensor(name, float32([16, 16, 1, 1], new Float32Array(256))));

function times(nodes: NodeProto[], output: string, layers: readonly string[]) {
  const shape = ['batch', 16, 8, 8];
  const built = model([value('image', 'fp32', shape)], nodes, [value(output, 'fp32', shape)], weights);
  const range: TensorRange = { dtype: 'fp32', dims: [1, 16, 8, 8], min: 0, max: 1, absMax: 1, nonFinite: 0 };
  const names = ['image', ...nodes.flatMap((one) => one.output)];
  const ranges: TensorRanges = {
    representative: true,
    samples: 1,
    tensors: new Map(names.map((name) => [name, range])),
  };
  const byName = new Map(nodes.map((one) => [one.output[0]!, one]));
  const chosen = new Set(layers.map((name) => byName.get(name)!));
  const found = new QuantizedTimes(built.proto.graph, ranges, chosen);
  const keep = (names_: string[], kept: string[] = []) =>
    found.costOfKeeping(
      names_.map((name) => byName.get(name)!),
      new Set(kept.map((name) => byName.get(name)!)),
    );
  return { found, keep, byName };
}

const conv = (from: string, to: string, weight = 'w') => node('Conv', [from, weight], [to]);
const relu = (from: string, to: string) => node('Relu', [from], [to]);

describe('QuantizedTimes', () => {
  it('a chain converts at its end only: the graph input has to be converted in any precision', () => {
    const { found } = times([conv('image', 'a'), relu('a', 'b'), conv('b', 'c', 'v')], 'c', ['a', 'c']);
    expect(found.total()).toBe(2 * layer + 5 * size);
  });

  it('a layer left out of the middle costs two conversions, one at the end none', () => {
    const nodes = [conv('image', 'a'), relu('a', 'b'), conv('b', 'c', 'v'), relu('c', 'd'), conv('d', 'e', 'u')];
    const { keep } = times(nodes, 'e', ['a', 'c', 'e']);
    // The one in front stores FP16 and is copied, what it writes is quantized for the one behind.
    expect(keep(['c'])).toBe(layer + 5 * size + 3 * size);
    // The copy moves from behind it to in front of it.
    expect(keep(['e'])).toBe(layer);
    expect(keep(['c', 'e'])).toBe(2 * layer);
    expect(keep(['e'], ['c'])).toBe(layer - 8 * size);
  });

  it('a layer alone between others costs more in 8 bits than it saves', () => {
    const nodes = [
      node('Tanh', ['image'], ['x']),
      conv('x', 'a'),
      node('Tanh', ['a'], ['y']),
      conv('y', 'b', 'v'),
      node('Tanh', ['b'], ['z']),
    ];
    const { keep } = times(nodes, 'z', ['a', 'b']);
    expect(keep(['a'])).toBe(layer - 3 * size - 5 * size);
  });

  it('takes the grouped convolution in front along', () => {
    const grouped = node('Conv', ['b', 'g'], ['c']);
    setInt(grouped, 'group', 16);
    const nodes = [conv('image', 'a'), relu('a', 'b'), grouped, relu('c', 'd'), conv('d', 'e', 'u')];
    const { keep } = times(nodes, 'e', ['a', 'c', 'e']);
    expect(keep(['e'])).toBe(keep(['e', 'c']));
  });

  it('a max pool and a concatenation hand 8 bits on, but not at two scales', () => {
    const pooled = [conv('image', 'a'), node('MaxPool', ['a'], ['p']), conv('p', 'b', 'v')];
    expect(times(pooled, 'b', ['a', 'b']).found.total()).toBe(2 * layer + 5 * size);
    const both = [
      ...[conv('image', 'a'), node('MaxPool', ['a'], ['p']), conv('a', 'b', 'v')],
      ...[node('Concat', ['p', 'b'], ['joined']), conv('joined', 'c', 'u')],
    ];
    // `a` is read directly and behind the pool: stored in FP16, copied, quantized.
    expect(times(both, 'c', ['a', 'b', 'c']).found.total()).toBe(3 * layer + 5 * size + 3 * size + 5 * size);
  });

  it('the skip of a residual sum is read by the kernel that ends in the sum', () => {
    const nodes = [
      ...[conv('image', 'a'), relu('a', 'skip'), conv('skip', 'b', 'v'), node('Add', ['skip', 'b'], ['sum'])],
      conv('sum', 'c', 'u'),
    ];
    const { found, keep } = times(nodes, 'c', ['a', 'b', 'c']);
    expect(found.total()).toBe(3 * layer + 5 * size);
    // Without it, the sum reads the skip in FP16, and what reads the sum quantizes it.
    expect(keep(['b'])).toBe(layer + 5 * size + 3 * size);
  });

  it('a sum behind an activation reads and writes 8 bits in a kernel of its own', () => {
    const nodes = [
      ...[conv('image', 'a'), relu('a', 'skip'), conv('skip', 'b', 'v'), relu('b', 'active')],
      ...[node('Add', ['skip', 'active'], ['sum']), conv('sum', 'c', 'u')],
    ];
    const { found, keep } = times(nodes, 'c', ['a', 'b', 'c']);
    expect(found.total()).toBe(3 * layer + 5 * size);
    // The branch in FP16: the skip is stored for the sum, too, which is quantized for its reader.
    expect(keep(['b'])).toBe(layer + 5 * size + 3 * size);
  });

  it('a Split hands 8 bits on to all who read its parts', () => {
    const split = node('Split', ['b'], ['left', 'right']);
    const nodes = [conv('image', 'a'), relu('a', 'b'), split, conv('left', 'c', 'v'), conv('right', 'd', 'u')];
    const joined = [...nodes, node('Concat', ['c', 'd'], ['all']), conv('all', 'e', 't')];
    const { found, keep } = times(joined, 'e', ['a', 'c', 'd', 'e']);
    expect(found.total()).toBe(4 * layer + 5 * size);
    // Stored in FP16 and copied for the one part, quantized for the other; what it writes is quantized to be joined.
    expect(keep(['c'])).toBe(layer + 8 * size + 3 * size);
  });

  it('looks at every tensor once, however often it is read within a kernel', () => {
    const doubled = Array.from({ length: 60 }, (_, i) => node('Add', [`x${i}`, `x${i}`], [`x${i + 1}`]));
    const { found } = times([conv('image', 'x0'), ...doubled], 'x60', ['x0']);
    expect(found.total()).toBe(layer + 5 * size);
  });

  it('knows nothing of layers without shapes', () => {
    const built = model(
      [value('image', 'fp32', ['batch', 16, 8, 8])],
      [conv('image', 'a')],
      [value('a', 'fp32', ['batch', 16, 8, 8])],
      weights,
    );
    const none: TensorRanges = { representative: true, samples: 0, tensors: new Map() };
    const [first] = built.proto.graph.node;
    expect(new QuantizedTimes(built.proto.graph, none, new Set([first!])).layer(first!)).toBe(0);
  });
});
