import { describe, expect, it } from 'vitest';
import { getInt } from '../../../extension/model/attributes';
import { dtypeOf } from '../../../extension/model/dtype';
import { fromFloat16, fromFloat16Array } from '../../../extension/model/float16';
import type { Model } from '../../../extension/model/model';
import type { NodeProto } from '../../../extension/model/onnx.generated';
import { makeInt64, readTensor } from '../../../extension/model/tensorValues';
import { prepareModel } from '../../../extension/plan/prepareModel';
import { scaleTargets } from '../../../extension/plan/scaleTargets';
import { simulate } from '../../../extension/plan/simulate';
import { buildModel, encodeModel, floats, node, numbers, run, value } from '../model/buildModel';
import { quantizedFormFaults } from '../../support/quantizedForm';
import {
  convert,
  decisionFor,
  evaluate,
  nodesOf,
  noise,
  noPlan,
  rangesOf,
  relativeError,
  tableOf,
  type Feeds,
} from './planModels';

const conv = (x: string, w: string, y: string, kernel = 3, attributes = {}) =>
  node('Conv', [x, w], [y], {
    kernel_shape: [kernel, kernel],
    pads: new Array<number>(4).fill((kernel - 1) / 2),
    ...attributes,
  });
const weights = (name: string, dims: readonly number[], seed = 1) =>
  floats(
    name,
    dims,
    noise(
      dims.reduce((a, b) => a * b, 1),
      seed,
    ).map((v) => v / 10),
  );
const picture: Feeds = { x: { dims: [1, 16, 6, 6], data: noise(576, 7) } };
const image = (name = 'x') => value(name, [1, 16, 6, 6]);

function constant(model: Model, name: string) {
  const tensor = model.proto.graph.initializer.find((entry) => entry.name === name);
  if (tensor === undefined) throw new Error(`no constant ${name}`);
  return readTensor(tensor, model);
}

/** The producer chain of an input is DequantizeLinear ← QuantizeLinear ← tensor; its name, or null if read raw. */
function quantizedSource(model: Model, reader: NodeProto, position: number): string | null {
  const producer = (name: string) => model.proto.graph.node.find((entry) => entry.output.includes(name));
  const dequantize = producer(reader.input[position]!);
  if (dequantize?.opType !== 'DequantizeLinear') return null;
  const quantize = producer(dequantize.input[0]!);
  return quantize?.opType === 'QuantizeLinear' ? quantize.input[0]! : null;
}

const named = (model: Model, name: string) => model.proto.graph.node.find((entry) => entry.name === name)!;

