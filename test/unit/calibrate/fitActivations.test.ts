import { describe, expect, it } from 'vitest';
import { fitActivations, fittableTensors } from '../../../extension/calibrate/fitActivations';
import { activationFits, fitTensors } from '../../../extension/calibrate/measureFits';
import { observeChannels } from '../../../extension/calibrate/observeChannels';
import { withProbeSessions } from '../../../extension/calibrate/probeSessions';
import { setInt, setInts } from '../../../extension/model/attributes';
import type { Model } from '../../../extension/model/model';
import { makeTensor } from '../../../extension/model/tensorValues';
import { normalNumbers } from './randomNumbers';
import { dataset, float32, indicesOf, model, node, open, value } from './smallModels';

const normal = normalNumbers(5);
const random = (name: string, dims: number[]) =>
  makeTensor(name, float32(dims, Array.from({ length: dims.reduce((a, b) => a * b, 1) }, normal)));

/** conv → HardSwish → 1×1 conv, and → flatten → Gemm: a one-sided tensor whose first channel is far larger than the rest. */
function mobile(change: (second: ReturnType<typeof node>) => void = () => {}): Model {
  const spread = makeTensor('spread', float32([1, 8, 1, 1], [40, 4, 3, 2, 1, 1, 0.5, 0.1]));
  const second = node('Conv', ['active', 'project', 'bias'], ['projected']);
  change(second);
  return model(
    [value('image', 'fp32', ['batch', 4, 6, 6])],
    [
      node('Conv', ['image', 'expand'], ['plain']),
      node('Mul', ['plain', 'spread'], ['expanded']),
      node('HardSwish', ['expanded'], ['active']),
      second,
    ],
    [value('projected', 'fp32', ['batch', 3, 6, 6])],
    [random('expand', [8, 4, 1, 1]), spread, random('project', [3, 8, 1, 1]), random('bias', [3])],
  );
}

const data = dataset(12, (index) => {
  const numbers = normalNumbers(90 + index);
  return { image: float32([1, 4, 6, 6], Array.from({ length: 4 * 36 }, numbers)) };
});
const source = { open, dataset: data, indices: indicesOf(data), batchSize: 4 };

async function measureFits(built: Model, tensors: string[], samples: Parameters<typeof observeChannels>[2]) {
  return activationFits(built, tensors, await observeChannels(built, fitTensors(built, tensors), samples));
}

async function outputsOf(built: Model): Promise<Float32Array[]> {
  return withProbeSessions(open, async (sessions) => {
    const session = await sessions.open(built);
    const name = built.proto.graph.output[0]!.name!;
    const all: Float32Array[] = [];
    for (const index of source.indices) {
      all.push((await session.run((await data.get(index)).tensors))[name]!.data as Float32Array);
    }
    return all;
  });
}

function largestDifference(a: Float32Array[], b: Float32Array[]): number {
  return Math.max(...a.flatMap((values, sample) => Array.from(values, (v, i) => Math.abs(v - b[sample]![i]!))));
}

describe('fittableTensors', () => {
  const names = (built: Model) => fittableTensors(built).map(({ tensor }) => tensor);

  it('what element-wise operators give to layers that pad nothing', () => {
    expect(names(mobile())).toEqual(['active']);
    expect(fittableTensors(mobile())[0]).toMatchObject({ channels: 8, axesBehind: 2 });
  });

  it('not in front of grouped layers, of computed weights, nor where it is seen elsewhere', () => {
    const seen = mobile();
    seen.proto.graph.output.push(value('active', 'fp32', ['batch', 8, 6, 6]));
    expect(names(seen)).toEqual([]);
    const raw = mobile();
    raw.proto.graph.node.push(node('Relu', ['active'], ['other']));
    expect(names(raw)).toEqual([]);
    const grouped = mobile((conv) => setInt(conv, 'group', 2));
    expect(names(grouped)).toEqual([]);
  });

  it('not behind an activation that a convolution computes itself', () => {
    const gated = (gate: string) =>
      model(
        [value('image', 'fp32', ['batch', 4, 6, 6])],
        [
          node('Conv', ['image', 'expand'], ['plain']),
          node(gate, ['plain'], ['gate']),
          node('Mul', ['plain', 'gate'], ['active']),
          node('Conv', ['active', 'project', 'bias'], ['projected']),
        ],
        [value('projected', 'fp32', ['batch', 3, 6, 6])],
        [random('expand', [8, 4, 1, 1]), random('project', [3, 8, 1, 1]), random('bias', [3])],
      );
    expect(names(gated('Sigmoid'))).toEqual([]);
    expect(names(gated('Erf'))).toEqual(['active']);
  });
});

