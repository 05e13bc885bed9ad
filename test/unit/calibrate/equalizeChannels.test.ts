import { describe, expect, it } from 'vitest';
import { equalizablePairs, equalizeChannels } from '../../../extension/calibrate/equalizeChannels';
import { channelFactors, equalizationTensors } from '../../../extension/calibrate/measureChannels';
import { observeChannels } from '../../../extension/calibrate/observeChannels';
import { observeRanges } from '../../../extension/calibrate/observeRanges';
import { withProbeSessions } from '../../../extension/calibrate/probeSessions';
import { setInt } from '../../../extension/model/attributes';
import type { Model } from '../../../extension/model/model';
import { makeTensor } from '../../../extension/model/tensorValues';
import { dataset, float32, indicesOf, model, node, open, value } from './smallModels';
import { normalNumbers } from './randomNumbers';

const channels = 8;

/** conv → ReLU → depthwise (two outputs a channel) → conv; the channels of the first differ by up to 2^7. */
function mobile(activation = 'Relu'): Model {
  const normal = normalNumbers(3);
  const random = (name: string, dims: number[], gain: (row: number) => number = () => 1) => {
    const rowLength = dims.slice(1).reduce((a, b) => a * b, 1);
    const values = Array.from({ length: dims[0]! * rowLength }, (_, i) => normal() * gain(Math.floor(i / rowLength)));
    return makeTensor(name, float32(dims, values));
  };
  const depthwise = node('Conv', ['active', 'depthwise'], ['filtered']);
  setInt(depthwise, 'group', channels);
  return model(
    [value('image', 'fp32', ['batch', 4, 9, 9])],
    [
      node('Conv', ['image', 'expand', 'offset'], ['expanded']),
      node(activation, ['expanded'], ['active']),
      depthwise,
      node('Conv', ['filtered', 'project'], ['projected']),
    ],
    [value('projected', 'fp32', ['batch', 3, 7, 7])],
    [
      random('expand', [channels, 4, 1, 1], (row) => 2 ** -row),
      random('offset', [channels], (row) => 0.1 * 2 ** -row),
      random('depthwise', [2 * channels, 1, 3, 3]),
      random('project', [3, 2 * channels, 1, 1]),
    ],
  );
}

const data = dataset(20, (index) => {
  const normal = normalNumbers(70 + index);
  return { image: float32([1, 4, 9, 9], Array.from({ length: 4 * 81 }, normal)) };
});
const source = { open, dataset: data, indices: indicesOf(data), batchSize: 4 };

async function measureChannels(
  original: Model,
  samples: Parameters<typeof observeChannels>[2],
): Promise<Record<string, number[]>> {
  return channelFactors(original, await observeChannels(original, equalizationTensors(original), samples));
}

/** All values of one tensor over the data. */
async function valuesOf(built: Model, tensor: string): Promise<Float32Array[]> {
  const shown = structuredClone(built);
  shown.proto.graph.output = [{ ...value(tensor, 'fp32', [1]), type: undefined }];
  return withProbeSessions(open, async (sessions) => {
    const session = await sessions.open(shown);
    const all: Float32Array[] = [];
    for (const index of source.indices) {
      all.push((await session.run((await data.get(index)).tensors))[tensor]!.data as Float32Array);
    }
    return all;
  });
}

