import { describe, expect, it } from 'vitest';
import type { TensorRange, TensorRanges } from '../../../extension/contract/calibrationTable';
import { setInt } from '../../../extension/model/attributes';
import { GraphIndex } from '../../../extension/model/graphIndex';
import { makeTensor } from '../../../extension/model/tensorValues';
import { guardLayers } from '../../../extension/plan/guardLayers';
import { layerTime, multiplyAdds } from '../../../extension/plan/multiplyAdds';
import { float32, model, node, value } from '../calibrate/smallModels';

const zeros = (name: string, dims: number[]) =>
  makeTensor(name, float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1))));

/** Conv (16·8·8 outputs of 3·3·3 terms), Gemm with transposed weights, MatMul: 27648, 16384 and 160 multiply-adds. */
function threeLayers() {
  const gemm = node('Gemm', ['flat', 'matrix'], ['hidden']);
  setInt(gemm, 'transB', 1);
  return model(
    [value('image', 'fp32', ['batch', 3, 8, 8])],
    [
      node('Conv', ['image', 'kernel'], ['features']),
      node('Flatten', ['features'], ['flat']),
      gemm,
      node('MatMul', ['hidden', 'weights'], ['scores']),
    ],
    [value('scores', 'fp32', ['batch', 10])],
    [zeros('kernel', [16, 3, 3, 3]), zeros('matrix', [16, 1024]), zeros('weights', [16, 10])],
  );
}

const range = (dims: number[]): TensorRange => ({ dtype: 'fp32', dims, min: 0, max: 1, absMax: 1, nonFinite: 0 });
const ranges: TensorRanges = {
  representative: true,
  samples: 1,
  tensors: new Map([
    ['features', range([1, 16, 8, 8])],
    ['hidden', range([1, 16])],
    ['scores', range([1, 10])],
  ]),
};

describe('multiplyAdds', () => {
  it('counts outputs times terms', () => {
    const { proto } = threeLayers();
    const index = new GraphIndex(proto.graph);
    expect(proto.graph.node.map((layer) => multiplyAdds(layer, index, ranges))).toEqual([27648, 0, 16384, 160]);
  });
});

describe('layerTime', () => {
  it('is what a layer moves, and its arithmetic at 256 multiply-adds a byte', () => {
    const { proto } = threeLayers();
    const index = new GraphIndex(proto.graph);
    const known = new Map([...ranges.tensors, ['image', range([1, 3, 8, 8])], ['flat', range([1, 1024])]]);
    const times = proto.graph.node.map((layer) => layerTime(layer, index, { ...ranges, tensors: known }));
    expect(times).toEqual([
      192 + 1024 + 432 + 27648 / 256,
      0,
      1024 + 16 + 16384 + 16384 / 256,
      16 + 10 + 160 + 160 / 256,
    ]);
  });
});

describe('guardLayers', () => {
  const guard = (noise: Record<string, number>, share: number) =>
    Object.keys(guardLayers(threeLayers(), new Map(Object.entries(noise)), ranges, share));
  const noisyEnd = { 'Conv:features': 1e-4, 'Gemm:hidden': 1e-3, 'MatMul:scores': 1e-2 };

  it('keeps the noisiest layers that fit into the share of the time', () => {
    expect(guard(noisyEnd, 0.05)).toEqual(['MatMul:scores']);
    expect(guard({ ...noisyEnd, 'Conv:features': 1e-2 }, 0.5)).toEqual(['MatMul:scores', 'Conv:features']);
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
    const pair = model(
      [value('image', 'fp32', ['batch', 3, 8, 8])],
      [grouped, node('Relu', ['filtered'], ['active']), node('Conv', ['active', 'kernel'], ['features'])],
      [value('features', 'fp32', ['batch', 4, 8, 8])],
      [zeros('filters', [3, 1, 3, 3]), zeros('kernel', [4, 3, 1, 1])],
    );
    const shapes = { image: [1, 3, 8, 8], filtered: [1, 3, 8, 8], active: [1, 3, 8, 8], features: [1, 4, 8, 8] };
    const tensors = new Map(Object.entries(shapes).map(([name, dims]) => [name, range(dims)]));
    const noise = new Map([
      ['Conv:filtered', 1e-6],
      ['Conv:features', 1e-2],
    ]);
    const kept = (share: number) => Object.keys(guardLayers(pair, noise, { ...ranges, tensors }, share));
    expect(kept(0.9)).toEqual([]);
    expect(kept(1)).toEqual(['Conv:features']);
  });

  it('says how noisy and how small a layer is', () => {
    const reasons = guardLayers(threeLayers(), new Map(Object.entries(noisyEnd)), ranges, 0.05);
    expect(reasons['MatMul:scores']).toMatch(/20\.0 dB.*1\.0 %/);
  });
});