describe('INT8 placement and scales', () => {
  const residual = () =>
    buildModel({
      nodes: [
        conv('x', 'w1', 'a'),
        node('Relu', ['a'], ['b']),
        conv('b', 'w2', 'c'),
        node('Relu', ['c'], ['d']),
        conv('d', 'w3', 'e'),
        node('Add', ['b', 'e'], ['f']),
        node('Relu', ['f'], ['y']),
      ],
      inputs: [image()],
      outputs: [image('y')],
      initializers: [weights('w1', [16, 16, 3, 3]), weights('w2', [16, 16, 3, 3], 2), weights('w3', [16, 16, 3, 3], 3)],
    });

  it('reads inputs and weights in 8 bits, epilogues raw, and of a residual sum the skip only', async () => {
    const { model, decisions } = await convert(residual(), picture, { precision: 'int8' });
    expect(decisions).toEqual([]);
    expect(quantizedSource(model, named(model, 'Conv_a'), 0)).toBe('x');
    expect(quantizedSource(model, named(model, 'Conv_c'), 0)).toBe('b');
    expect(quantizedSource(model, named(model, 'Relu_b'), 0)).toBeNull();
    const add = named(model, 'Add_f');
    expect(quantizedSource(model, add, 0)).toBe('b');
    expect(quantizedSource(model, add, 1)).toBeNull();
    // `b` has one pair for both readers.
    expect(nodesOf(model, 'QuantizeLinear')).toHaveLength(3);
    expect(constant(model, 'w1_int8').dtype).toBe('int8');
    expect(model.proto.graph.initializer.map(({ name }) => name)).not.toContain('w1');
  });

  it.each(['int8', 'fp8'] as const)('%s: results stay near FP32', async (precision) => {
    const reference = await run(encodeModel(residual()), picture);
    const { model } = await convert(residual(), picture, { precision });
    const results = await evaluate(model, picture);
    expect(results['y']!.type).toBe('float32');
    const error = relativeError(reference['y']!.data, results['y']!.data);
    expect(error).toBeLessThan(precision === 'int8' ? 0.03 : 0.1);
    expect(error).toBeGreaterThan(1e-4);
  });

  it('writes scales in the type around them: FP16, or FP32 where the rest is FP32', async () => {
    const half = await convert(residual(), picture, { precision: 'int8' });
    expect(constant(half.model, 'b_scale').dtype).toBe('fp16');
    expect(constant(half.model, 'w1_scale').dtype).toBe('fp16');
    const full = await convert(residual(), picture, { precision: 'int8', rest: 'fp32' });
    expect(constant(full.model, 'b_scale').dtype).toBe('fp32');
    expect(nodesOf(full.model, 'Cast')).toEqual([]);
  });

  it('weights as float → Q → DQ, with the same result', async () => {
    const stored = await convert(residual(), picture, { precision: 'int8', rest: 'fp32' });
    const request = { precision: 'int8', rest: 'fp32', weightStorage: 'float' } as const;
    const inGraph = await convert(residual(), picture, request);
    expect(nodesOf(inGraph.model, 'QuantizeLinear')).toHaveLength(6);
    const [a, b] = [await evaluate(stored.model, picture), await evaluate(inGraph.model, picture)];
    expect(relativeError(a['y']!.data, b['y']!.data)).toBeLessThan(1e-5);
  });

  it('weight axis: Conv 0, ConvTranspose 1 (grouped: one scale), Gemm by transB, MatMul the last', async () => {
    const model = buildModel({
      nodes: [
        conv('x', 'wc', 'a', 1),
        node('ConvTranspose', ['a', 'wt'], ['b'], { kernel_shape: [1, 1] }),
        node('ConvTranspose', ['b', 'wg'], ['c'], { kernel_shape: [3, 3], group: 2, pads: [1, 1, 1, 1] }),
        conv('c', 'wl', 'l', 1),
        node('Reshape', ['l', 'flat'], ['d']),
        node('Gemm', ['d', 'g0'], ['e']),
        node('Gemm', ['e', 'g1'], ['f'], { transB: 1 }),
        node('Reshape', ['f', 'stack'], ['h']),
        node('MatMul', ['h', 'm'], ['y']),
      ],
      inputs: [image()],
      outputs: [value('y', null)],
      initializers: [
        weights('wc', [24, 16, 1, 1]),
        weights('wt', [24, 32, 1, 1]),
        weights('wg', [32, 16, 3, 3]),
        weights('wl', [32, 32, 1, 1], 4),

        weights('g0', [36, 48]),
        weights('g1', [40, 48]),
        weights('m', [2, 40, 20]),
        makeInt64('flat', [32, 36]),
        makeInt64('stack', [2, 16, 40]),
      ],
    });
    const request = { precision: 'int8', weightStorage: 'quantized' } as const;
    const large: Feeds = { x: { dims: picture['x']!.dims, data: picture['x']!.data.map((v) => 100 * v) } };
    const { model: variant, decisions } = await convert(model, large, request);
    expect(decisions).toEqual([]);
    expect(quantizedFormFaults(variant)).toEqual([]);
    const scaleDims = (name: string) => constant(variant, `${name}_scale`).dims;
    expect([scaleDims('wc'), scaleDims('wt'), scaleDims('wg')]).toEqual([[24], [32], []]);
    expect([scaleDims('g0'), scaleDims('g1'), scaleDims('m')]).toEqual([[48], [40], [20]]);
    const axisOf = (weight: string) =>
      getInt(
        nodesOf(variant, 'DequantizeLinear').find((entry) => entry.input[0] === `${weight}_int8`)!,
        'axis',
        99,
      );
    expect(['wc', 'wt', 'wg', 'g0', 'g1', 'm'].map(axisOf)).toEqual([0, 1, 99, 1, 0, 2]);
    const reference = await run(encodeModel(model), large);
    expect(relativeError(reference['y']!.data, (await evaluate(variant, large))['y']!.data)).toBeLessThan(0.05);
  });

  it('what a Concat joins shares one scale, and is not quantized twice', async () => {
    const model = buildModel({
      nodes: [
        conv('x', 'w1', 'a'),
        conv('x', 'w2', 'b'),
        node('Concat', ['a', 'b'], ['c'], { axis: 1 }),
        conv('c', 'w3', 'd'),
        conv('a', 'w1', 'e'),
        node('Concat', ['d', 'e'], ['y'], { axis: 1 }),
      ],
      inputs: [image()],
      outputs: [value('y', null)],
      initializers: [weights('w1', [16, 16, 3, 3]), weights('w2', [16, 16, 3, 3], 5), weights('w3', [16, 32, 3, 3])],
    });
    const prepared = prepareModel(model);
    const ranges = await rangesOf(prepared, picture);
    expect(scaleTargets(prepared, { precision: 'int8', plan: noPlan, ranges })).toEqual(['x', 'c']);
    const { model: variant } = await convert(model, picture, { precision: 'int8' });
    const scaleOf = (tensor: string) => fromFloat16(constant(variant, `${tensor}_scale`).data[0] as number);
    expect(scaleOf('a')).toBe(scaleOf('c'));
    expect(scaleOf('b')).toBe(scaleOf('c'));
    // The last Concat feeds an output, not an 8-bit layer: raw.
    expect(quantizedSource(variant, named(variant, 'Concat_y'), 0)).toBeNull();
  });

  /** A block of YOLO: what a convolution with SiLU makes is split, one half goes through two more and a sum, all are joined. */
  const crossStage = () => {
    const silu = (x: string) => [node('Sigmoid', [x], [`${x}_gate`]), node('Mul', [x, `${x}_gate`], [`${x}_act`])];
    return buildModel({
      nodes: [
        ...[conv('x', 'w1', 'a'), ...silu('a'), node('Split', ['a_act', 'halves'], ['left', 'right'], { axis: 1 })],
        ...[conv('right', 'w2', 'b'), ...silu('b'), conv('b_act', 'w2', 'c'), ...silu('c')],
        ...[node('Add', ['right', 'c_act'], ['sum']), node('Concat', ['left', 'right', 'sum'], ['all'], { axis: 1 })],
        conv('all', 'w3', 'y'),
      ],
      inputs: [image()],
      outputs: [value('y', null)],
      initializers: [
        ...[weights('w1', [32, 16, 3, 3]), weights('w2', [16, 16, 3, 3], 2), weights('w3', [16, 48, 3, 3], 3)],
        makeInt64('halves', [16, 16]),
      ],
    });
  };

  it('quantizes in front of a Split whose parts are read in 8 bits, at the scale of what they join', async () => {
    const prepared = prepareModel(crossStage());
    const ranges = await rangesOf(prepared, picture);
    expect(scaleTargets(prepared, { precision: 'int8', plan: noPlan, ranges })).toEqual([
      ...['x', 'all', 'a_act', 'b_act', 'c_act'],
    ]);
    const { model, decisions } = await convert(crossStage(), picture, { precision: 'int8' });
    expect(decisions).toEqual([]);
    expect(quantizedFormFaults(model)).toEqual([]);
    expect(quantizedSource(model, named(model, 'Split_left'), 0)).toBe('a_act');
    const scaleOf = (tensor: string) => constant(model, `${tensor}_scale`).data[0];
    expect(scaleOf('a_act')).toBe(scaleOf('all'));
    expect(scaleOf('right')).toBe(scaleOf('all'));
    const reference = await run(encodeModel(crossStage()), picture);
    expect(relativeError(reference['y']!.data, (await evaluate(model, picture))['y']!.data)).toBeLessThan(0.05);
  });

  it('leaves a Split alone of which a part is read raw, or which no layer feeds', async () => {
    const { model } = await convert(crossStage(), picture, {
      precision: 'int8',
      plan: { ...noPlan, keep: [{ match: 'Concat_all', precision: 'fp16' }] },
    });
    expect(quantizedSource(model, named(model, 'Split_left'), 0)).toBeNull();
    expect(quantizedSource(model, named(model, 'Conv_b'), 0)).toBe('right');
    const unfed = buildModel({
      nodes: [
        ...[node('Tanh', ['x'], ['t']), node('Split', ['t', 'halves'], ['left', 'right'], { axis: 1 })],
        ...[conv('left', 'w1', 'y'), conv('right', 'w1', 'z')],
      ],
      inputs: [value('x', [1, 32, 6, 6])],
      outputs: [value('y', null), value('z', null)],
      initializers: [weights('w1', [16, 16, 3, 3]), makeInt64('halves', [16, 16])],
    });
    const wide: Feeds = { x: { dims: [1, 32, 6, 6], data: noise(1152, 7) } };
    const { model: variant } = await convert(unfed, wide, { precision: 'int8' });
    expect(quantizedSource(variant, named(variant, 'Split_left'), 0)).toBeNull();
    expect(quantizedSource(variant, named(variant, 'Conv_z'), 0)).toBe('right');
  });

  it('reads both inputs of a sum in 8 bits where an activation keeps it from the kernel of its branch', async () => {
    const { model } = await convert(crossStage(), picture, { precision: 'int8' });
    const sum = named(model, 'Add_sum');
    expect([quantizedSource(model, sum, 0), quantizedSource(model, sum, 1)]).toEqual(['right', 'c_act']);
    // FP8 has no 8-bit sums.
    const { model: fp8 } = await convert(crossStage(), picture, { precision: 'fp8' });
    expect(quantizedSource(fp8, named(fp8, 'Add_sum'), 1)).toBeNull();
  });

  it('what is read of a Concat, alone after its other reader was left out, keeps the scale that it shared', async () => {
    const prepared = prepareModel(crossStage());
    const ranges = await rangesOf(prepared, picture);
    const targets = scaleTargets(prepared, { precision: 'int8', plan: noPlan, ranges });
    const table = { ...tableOf(ranges, targets), guarded: { Conv_y: 'noisy' } };
    const { model, decisions } = await convert(crossStage(), picture, { precision: 'int8', table });
    expect(decisions.map(({ node: name, reason }) => [name, reason])).toEqual([['Conv_y', 'noisy']]);
    expect(quantizedSource(model, named(model, 'Conv_b'), 0)).toBe('right');
    expect(constant(model, 'right_scale').data[0]).toBe(
      constant((await convert(crossStage(), picture, { precision: 'int8' })).model, 'right_scale').data[0],
    );
  });

  it('leaves a layer without a usable scale alone, and says so', async () => {
    const model = residual();
    const prepared = prepareModel(model);
    const ranges = await rangesOf(prepared, picture);
    const table = tableOf(ranges, ['x', 'd', 'b']);
    const broken = {
      ...table,
      tensors: {
        ...table.tensors,
        d: { ...table.tensors['d']!, threshold: NaN },
        b: { ...table.tensors['b']!, threshold: 0 },
      },
    };
    const { model: variant, decisions } = await convert(model, picture, { precision: 'int8', table: broken });
    expect(nodesOf(variant, 'QuantizeLinear')).toHaveLength(1);
    expect(decisions.find(({ node: name }) => name === 'Conv_e')?.reason).toMatch(/d is not finite/);
    expect(decisions.find(({ node: name }) => name === 'Conv_c')?.reason).toMatch(/b was zero/);
    const missing = await convert(model, picture, { precision: 'int8', table: { ...table, tensors: {} } });
    expect(missing.warnings).toEqual([expect.stringContaining('No layer')]);
    await expect(convert(model, picture, { precision: 'int8', table: null })).rejects.toThrow(/CALIBRATION_FAILED/);
  });

  it('a model without a layer for 8 bits needs no table: its variant is in the rest precision, and says so', async () => {
    const model = buildModel({
      nodes: [node('Sigmoid', ['x'], ['s']), node('Mul', ['x', 's'], ['y'])],
      inputs: [value('x', [1, 16, 6, 6])],
      outputs: [value('y', [1, 16, 6, 6])],
    });
    const { model: variant, warnings } = await convert(model, picture, { precision: 'int8', table: null });
    expect(warnings).toEqual(['No layer of this model could be written in int8.']);
    expect(nodesOf(variant, 'QuantizeLinear')).toHaveLength(0);
    expect(nodesOf(variant, 'Cast').length).toBeGreaterThan(0);
  });

  it('a layer whose scale FP16 cannot hold stays FP16: an FP32 pair would put a cast in front of it', async () => {
    const tiny: Feeds = { x: { dims: [1, 16, 6, 6], data: noise(576).map((v) => v / 5000) } };
    const model = buildModel({
      nodes: [conv('x', 'w', 'y')],
      inputs: [image()],
      outputs: [image('y')],
      initializers: [weights('w', [16, 16, 3, 3])],
    });
    const { model: half, decisions } = await convert(model, tiny, { precision: 'int8' });
    expect(nodesOf(half, 'QuantizeLinear')).toEqual([]);
    expect(decisionFor(decisions, 'Conv')?.reason).toMatch(/below FP16's normal numbers/);
    const { model: full } = await convert(model, tiny, { precision: 'int8', rest: 'fp32' });
    expect(constant(full, 'x_scale').dtype).toBe('fp32');
    const reference = await run(encodeModel(model), tiny);
    expect(relativeError(reference['y']!.data, (await evaluate(full, tiny))['y']!.data)).toBeLessThan(0.03);
  });

  /** A depthwise convolution between two others, with something between it and the last. */
  const depthwise = (between: ReturnType<typeof node>[], outputs = ['y']) =>
    buildModel({
      nodes: [
        conv('x', 'w1', 'a'),
        conv('a', 'wd', 'b', 3, { group: 16 }),
        ...between,
        conv(between.at(-1)?.output[0] ?? 'b', 'w2', 'y'),
      ],
      inputs: [image()],
      outputs: outputs.map((name) => image(name)),
      initializers: [weights('w1', [16, 16, 3, 3]), weights('wd', [16, 1, 3, 3], 2), weights('w2', [16, 16, 3, 3], 3)],
    });

  it.each([
    ['nothing', [], true],
    ['Relu', [node('Relu', ['b'], ['r'])], true],
    ['Sigmoid', [node('Sigmoid', ['b'], ['r'])], false],
    ['a raw reader beside', [node('Relu', ['b'], ['r']), node('Mul', ['r', 'b'], ['m'])], false],
  ] as const)(
    'a grouped convolution is quantized only if its output is: %s behind it',
    async (_, between, quantized) => {
      const { model, decisions } = await convert(depthwise([...between]), picture, { precision: 'int8' });
      expect(quantizedFormFaults(model)).toEqual([]);
      expect(quantizedSource(model, named(model, 'Conv_b'), 0)).toBe(quantized ? 'a' : null);
      expect(quantizedSource(model, named(model, 'Conv_y'), 0)).not.toBeNull();
      if (!quantized) expect(decisions).toEqual([expect.objectContaining({ node: 'Conv_b', precision: 'fp16' })]);
    },
  );

  it('a grouped convolution that gives a graph output, or whose reader is guarded, stays in the rest precision', async () => {
    const seen = await convert(depthwise([], ['y', 'b']), picture, { precision: 'int8' });
    expect(quantizedSource(seen.model, named(seen.model, 'Conv_b'), 0)).toBeNull();
    const ranges = await rangesOf(prepareModel(depthwise([])), picture);
    const table = { ...tableOf(ranges, ['x', 'a', 'b']), guarded: { Conv_y: 'noisy' } };
    const guarded = await convert(depthwise([]), picture, { precision: 'int8', table });
    expect(quantizedSource(guarded.model, named(guarded.model, 'Conv_b'), 0)).toBeNull();
    expect(quantizedSource(guarded.model, named(guarded.model, 'Conv_a'), 0)).toBe('x');
    const unscaled = { ...table, guarded: {}, tensors: tableOf(ranges, ['x', 'a']).tensors };
    const left = await convert(depthwise([]), picture, { precision: 'int8', table: unscaled });
    expect(quantizedFormFaults(left.model)).toEqual([]);
    expect(left.decisions.map(({ node: name }) => name)).toEqual(['Conv_b', 'Conv_y']);
  });

  it.each([
    ['auto', ['w1_int8', 'wd_rounded', 'w2_int8']],
    ['quantized', ['w1_int8', 'wd_int8', 'w2_int8']],
    ['float', ['w1_rounded', 'wd_rounded', 'w2_rounded']],
  ] as const)('weight storage %s, with one result', async (weightStorage, names) => {
    const request = { precision: 'int8', weightStorage } as const;
    const { model } = await convert(depthwise([]), picture, request);
    expect(quantizedFormFaults(model)).toEqual([]);
    const found = model.proto.graph.initializer.map(({ name }) => name);
    expect(found).toEqual(expect.arrayContaining([...names]));
    const plain = await convert(depthwise([]), picture, { precision: 'int8', weightStorage: 'quantized' });
    // With every rounding written out: the runtime drops others in one form than in the other.
    const exact = (variant: Model) => evaluate(simulate(variant, ['fp16']).model, picture);
    const [a, b] = [await exact(model), await exact(plain.model)];
    expect(relativeError(a['y']!.data, b['y']!.data)).toBe(0);
  });

  it('reads a tensor in the type that it is made in: no cast in front of a QuantizeLinear', async () => {
    const model = buildModel({
      nodes: [conv('x', 'w1', 'a'), node('Exp', ['a'], ['e']), conv('e', 'w2', 'b'), conv('b', 'w3', 'y')],
      inputs: [image()],
      outputs: [image('y')],
      initializers: [weights('w1', [16, 16, 3, 3]), weights('w2', [16, 16, 3, 3], 2), weights('w3', [16, 16, 3, 3], 3)],
    });
    const { model: variant } = await convert(model, picture, { precision: 'int8' });
    expect(nodesOf(variant, 'QuantizeLinear').map(({ input }) => input[0])).toEqual(['x', 'e', 'b']);
    const typeOf = (input: string) => constant(variant, input).dtype;
    expect(nodesOf(variant, 'QuantizeLinear').map(({ input }) => typeOf(input[1]!))).toEqual(['fp32', 'fp32', 'fp16']);
    const read = nodesOf(variant, 'DequantizeLinear').filter(({ input }) => input[0]!.endsWith('_quantized'));
    expect(read.map(({ input }) => typeOf(input[1]!))).toEqual(['fp16', 'fp16', 'fp16']);
    const bound = await convert(model, picture, { precision: 'int8', plan: { keep: [], bindings: { x: 'fp16' } } });
    expect(nodesOf(bound.model, 'Cast').map(({ input }) => input[0])).not.toContain('x');
  });

  it('excludes what gains nothing: one position, one row, few channels, attention, non-constant weights', async () => {
    const model = buildModel({
      nodes: [
        node('GlobalAveragePool', ['x'], ['g']),
        conv('g', 'w1', 'se', 1),
        node('Mul', ['x', 'se'], ['m']),
        node('Conv', ['m', 'few'], ['f'], { kernel_shape: [1, 3], pads: [0, 1, 0, 1] }),
        node('Reshape', ['f', 'rows'], ['r']),
        node('MatMul', ['r', 'r2'], ['att']),
        node('Transpose', ['r'], ['r2'], { perm: [1, 0] }),
        node('Reshape', ['f', 'row'], ['one']),
        node('Gemm', ['one', 'wg'], ['y']),
        node('ReduceMean', ['att'], ['z'], { keepdims: 0 }),
      ],
      inputs: [image()],
      outputs: [value('y', null), value('z', null)],
      initializers: [
        weights('w1', [16, 16, 1, 1]),
        weights('few', [3, 16, 1, 3]),
        weights('wg', [108, 32]),
        makeInt64('rows', [6, 18]),
        makeInt64('row', [1, 108]),
      ],
    });
    const { model: variant, decisions } = await convert(model, picture, { precision: 'int8' });
    expect(nodesOf(variant, 'QuantizeLinear')).toEqual([]);
    const reasons = Object.fromEntries(decisions.map(({ node: name, reason }) => [name, reason]));
    expect(reasons['Conv_se']).toMatch(/one position/);
    expect(reasons['Conv_f']).toMatch(/too few channels/);
    expect(reasons['MatMul_att']).toMatch(/two activations/);
    expect(reasons['Gemm_y']).toMatch(/one row/);
  });

  it('a keep rule takes a layer out of 8 bits', async () => {
    const plan = { keep: [{ match: 'Conv_c', precision: 'fp16' }], bindings: {} } as const;
    const { model, decisions } = await convert(residual(), picture, {
      precision: 'int8',
      plan: { keep: [...plan.keep], bindings: {} },
    });
    expect(quantizedSource(model, named(model, 'Conv_c'), 0)).toBeNull();
    expect(decisionFor(decisions, 'Conv')).toMatchObject({ node: 'Conv_c', precision: 'fp16' });
  });

  it('an input bound as INT8 starts with its calibrated scale', async () => {
    const plan = { keep: [], bindings: { x: 'int8' } } as const;
    const { model, warnings } = await convert(residual(), picture, { precision: 'int8', plan });
    expect(dtypeOf(model.proto.graph.input[0]!.type!.tensorType!.elemType)).toBe('int8');
    expect(model.proto.graph.node.filter((entry) => entry.input.includes('x')).map(({ opType }) => opType)).toEqual([
      'DequantizeLinear',
    ]);
    expect(warnings).toEqual([expect.stringMatching(/x is bound as INT8/)]);
  });

  it('weights quantize with exactly the FP16 scale that they are read back with; a zero channel is zero', async () => {
    const values = numbers(16 * 16 * 9).map((v, i) => (i < 144 ? 0 : v * 1e-4));
    const model = buildModel({
      nodes: [conv('x', 'w', 'y')],
      inputs: [image()],
      outputs: [image('y')],
      initializers: [floats('w', [16, 16, 3, 3], values)],
    });
    const { model: variant } = await convert(model, picture, { precision: 'int8' });
    const scales = fromFloat16Array(constant(variant, 'w_scale').data as Uint16Array);
    const stored = constant(variant, 'w_int8').data as Int8Array;
    expect(scales[0]).toBe(1);
    expect(stored.subarray(0, 144).every((v) => v === 0)).toBe(true);
    for (let i = 144; i < stored.length; i++) {
      const scale = scales[Math.floor(i / 144)]!;
      expect(Math.abs(stored[i]! * scale - values[i]!)).toBeLessThan(scale);
    }
  });
});