describe('equalization in front of depthwise convolutions', () => {
  it('lets every channel fill the range and changes nothing of what the model computes', async () => {
    const original = mobile();
    const factors = await measureChannels(original, source);
    expect(Object.keys(factors)).toEqual(['Conv:expanded']);
    expect(factors['Conv:expanded']).toHaveLength(channels);
    expect(Math.max(...factors['Conv:expanded']!)).toBeGreaterThan(30);
    expect(Math.min(...factors['Conv:expanded']!)).toBe(1);

    const equalized = equalizeChannels(original, factors);
    const [before, after] = [await valuesOf(original, 'projected'), await valuesOf(equalized, 'projected')];
    const largest = Math.max(...before.map((values) => Math.max(...values.map(Math.abs))));
    before.forEach((values, sample) =>
      values.forEach((x, i) => expect(Math.abs(x - after[sample]![i]!)).toBeLessThan(largest * 1e-5)),
    );

    // The smallest channel used a hundredth of the range and now uses a good part of it.
    const last = (values: Float32Array[]) =>
      Math.max(...values.map((sample) => Math.max(...sample.subarray((channels - 1) * 81))));
    expect(last(await valuesOf(equalized, 'active')) / last(await valuesOf(original, 'active'))).toBeGreaterThan(30);
  });

  it('raises no range of a tensor, before the ReLU either', async () => {
    const original = mobile();
    const equalized = equalizeChannels(original, await measureChannels(original, { ...source, indices: [1, 5, 9] }));
    const few = { ...source, indices: [1, 5, 9] };
    const [before, after] = [await observeRanges(original, few), await observeRanges(equalized, few)];
    for (const name of ['expanded', 'active', 'filtered', 'projected']) {
      expect(after.tensors.get(name)!.absMax! / before.tensors.get(name)!.absMax!, name).toBeLessThan(1.00001);
    }
  });

  it('does not depend on batch size or order', async () => {
    const expected = await measureChannels(mobile(), source);
    const reversed = { ...source, batchSize: 64, indices: [...source.indices].reverse() };
    expect(await measureChannels(mobile(), reversed)).toEqual(expected);
  });

  it('goes through ReLU, LeakyReLU and nothing, not through a bounded or curved activation', () => {
    expect(equalizablePairs(mobile('Relu'))).toHaveLength(1);
    expect(equalizablePairs(mobile('LeakyRelu'))).toHaveLength(1);
    for (const activation of ['Clip', 'HardSwish', 'Sigmoid', 'Abs']) {
      expect(equalizablePairs(mobile(activation)), activation).toHaveLength(0);
    }
    const bare = mobile();
    bare.proto.graph.node.splice(1, 1);
    bare.proto.graph.node[1]!.input[0] = 'expanded';
    expect(equalizablePairs(bare).map(({ tensor }) => tensor)).toEqual(['expanded']);
  });

  it.each([
    ['another layer reads the tensor', (m: Model) => m.proto.graph.node.push(node('Neg', ['active'], ['other']))],
    ['the tensor is an output', (m: Model) => m.proto.graph.output.push(value('active', 'fp32', ['n', 8, 9, 9]))],
    [
      'the value before the ReLU is an output',
      (m: Model) => m.proto.graph.output.push(value('expanded', 'fp32', ['n'])),
    ],
    ['the reader is an ordinary convolution', (m: Model) => setInt(m.proto.graph.node[2]!, 'group', 1)],
    ['the bias is computed', (m: Model) => (m.proto.graph.node[0]!.input[2] = 'image')],
  ])('leaves a pair alone where %s', (_, change) => {
    const changed = mobile();
    change(changed);
    expect(equalizablePairs(changed)).toEqual([]);
    expect(equalizeChannels(changed, { 'Conv:expanded': new Array<number>(channels).fill(2) })).toEqual(changed);
  });

  it('keeps constants that other nodes share as they were', () => {
    const shared = mobile();
    shared.proto.graph.node.push(node('Neg', ['depthwise'], ['negative']));
    const equalized = equalizeChannels(shared, { 'Conv:expanded': new Array<number>(channels).fill(2) });
    const names = equalized.proto.graph.initializer.map(({ name }) => name);
    expect(names).toEqual(['expand_equalized', 'offset_equalized', 'depthwise', 'project', 'depthwise_equalized']);
    expect(shared.proto.graph.node[2]!.input[1]).toBe('depthwise');
  });

  it('keeps a channel that is always zero', async () => {
    const dead = mobile();
    dead.proto.graph.initializer[0] = makeTensor(
      'expand',
      float32([channels, 4, 1, 1], new Float32Array(channels * 4)),
    );
    dead.proto.graph.initializer[1] = makeTensor('offset', float32([channels], [1, 0, 0, 0, 0, 0, 0, 0]));
    expect((await measureChannels(dead, source))['Conv:expanded']).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  });
});