describe('fitActivations', () => {
  const padding = (conv: ReturnType<typeof node>) => setInts(conv, 'pads', [1, 1, 1, 1]);
  const fits = {
    active: { offsets: [8, 1, 0.5, 0, 0, 0, 0, -0.25], gains: [1, 1, 1, 1.5, 1.25, 1, 2, 4] },
  };

  it('changes nothing of what the model computes, and nothing of the model given', async () => {
    const built = mobile();
    const before = structuredClone(built.proto.graph.node.map(({ input }) => input));
    const fitted = fitActivations(built, fits);
    expect(built.proto.graph.node.map(({ input }) => input)).toEqual(before);
    expect(fitted.proto.graph.node.map(({ opType }) => opType)).toEqual([
      'Conv',
      'Mul',
      'HardSwish',
      'Sub',
      'Mul',
      'Conv',
    ]);
    const [expected, found] = [await outputsOf(built), await outputsOf(fitted)];
    expect(Math.max(...expected[0]!)).toBeGreaterThan(1);
    expect(largestDifference(expected, found)).toBeLessThan(1e-4);
  });

  it.each([
    ['MatMul with a bias behind it', {}],
    ['Gemm', { alpha: 1 }],
    ['Gemm with transposed weights', { transB: 1 }],
  ] as const)('%s', async (kind, attributes) => {
    const isGemm = kind.startsWith('Gemm');
    const transposed = 'transB' in attributes;
    const last = isGemm
      ? [node('Gemm', ['active', 'matrix', 'bias'], ['y'])]
      : [node('MatMul', ['active', 'matrix'], ['product']), node('Add', ['product', 'bias'], ['y'])];
    if (transposed) setInt(last[0]!, 'transB', 1);
    const built = model(
      [value('image', 'fp32', ['batch', 4, 6, 6])],
      [
        node('GlobalAveragePool', ['image'], ['pooled']),
        node('Flatten', ['pooled'], ['flat']),
        node('Mul', ['flat', 'flat'], ['active']),
        ...last,
      ],
      [value('y', 'fp32', ['batch', 3])],
      [random('matrix', transposed ? [3, 4] : [4, 3]), random('bias', [3])],
    );
    const fitted = fitActivations(built, { active: { offsets: [1, 0, -2, 0.5], gains: [2, 1, 1, 4] } });
    expect(fitted.proto.graph.node).toHaveLength(built.proto.graph.node.length + 2);
    expect(largestDifference(await outputsOf(built), await outputsOf(fitted))).toBeLessThan(1e-5);
  });

  it('a padded tensor takes gains, and offsets only if they are zero', async () => {
    const built = mobile(padding);
    expect(fittableTensors(built)[0]).toMatchObject({ isPadded: true });
    expect(fitActivations(built, fits)).toBe(built);
    const gainsOnly = { active: { ...fits.active, offsets: new Array<number>(8).fill(0) } };
    const fitted = fitActivations(built, gainsOnly);
    expect(fitted.proto.graph.node.map(({ opType }) => opType)).toEqual(['Conv', 'Mul', 'HardSwish', 'Mul', 'Conv']);
    expect(largestDifference(await outputsOf(built), await outputsOf(fitted))).toBeLessThan(1e-4);
    const measured = await measureFits(built, ['active'], source);
    expect(measured['active']!.offsets).toEqual(gainsOnly.active.offsets);
    expect(measured['active']!.gains[7]).toBeGreaterThan(1);
  });

  it('passes over fits of other tensors and of another number of channels', () => {
    const built = mobile();
    expect(fitActivations(built, { plain: fits.active })).toBe(built);
    expect(fitActivations(built, { active: { offsets: [1], gains: [1] } })).toBe(built);
  });
});

describe('activationFits', () => {
  it('brings every channel within the range, moves none that is, and is the same for any order', async () => {
    const built = mobile();
    const fits = await measureFits(built, ['active', 'plain'], source);
    expect(Object.keys(fits)).toEqual(['active']);
    const { offsets, gains } = fits['active']!;
    expect(offsets[0]).toBeGreaterThan(5);
    expect(offsets.slice(3)).toEqual([0, 0, 0, 0, 0]);
    expect(gains[0]).toBe(1);
    expect(gains[7]).toBeGreaterThan(gains[3]!);
    expect(gains.every((gain) => gain >= 1 && gain <= 16)).toBe(true);
    const reversed = { ...source, indices: [...source.indices].reverse(), batchSize: 3 };
    expect(await measureFits(built, ['active'], reversed)).toEqual(fits);
  });

  it('finds nothing to do for tensors that no INT8 layer reads', async () => {
    expect(await measureFits(mobile(), ['plain'], source)).toEqual({});
  });
});
