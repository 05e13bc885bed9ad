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

describe('guardLayers', () => {
  const guard = (noise: Record<string, number>, share: number) =>
    Object.keys(guardLayers(threeLayers(), new Map(Object.entries(noise)), ranges, share));
  const noisyEnd = { 'Conv:features': 1e-4, 'Gemm:hidden': 1e-3, 'MatMul:scores': 1e-2 };

  it('keeps the noisiest layers that fit into the share of the arithmetic', () => {
    expect(guard(noisyEnd, 0.05)).toEqual(['MatMul:scores']);
    expect(guard({ ...noisyEnd, 'Gemm:hidden': 1e-2 }, 0.5)).toEqual(['MatMul:scores', 'Gemm:hidden']);
  });

  it('keeps none where the share is zero, or the noisy layer does most of the work', () => {
    expect(guard(noisyEnd, 0)).toEqual([]);
    expect(guard({ 'Conv:features': 1e-1, 'Gemm:hidden': 1e-4, 'MatMul:scores': 1e-4 }, 0.05)).toEqual([]);
  });

  it('leaves layers alone that are not noisier than the others', () => {
    expect(guard({ 'Conv:features': 1e-3, 'Gemm:hidden': 1e-3, 'MatMul:scores': 1e-4 }, 0.5)).toEqual(['Gemm:hidden']);
  });

  it('says how noisy and how small a layer is', () => {
    const reasons = guardLayers(threeLayers(), new Map(Object.entries(noisyEnd)), ranges, 0.05);
    expect(reasons['MatMul:scores']).toMatch(/20\.0 dB.*0\.4 %/);
  });
});
