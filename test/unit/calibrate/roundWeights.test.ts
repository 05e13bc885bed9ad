import { describe, expect, it } from 'vitest';
import { nativeAddonState } from '../../../extension/backends/nativeAddon';
import { onnxRuntimeObserving } from '../../../extension/backends/onnxRuntimeObserving';
import { measureInputMoments } from '../../../extension/calibrate/measureInputMoments';
import { withProbeSessions } from '../../../extension/calibrate/probeSessions';
import { roundWeights } from '../../../extension/calibrate/roundWeights';
import type { InputMoments } from '../../../extension/contract/calibrationTable';
import type { Tensor } from '../../../extension/contract/tensor';
import { setFloat, setInt, setInts } from '../../../extension/model/attributes';
import { fromBfloat16Array, fromFloat16Array } from '../../../extension/model/float16';
import type { Model } from '../../../extension/model/model';
import { newOperatorSetId, type TensorProto } from '../../../extension/model/onnx.generated';
import { makeTensor, readTensor } from '../../../extension/model/tensorValues';
import { applyPlan, type PlanChoices } from '../../../extension/plan/applyPlan';
import { normalNumbers } from './randomNumbers';
import { dataset, float32, indicesOf, model, node, open, value } from './smallModels';

const observing = await onnxRuntimeObserving(nativeAddonState().addon);
if (observing === null) console.warn('Skipped in part, the native module is not built: npm run native');

const size = 8;
const channels = 6;

function random(name: string, dims: readonly number[], seed: number, scale = 0.3): TensorProto {
  const normal = normalNumbers(seed);
  return makeTensor(
    name,
    float32(
      dims,
      Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * normal()),
    ),
  );
}

/** A layer of every kind: a padded, strided convolution, a depthwise one with dilations, a Gemm with factors, a MatMul. */
function layered(): Model {
  const first = node('Conv', ['image', 'kernel', 'kernel_bias'], ['features']);
  setInts(first, 'pads', [1, 1, 1, 1]);
  setInts(first, 'strides', [2, 1]);
  const second = node('Conv', ['active', 'depthwise'], ['spread']);
  setInt(second, 'group', 8);
  setInts(second, 'dilations', [1, 2]);
  setInts(second, 'pads', [1, 2, 1, 2]);
  const gemm = node('Gemm', ['pooled', 'matrix', 'offset'], ['hidden']);
  setInt(gemm, 'transB', 1);
  setFloat(gemm, 'alpha', 0.5);
  setFloat(gemm, 'beta', 2);
  const built = model(
    [value('image', 'fp32', ['batch', channels, size, size])],
    [
      first,
      node('Relu', ['features'], ['active']),
      second,
      node('Relu', ['spread'], ['spread_active']),
      node('GlobalAveragePool', ['spread_active'], ['average']),
      node('Flatten', ['average'], ['pooled']),
      gemm,
      node('Relu', ['hidden'], ['rectified']),
      node('MatMul', ['rectified', 'weights'], ['product']),
      node('Add', ['product', 'shift'], ['scores']),
    ],
    [value('scores', 'fp32', ['batch', 5])],
    [
      random('kernel', [8, channels, 3, 3], 1),
      random('kernel_bias', [8], 2),
      random('depthwise', [8, 1, 3, 3], 3),
      random('matrix', [16, 8], 4),
      random('offset', [16], 5),
      random('weights', [16, 5], 6),
      random('shift', [5], 7),
    ],
  );
  built.proto.opsetImport = [newOperatorSetId({ domain: '', version: 19 })];
  return built;
}

const layers = ['Conv:features', 'Conv:spread', 'Gemm:hidden', 'MatMul:product'];

const data = dataset(12, (index) => {
  const normal = normalNumbers(70 + index);
  // Neighbours are alike, as in pictures.
  let last = 0;
  const values = Array.from({ length: channels * size * size }, () => (last = 0.8 * last + normal()) + 1);
  return { image: float32([1, channels, size, size], values) };
});
const source = { open, dataset: data, indices: indicesOf(data), batchSize: 1 };

async function valuesOf(built: Model, tensor: string): Promise<Tensor[]> {
  const shown = {
    ...built,
    proto: { ...built.proto, graph: { ...built.proto.graph, output: [value(tensor, 'fp32', [])] } },
  };
  shown.proto.graph.output[0]!.type = undefined;
  return withProbeSessions(open, async (sessions) => {
    const session = await sessions.open(shown);
    const seen: Tensor[] = [];
    for (const index of source.indices) seen.push((await session.run((await data.get(index)).tensors))[tensor]!);
    return seen;
  });
}

