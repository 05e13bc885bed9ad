import { describe, expect, it } from 'vitest';
import { nativeAddonState } from '../../../extension/backends/nativeAddon';
import { onnxRuntimeObserving } from '../../../extension/backends/onnxRuntimeObserving';
import { observeChannels, type ObservedChannels } from '../../../extension/calibrate/observeChannels';
import { makeTensor } from '../../../extension/model/tensorValues';
import type { ObservingRuntime } from '../../../extension/calibrate/observers/observingRuntime';
import { normalNumbers } from './randomNumbers';
import { dataset, float32, indicesOf, model, node, open, value } from './smallModels';

const observing = await onnxRuntimeObserving(nativeAddonState().addon);
if (observing === null) console.warn('Skipped in part, the native module is not built: npm run native');

/** Channels on axis 1 with one axis behind (`image`), and on the last axis (`rows`, `hole`); exact arithmetic only. */
const built = model(
  [value('image', 'fp32', ['n', 3, 40])],
  [
    node('Mul', ['image', 'two'], ['scaled']),
    node('Transpose', ['scaled'], ['rows']),
    node('Div', ['rows', 'divisors'], ['hole']),
  ],
  [value('hole', 'fp32', [40, 3, 'n'])],
  [makeTensor('two', float32([1], [2])), makeTensor('divisors', float32([3, 1], [1, 0, 2]))],
);
const data = dataset(7, (index) => {
  const normal = normalNumbers(20 + index);
  return {
    image: float32(
      [1, 3, 40],
      Array.from({ length: 120 }, (_, i) => normal() * 10 ** Math.floor(i / 40)),
    ),
  };
});
const tensors = [
  { name: 'scaled', axesBehind: 1, histogram: true },
  { name: 'rows', axesBehind: 1, histogram: false },
  { name: 'hole', axesBehind: 1, histogram: false },
];

async function observe(
  runtime: ObservingRuntime | undefined,
  indices = indicesOf(data),
): Promise<Map<string, ObservedChannels>> {
  return observeChannels(built, tensors, { open, dataset: data, indices, batchSize: 2, observing: runtime });
}

async function allValues(): Promise<number[][]> {
  const samples = await Promise.all(indicesOf(data).map(async (index) => data.get(index)));
  const images = samples.map(({ tensors: { image } }) => image!.data as Float32Array);
  return [0, 1, 2].map((channel) =>
    images.flatMap((image) => Array.from(image.slice(channel * 40, channel * 40 + 40), (x) => 2 * x)),
  );
}

const ways: [string, ObservingRuntime | undefined][] = [['fetched', undefined]];
if (observing !== null) ways.push(['inside', observing]);

describe.each(ways)('the channels of tensors, %s', (_, runtime) => {
  it('have the least and the greatest value of all samples', async () => {
    const channels = await allValues();
    for (const name of ['scaled', 'rows']) {
      const { min, max } = (await observe(runtime)).get(name)!.channels;
      expect([...min]).toEqual(channels.map((values) => Math.min(...values)));
      expect([...max]).toEqual(channels.map((values) => Math.max(...values)));
    }
  });

  it('leave out what is not finite, which is counted', async () => {
    const { channels, nonFinite } = (await observe(runtime)).get('hole')!;
    expect(nonFinite).toBe(7 * 40);
    expect([channels.min[1], channels.max[1]]).toEqual([Infinity, -Infinity]);
    expect(Number.isFinite(channels.min[0]) && Number.isFinite(channels.max[2])).toBe(true);
  });

  it('do not depend on the order of the samples', async () => {
    expect(await observe(runtime, indicesOf(data).toReversed())).toEqual(await observe(runtime));
  });

  it('come with a histogram where one is wanted', async () => {
    const seen = await observe(runtime);
    expect(seen.get('scaled')!.histogram!.counts.reduce((sum, count) => sum + count)).toBe(7 * 120);
    expect(seen.get('rows')!.histogram).toBeNull();
  });
});

describe.skipIf(observing === null)('the two ways', () => {
  it('see the same', async () => {
    const [inside, fetched] = [await observe(observing!), await observe(undefined)];
    for (const { name } of tensors) {
      expect(inside.get(name)!.channels).toEqual(fetched.get(name)!.channels);
      expect(inside.get(name)!.histogram).toEqual(fetched.get(name)!.histogram);
    }
  });
});

it('runs nothing for no tensors', async () => {
  const never = () => Promise.reject(new Error('opened'));
  expect(await observeChannels(built, [], { open: never, dataset: data, indices: [0], batchSize: 1 })).toEqual(
    new Map(),
  );
});
