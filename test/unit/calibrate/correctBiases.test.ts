import { describe, expect, it } from 'vitest';
import { nativeAddonState } from '../../../extension/backends/nativeAddon';
import { onnxRuntimeObserving } from '../../../extension/backends/onnxRuntimeObserving';
import { calibrateTensors } from '../../../extension/calibrate/calibrateTensors';
import { correctBiases } from '../../../extension/calibrate/correctBiases';
import { measureLayerErrors } from '../../../extension/calibrate/measureLayerErrors';
import { sampleByContent } from '../../../extension/calibrate/sampleByContent';
import { observeRanges } from '../../../extension/calibrate/observeRanges';
import { withProbeSessions } from '../../../extension/calibrate/probeSessions';
import { setFloat, setInt, setInts } from '../../../extension/model/attributes';
import type { Model } from '../../../extension/model/model';
import { newNode, newTensor } from '../../../extension/model/onnx.generated';
import { makeTensor, readTensor } from '../../../extension/model/tensorValues';
import { dataset, float32, indicesOf, model, node, open, value } from './smallModels';
import { normalNumbers } from './randomNumbers';

const observing = await onnxRuntimeObserving(nativeAddonState().addon);
if (observing === null) console.warn('Skipped in part, the native module is not built: npm run native');

const size = 10;
const channels = 32;

/** Three layers of every kind that has a bias: Conv without one, Gemm with a factor on it, MatMul with an Add behind. */
function layered(): Model {
  const normal = normalNumbers(5);
  const random = (name: string, dims: number[], count = dims.reduce((a, b) => a * b, 1)) =>
    makeTensor(
      name,
      float32(
        dims,
        Array.from({ length: count }, () => normal() * 0.2),
      ),
    );
  const convolution = node('Conv', ['image', 'kernel'], ['features']);
  setInts(convolution, 'pads', [1, 1, 1, 1]);
  const gemm = node('Gemm', ['flat', 'matrix', 'offset'], ['hidden']);
  setInt(gemm, 'transB', 1);
  setFloat(gemm, 'beta', 0.5);
  return model(
    [value('image', 'fp32', ['batch', channels, size, size])],
    [
      convolution,
      node('Relu', ['features'], ['active']),
      node('GlobalAveragePool', ['active'], ['pooled']),
      node('Flatten', ['pooled'], ['flat']),
      gemm,
      node('Relu', ['hidden'], ['rectified']),
      node('MatMul', ['rectified', 'weights'], ['product']),
      node('Add', ['product', 'shift'], ['scores']),
    ],
    [value('scores', 'fp32', ['batch', 8])],
    [
      random('kernel', [channels, channels, 3, 3]),
      random('matrix', [channels, channels]),
      random('offset', [1, channels]),
      random('weights', [channels, 8]),
      random('shift', [8]),
    ],
  );
}

/** The means alone, as the calibration table carries them; the samples in the order of their content. */
async function measureBiases(
  ...[original, variant, source]: Parameters<typeof measureLayerErrors>
): Promise<Record<string, readonly number[]>> {
  const indices = await sampleByContent(source.dataset, source.indices, 16);
  const errors = await measureLayerErrors(original, variant, { ...source, indices });
  return Object.fromEntries([...errors].map(([name, { mean }]) => [name, mean]));
}

const layers = ['Conv:features', 'Gemm:hidden', 'MatMul:product'];

/** Q/DQ in front of every layer, with the tensor's scale too small so that clipping biases the results. */
function quantized(original: Model, scales: Readonly<Record<string, number>>): Model {
  const copy = structuredClone({ ...original.proto.graph, node: [] });
  const nodes = original.proto.graph.node.flatMap((layer) => {
    const tensor = layer.input[0] ?? '';
    const scale = layers.includes(layer.name ?? '') ? scales[tensor] : undefined;
    if (scale === undefined) return [layer];
    copy.initializer.push(
      makeTensor(`${tensor}_scale`, float32([], [scale])),
      newTensor({ name: `${tensor}_zero`, dataType: 3, dims: [], rawData: Uint8Array.of(0) }),
    );
    const pair = [`${tensor}_scale`, `${tensor}_zero`];
    return [
      newNode({ opType: 'QuantizeLinear', name: `${tensor}_q`, input: [tensor, ...pair], output: [`${tensor}_q`] }),
      newNode({
        ...{ opType: 'DequantizeLinear', name: `${tensor}_dq` },
        ...{ input: [`${tensor}_q`, ...pair], output: [`${tensor}_dq`] },
      }),
      { ...layer, input: [`${tensor}_dq`, ...layer.input.slice(1)] },
    ];
  });
  return { ...original, proto: { ...original.proto, graph: { ...copy, node: nodes } } };
}

const data = dataset(24, (index) => {
  const normal = normalNumbers(50 + index);
  const values = Array.from({ length: channels * size * size }, () => Math.abs(normal()));
  return { image: float32([1, channels, size, size], values) };
});
const source = { open, dataset: data, indices: indicesOf(data), batchSize: 4 };

async function outputs(built: Model): Promise<number[]> {
  return withProbeSessions(open, async (sessions) => {
    const session = await sessions.open(built);
    const all: number[] = [];
    for (const index of source.indices) {
      const { scores } = await session.run((await data.get(index)).tensors);
      all.push(...(scores?.data as Float32Array));
    }
    return all;
  });
}

function errorPower(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + (value - (b[index] ?? NaN)) ** 2, 0) / a.length;
}