const keepNothing: PlanChoices = { keep: [], bindings: {} };
const written = (precision: 'fp16' | 'bf16', plan = keepNothing) =>
  applyPlan(raised(layered()), { precision, plan, ranges: null, table: null }).model;

/** BF16 is written from this opset on. */
function raised(built: Model): Model {
  built.proto.opsetImport = [newOperatorSetId({ domain: '', version: 22 })];
  return built;
}

const decode = { fp16: fromFloat16Array, bf16: fromBfloat16Array };

function weightsOf(variant: Model): Map<string, TensorProto> {
  const { graph } = variant.proto;
  return new Map(
    layers.map((name) => {
      const input = graph.node.find((candidate) => candidate.name === name)?.input[1];
      return [name, graph.initializer.find((tensor) => tensor.name === input)!];
    }),
  );
}

function decoded(tensor: TensorProto, variant: Model): Float32Array {
  const { dtype, data: patterns } = readTensor(tensor, variant);
  return dtype === 'fp32' ? (patterns as Float32Array) : decode[dtype as 'fp16' | 'bf16'](patterns as Uint16Array);
}

/** The FP32 model with the weights and biases that a variant has: what their rounding alone does. */
function withConstantsOf(variant: Model): Model {
  const plain = layered();
  const { graph } = plain.proto;
  const rounded = new Map(variant.proto.graph.initializer.map((tensor) => [tensor.name, tensor]));
  graph.initializer = graph.initializer.map((tensor) => {
    const values = decoded(rounded.get(tensor.name)!, variant);
    return makeTensor(tensor.name ?? '', float32(tensor.dims, values));
  });
  return plain;
}

async function noise(variant: Model): Promise<number> {
  const [exact, approximate] = [
    await valuesOf(layered(), 'scores'),
    await valuesOf(withConstantsOf(variant), 'scores'),
  ];
  let sum = 0;
  exact.forEach(({ data: values }, sample) => {
    const others = approximate[sample]!.data;
    values.forEach((number, i) => (sum += (Number(number) - Number(others[i])) ** 2));
  });
  return sum;
}

describe('measureInputMoments', () => {
  it('gives the moments of what the layers read', async () => {
    const measured = await measureInputMoments(layered(), source);
    expect([...measured.keys()].sort()).toEqual([...layers].sort());
    const seen = await valuesOf(layered(), 'rectified');
    const columns = Array.from({ length: 16 }, (_, channel) => seen.map(({ data: row }) => Number(row[channel])));
    const { mean, square, neighbours } = measured.get('MatMul:product')!;
    columns.forEach((column, channel) => {
      const average = column.reduce((sum, number) => sum + number, 0) / column.length;
      expect(mean[channel]).toBeCloseTo(average, 5);
      expect(square[channel]).toBeCloseTo(column.reduce((sum, number) => sum + number * number, 0) / column.length, 5);
      expect(neighbours[channel]).toBeCloseTo(average * average, 4);
    });
  });

  it('knows how alike the positions under a kernel are', async () => {
    const bare = layered();
    setInts(bare.proto.graph.node[0]!, 'pads', [0, 0, 0, 0]);
    const { mean, square, neighbours } = (await measureInputMoments(bare, source)).get('Conv:features')!;
    const images = await Promise.all(source.indices.map(async (index) => (await data.get(index)).tensors['image']!));
    for (let channel = 0; channel < channels; channel++) {
      const products = images.flatMap(({ data: values }) => pairs(values as Float32Array, channel));
      const direct = products.reduce((sum, product) => sum + product, 0) / products.length;
      expect(neighbours[channel]! / direct).toBeCloseTo(1, 4);
      expect(neighbours[channel]).toBeGreaterThanOrEqual(mean[channel]! ** 2 * (1 - 1e-6));
      expect(neighbours[channel]).toBeLessThanOrEqual(square[channel]!);
    }
  });

  it.skipIf(observing === null)('is the same inside the observing runtime, to float32', async () => {
    const plain = await measureInputMoments(layered(), source);
    const inside = await measureInputMoments(layered(), { ...source, observing: observing! });
    for (const [name, { mean, square, neighbours }] of plain) {
      const again = inside.get(name)!;
      for (const [a, b] of [
        [mean, again.mean],
        [square, again.square],
        [neighbours, again.neighbours],
      ] as const) {
        a.forEach((number, channel) =>
          expect(Math.abs(b[channel]! - number)).toBeLessThan(1e-5 * (1 + Math.abs(number))),
        );
      }
    }
  });

  it('has nothing to say of a layer that reads what is not finite', async () => {
    const broken = layered();
    const [first] = broken.proto.graph.node;
    broken.proto.graph.node.unshift(node('Div', ['image', 'nothing'], ['infinite']));
    broken.proto.graph.initializer.push(makeTensor('nothing', float32([], [0])));
    first!.input[0] = 'infinite';
    expect([...(await measureInputMoments(broken, source)).keys()]).not.toContain('Conv:features');
  });

  /** Products of all pairs of different positions under the strided kernel. */
  function pairs(values: Float32Array, channel: number): number[] {
    const products: number[] = [];
    for (let top = 0; top + 3 <= size; top += 2) {
      for (let left = 0; left + 3 <= size; left++) {
        const at = (tap: number) => values[(channel * size + top + Math.floor(tap / 3)) * size + left + (tap % 3)]!;
        for (let i = 0; i < 9; i++) for (let j = 0; j < 9; j++) if (i !== j) products.push(at(i) * at(j));
      }
    }
    return products;
  }

  it('does not count the zeros of the padding', async () => {
    const ones = dataset(2, () => ({
      image: float32([1, channels, size, size], new Array<number>(channels * size * size).fill(1)),
    }));
    const measured = await measureInputMoments(layered(), { ...source, dataset: ones, indices: indicesOf(ones) });
    const { mean, square, neighbours } = measured.get('Conv:features')!;
    for (const moment of [mean, square, neighbours]) for (const number of moment) expect(number).toBeCloseTo(1, 6);
  });
});

