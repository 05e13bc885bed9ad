import { describe, expect, it } from 'vitest';
import type { TensorRange, TensorRanges } from '../../../extension/contract/calibrationTable';
import { setInt } from '../../../extension/model/attributes';
import { GraphIndex } from '../../../extension/model/graphIndex';
import { makeTensor } from '../../../extension/model/tensorValues';
import { guardLayers } from '../../../extension/plan/guardLayers';
import { multiplyAdds } from '../../../extension/plan/multiplyAdds';
import { float32, model, node, value } from '../calibrate/smallModels';

const zeros = (name: string, dims: number[]) =>
  makeTensor(name, float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1))));

/** Conv (16·8·8 outputs of 64·3·3 terms), Gemm with transposed weights, MatMul: 589824, 16384 and 160 multiply-adds. */
function threeLayers() {
  const gemm = node('Gemm', ['flat', 'matrix'], ['hidden']);
  setInt(gemm, 'transB', 1);
  return model(
    [value('image', 'fp32', ['batch', 64, 8, 8])],
    [
      node('Conv', ['image', 'kernel'], ['features']),
      node('Flatten', ['features'], ['flat']),
      gemm,
      node('MatMul', ['hidden', 'weights'], ['scores']),
    ],
    [value('scores', 'fp32', ['batch', 10])],
    [zeros('kernel', [16, 64, 3, 3]), zeros('matrix', [16, 1024]), zeros('weights', [16, 10])],
  );
}

const range = (dims: number[]): TensorRange => ({ dtype: 'fp32', dims, min: 0, max: 1, absMax: 1, nonFinite: 0 });
const ranges: TensorRanges = {
  representative: true,
  samples: 1,
  tensors: new Map([
    ['image', range([1, 64, 8, 8])],
    ['features', range([1, 16, 8, 8])],
    ['hidden', range([1, 16])],
    ['scores', range([1, 10])],
  ]),
};

describe('multiplyAdds', () => {
  it('counts outputs times terms', () => {
    const { proto } = threeLayers();
    const index = new GraphIndex(proto.graph);
    expect(proto.graph.node.map((layer) => multiplyAdds(layer, index, ranges))).toEqual([589824, 0, 16384, 160]);
  });
});