/** Scales of 60 % of the range: a bias that is worth correcting. */
async function clippingScales(original: Model): Promise<Record<string, number>> {
  const ranges = await observeRanges(original, source);
  return Object.fromEntries(
    ['image', 'flat', 'rectified'].map((name) => [name, (ranges.tensors.get(name)!.absMax! * 0.6) / 127]),
  );
}

describe('bias correction', () => {
  it('takes the systematic error off Conv, Gemm and MatMul, with or without a bias of their own', async () => {
    const original = layered();
    const scales = await clippingScales(original);
    const corrections = await measureBiases(original, quantized(original, scales), source);
    expect(Object.keys(corrections)).toEqual(layers);
    expect(corrections['Conv:features']).toHaveLength(channels);
    const corrected = correctBiases(original, corrections);
    const reference = await outputs(original);
    const before = errorPower(reference, await outputs(quantized(original, scales)));
    const after = errorPower(reference, await outputs(quantized(corrected, scales)));
    expect(after).toBeLessThan(before / 3);
  });

  it('measures the local error: of a layer whose input is exact, nothing', async () => {
    const original = layered();
    const { image } = await clippingScales(original);
    const corrections = await measureBiases(original, quantized(original, { image: image! }), source);
    expect(Object.keys(corrections)).toEqual(['Conv:features']);
  });

  it.skipIf(observing === null)('measures the same inside the runtime', async () => {
    const original = layered();
    const variant = quantized(original, await clippingScales(original));
    const plain = await measureLayerErrors(original, variant, source);
    const inside = await measureLayerErrors(original, variant, { ...source, observing: observing! });
    expect([...inside.keys()]).toEqual([...plain.keys()]);
    for (const [name, { mean, noise }] of plain) {
      const seen = inside.get(name)!;
      const largest = Math.max(...mean.map(Math.abs));
      // Sums of float32 in another order, and kernels with another one.
      expect(seen.noise / noise).toBeCloseTo(1, 3);
      expect(seen.mean).toHaveLength(mean.length);
      mean.forEach((value, channel) => expect(Math.abs(value - seen.mean[channel]!)).toBeLessThan(1e-4 * largest));
    }
  });

  it('does not depend on batch size or order', async () => {
    const original = layered();
    const variant = quantized(original, await clippingScales(original));
    const expected = await measureBiases(original, variant, { ...source, batchSize: 1 });
    for (const [batchSize, indices] of [
      [7, source.indices],
      [64, [...source.indices].reverse()],
    ] as const) {
      expect(await measureBiases(original, variant, { ...source, batchSize, indices })).toEqual(expected);
    }
  });

  it('changes constants only, in a copy, and drops those replaced', () => {
    const original = layered();
    const before = structuredClone(original.proto.graph);
    const errors = Array.from({ length: channels }, (_, channel) => channel);
    const corrected = correctBiases(original, { 'Gemm:hidden': errors, 'Conv:features': [1], 'no such node': [1] });
    expect(original.proto.graph).toEqual(before);
    const names = corrected.proto.graph.initializer.map(({ name }) => name);
    expect(names).toEqual(['kernel', 'matrix', 'weights', 'shift', 'Gemm:hidden_bias']);
    const offset = readTensor(original.proto.graph.initializer[2]!, original).data;
    const bias = readTensor(corrected.proto.graph.initializer[4]!, corrected);
    expect(bias.dims).toEqual([1, channels]);
    // beta = 0.5 halves what is in the constant.
    expect(bias.data[3]).toBeCloseTo(Number(offset[3]) - 3 / 0.5, 5);
    expect(corrected.proto.graph.node.map(({ opType }) => opType)).toEqual(before.node.map(({ opType }) => opType));
  });

  it('leaves a MatMul alone whose sum is read elsewhere, and a bias that is computed', async () => {
    const original = layered();
    original.proto.graph.output.push(value('product', 'fp32', ['batch', 8]));
    original.proto.graph.node.unshift(node('Neg', ['offset'], ['negative']));
    original.proto.graph.node.find(({ opType }) => opType === 'Gemm')!.input[2] = 'negative';
    const scales = await clippingScales(original);
    const corrections = await measureBiases(original, quantized(original, scales), source);
    expect(Object.keys(corrections)).toEqual(['Conv:features']);
    expect(correctBiases(original, { 'MatMul:product': new Array<number>(8).fill(1) })).toEqual(original);
  });

  it('is nothing for a model without quantized layers', async () => {
    expect(await measureBiases(layered(), layered(), source)).toEqual({});
  });

  it('rides on a table from real calibration', async () => {
    const original = layered();
    const tensors = ['image', 'flat', 'rectified'];
    const ranges = await observeRanges(original, { ...source, histograms: tensors });
    const key = { ...{ model: 'm', data: 'd', preprocess: 'p' }, ...{ samples: 24, percentile: null } };
    const options = { algorithm: 'auto', percentile: 99.99, cutoff: null, key: { ...key, algorithm: 'auto' } } as const;
    const table = await calibrateTensors(original, {
      ...source,
      ...options,
      tensors,
      ranges,
      histograms: ranges.histograms,
    });
    const scales = Object.fromEntries(tensors.map((name) => [name, table.tensors[name]!.scale]));
    const corrections = await measureBiases(original, quantized(original, scales), source);
    const corrected = correctBiases(original, corrections);
    const reference = await outputs(original);
    expect(errorPower(reference, await outputs(quantized(corrected, scales)))).toBeLessThan(
      errorPower(reference, await outputs(quantized(original, scales))) * 1.05,
    );
  });
});