describe.each(['fp16', 'bf16'] as const)('roundWeights, %s', (precision) => {
  const moments = (): Promise<Map<string, InputMoments>> => measureInputMoments(layered(), source);

  it('lets the errors of the weights cancel in the outputs', async () => {
    const nearest = written(precision);
    const rounded = written(precision);
    roundWeights(rounded, layered(), await moments());
    expect(await noise(rounded)).toBeLessThan(0.7 * (await noise(nearest)));
  });

  it('gives every weight one of its two neighbours', async () => {
    const nearest = written(precision);
    const rounded = written(precision);
    roundWeights(rounded, layered(), await moments());
    const [before, after] = [weightsOf(nearest), weightsOf(rounded)];
    let changed = 0;
    for (const name of layers) {
      const patterns = readTensor(before.get(name)!, nearest).data as Uint16Array;
      const others = readTensor(after.get(name)!, rounded).data as Uint16Array;
      patterns.forEach((pattern, i) => {
        expect(Math.abs(pattern - others[i]!)).toBeLessThanOrEqual(1);
        if (pattern !== others[i]) changed++;
      });
    }
    expect(changed).toBeGreaterThan(0);
  });

  it('leaves layers in FP32, shared weights and layers without moments', async () => {
    const measured = await moments();
    measured.delete('Gemm:hidden');
    const kept = { ...keepNothing, keep: [{ match: 'MatMul:product', precision: 'fp32' as const }] };
    const rounded = written(precision, kept);
    const nearest = written(precision, kept);
    const depthwise = weightsOf(rounded).get('Conv:spread')!.name ?? '';
    for (const variant of [rounded, nearest]) {
      variant.proto.graph.node.push(node('Identity', [depthwise], ['seen_again']));
    }
    roundWeights(rounded, layered(), measured);
    const patterns = (variant: Model, name: string) => readTensor(weightsOf(variant).get(name)!, variant).data;
    for (const name of ['MatMul:product', 'Gemm:hidden', 'Conv:spread']) {
      expect(patterns(rounded, name)).toEqual(patterns(nearest, name));
    }
    expect(patterns(rounded, 'Conv:features')).not.toEqual(patterns(nearest, 'Conv:features'));
  });
});

it('keeps the sign of what FP16 has no number for', () => {
  const tiny = model(
    [value('x', 'fp32', ['batch', 2])],
    [node('MatMul', ['x', 'w'], ['y'])],
    [value('y', 'fp32', ['batch', 2])],
    [makeTensor('w', float32([2, 2], [-1e-9, 1e-9, 1e6, -1e6]))],
  );
  const variant = applyPlan(tiny, { precision: 'fp16', plan: keepNothing, ranges: null, table: null }).model;
  const weight = variant.proto.graph.initializer[0]!;
  // Were it not kept in FP32, as a constant out of range is.
  variant.proto.graph.initializer[0] = makeTensor(weight.name ?? '', {
    dtype: 'fp16',
    dims: [2, 2],
    data: Uint16Array.of(0x8001, 0x0001, 0x7bff, 0xfbff),
  });
  const inputs = { mean: [1, 1], square: [2, 2], neighbours: [1, 1] };
  roundWeights(variant, tiny, new Map([['MatMul:y', inputs]]));
  const patterns = readTensor(variant.proto.graph.initializer[0], variant).data;
  expect([...(patterns as Uint16Array)]).toEqual([0x8001, 0x0001, 0x7bff, 0xfbff]);
});