describe('guardLayers', () => {
  const guard = (noise: Record<string, number>, share: number) =>
    Object.keys(guardLayers(threeLayers(), new Map(Object.entries(noise)), ranges, share));
  const noisyEnd = { 'Conv:features': 1e-4, 'Gemm:hidden': 1e-3, 'MatMul:scores': 1e-2 };

  it('keeps the noisiest layers that fit into the share of the time', () => {
    expect(guard(noisyEnd, 0.05)).toEqual(['MatMul:scores']);
    expect(guard({ ...noisyEnd, 'Conv:features': 1e-2 }, 0.5).toSorted()).toEqual(['Conv:features', 'MatMul:scores']);
  });

  it('keeps none where the share is zero, or the noisy layer does most of the work', () => {
    expect(guard(noisyEnd, 0)).toEqual([]);
    expect(guard({ 'Conv:features': 1e-4, 'Gemm:hidden': 1e-1, 'MatMul:scores': 1e-4 }, 0.05)).toEqual([]);
  });

  it('leaves layers alone that are not noisier than the others', () => {
    expect(guard({ 'Conv:features': 1e-3, 'Gemm:hidden': 1e-3, 'MatMul:scores': 1e-4 }, 0.5)).toEqual([
      'Conv:features',
    ]);
  });

  it('counts a grouped convolution in front of a layer with it: it cannot stay in 8 bits alone', () => {
    const grouped = node('Conv', ['image', 'filters'], ['filtered']);
    setInt(grouped, 'group', 3);
    const chain = model(
      [value('image', 'fp32', ['batch', 3, 8, 8])],
      [
        ...[grouped, node('Relu', ['filtered'], ['active']), node('Conv', ['active', 'kernel'], ['features'])],
        node('Conv', ['features', 'last'], ['end']),
      ],
      [value('end', 'fp32', ['batch', 4, 8, 8])],
      [zeros('filters', [3, 1, 3, 3]), zeros('kernel', [4, 3, 1, 1]), zeros('last', [4, 4, 1, 1])],
    );
    const [three, four] = [
      [1, 3, 8, 8],
      [1, 4, 8, 8],
    ];
    const shapes = { image: three, filtered: three, active: three, features: four, end: four };
    const tensors = new Map(Object.entries(shapes).map(([name, dims]) => [name, range(dims)]));
    const noise = new Map([
      ['Conv:filtered', 1e-6],
      ['Conv:features', 1e-2],
      ['Conv:end', 1e-6],
    ]);
    const kept = (share: number) => Object.keys(guardLayers(chain, noise, { ...ranges, tensors }, share));
    // Both layers (417.75 and 463) and a kernel that quantizes (768), of all three and the copy at the end (2692.75): 0.612.
    expect(kept(0.61)).toEqual([]);
    expect(kept(0.62)).toEqual(['Conv:features', 'Conv:filtered']);
  });

  it('keeps a noisy layer that gains nothing in 8 bits, for any share, but never all layers', () => {
    const alone = model(
      [value('image', 'fp32', ['batch', 3, 8, 8])],
      [
        ...[node('Conv', ['image', 'kernel'], ['features']), node('Tanh', ['features'], ['bounded'])],
        ...[node('Flatten', ['bounded'], ['flat']), node('MatMul', ['flat', 'weights'], ['scores'])],
      ],
      [value('scores', 'fp32', ['batch', 10])],
      [zeros('kernel', [16, 3, 3, 3]), zeros('weights', [1024, 10])],
    );
    const tensors = new Map([...ranges.tensors, ['image', range([1, 3, 8, 8])] as const]);
    const keep = (noise: Record<string, number>) =>
      guardLayers(alone, new Map(Object.entries(noise)), { ...ranges, tensors }, 1e-9);
    const reasons = keep({ 'Conv:features': 1e-3, 'MatMul:scores': 1e-5 });
    expect(Object.keys(reasons)).toEqual(['Conv:features']);
    expect(reasons['Conv:features']).toMatch(/30\.0 dB.*takes no longer/);
    expect(keep({ 'Conv:features': 1e-3 })).toEqual({});
  });

  it('keeps a last convolution that is converted for its own sake, however quiet', () => {
    const shape = [1, 16, 8, 8];
    const chain = (last: string) =>
      model(
        [value('image', 'fp32', ['batch', 16, 8, 8])],
        [
          ...[node('Conv', ['image', 'w'], ['a']), node('Relu', ['a'], ['b']), node('Conv', ['b', 'w'], ['c'])],
          ...[node(last, ['c'], ['d']), node('Conv', ['d', 'w'], ['end'])],
        ],
        [value('end', 'fp32', ['batch', 16, 8, 8])],
        [zeros('w', [16, 16, 3, 3])],
      );
    const tensors = new Map(['image', 'a', 'b', 'c', 'd', 'end'].map((name) => [name, range(shape)]));
    const noise = new Map(['a', 'c', 'end'].map((name) => [`Conv:${name}`, name === 'end' ? 1e-9 : 1e-3]));
    const kept = (last: string) => Object.keys(guardLayers(chain(last), noise, { ...ranges, tensors }, 1e-9));
    expect(kept('Tanh')).toEqual(['Conv:end']);
    // The kernel in front stores 8 bits for it.
    expect(kept('Relu')).toEqual([]);
  });

  it('says how noisy and how small a layer is', () => {
    const reasons = guardLayers(threeLayers(), new Map(Object.entries(noisyEnd)), ranges, 0.05);
    expect(reasons['MatMul:scores']).toMatch(/20\.0 dB.*0\.5 %/);
  });
});
