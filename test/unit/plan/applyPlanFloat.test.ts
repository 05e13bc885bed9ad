import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../extension/contract/errors';
import { dtypeOf } from '../../../extension/model/dtype';
import { fromFloat16 } from '../../../extension/model/float16';
import { attributeType, newAttribute, newGraph, type GraphProto } from '../../../extension/model/onnx.generated';
import { makeInt64, makeTensor, readTensor } from '../../../extension/model/tensorValues';
import type { Model } from '../../../extension/model/model';
import { applyPlan } from '../../../extension/plan/applyPlan';
import { prepareModel } from '../../../extension/plan/prepareModel';
import { buildModel, encodeModel, floats, node, numbers, run, value } from '../model/buildModel';
import {
  castTargets,
  convert,
  decisionFor,
  evaluate,
  nodesOf,
  noPlan,
  opTypes,
  relativeError,
  type Feeds,
} from './planModels';

const vector = (data: ArrayLike<number>) => ({ x: { dims: [data.length], data: Float32Array.from(data) } });

async function expectClose(model: Model, feeds: Feeds, precision: 'fp16' | 'bf16' = 'fp16') {
  const reference = await run(encodeModel(model), feeds);
  const converted = await convert(model, feeds, { precision });
  const results = await evaluate(converted.model, feeds);
  for (const [name, { data, dims, type }] of Object.entries(reference)) {
    expect(results[name]!.type).toBe(type);
    expect(results[name]!.dims).toEqual(dims);
    expect(relativeError(data, results[name]!.data)).toBeLessThan(precision === 'fp16' ? 3e-3 : 3e-2);
  }
  return converted;
}

function dtypeOfConstant(model: Model, name: string) {
  const tensor = model.proto.graph.initializer.find((entry) => entry.name === name);
  return tensor === undefined ? undefined : dtypeOf(tensor.dataType);
}

function graphAttribute(name: string, g: GraphProto) {
  return newAttribute({ name, type: attributeType.GRAPH, g });
}

describe('applyPlan, FP16 and BF16', () => {
  const twoLayers = () =>
    buildModel({
      nodes: [
        node('Conv', ['x', 'w'], ['a'], { kernel_shape: [3, 3] }),
        node('Relu', ['a'], ['b']),
        node('Conv', ['b', 'v'], ['y'], { kernel_shape: [1, 1] }),
      ],
      inputs: [value('x', [1, 3, 6, 6])],
      outputs: [value('y', [1, 4, 4, 4])],
      initializers: [floats('w', [8, 3, 3, 3], numbers(216)), floats('v', [4, 8, 1, 1], numbers(32, 2))],
    });
  const picture = { x: { dims: [1, 3, 6, 6], data: numbers(108) } };

  it.each(['fp16', 'bf16'] as const)(
    '%s: one cast in, one cast out, weights in place, types of the interface kept',
    async (precision) => {
      const { model, decisions } = await expectClose(twoLayers(), picture, precision);
      expect(castTargets(model.proto.graph)).toEqual([precision, 'fp32']);
      expect(opTypes(model)).toEqual(['Cast', 'Conv', 'Relu', 'Conv', 'Cast']);
      expect(dtypeOfConstant(model, 'w')).toBe(precision);
      expect(model.proto.graph.output[0]!.name).toBe('y');
      expect(decisions).toEqual([]);
    },
  );

  it('the FP32 variant is the prepared model', async () => {
    const { model, prepared } = await convert(twoLayers(), picture, { precision: 'fp32' });
    expect(encodeModel(model)).toEqual(encodeModel(prepared));
  });

  it('refuses BF16 below opset 22 with a coded error', () => {
    const prepared = prepareModel(twoLayers(), { opset: 17 });
    const attempt = () => applyPlan(prepared, { precision: 'bf16', plan: noPlan, ranges: null, table: null });
    expect(attempt).toThrow(CodedError);
    expect(attempt).toThrow(/PRECISION_UNSUPPORTED.*opset 22/);
  });

  it('bindings change the type of inputs and outputs in every precision', async () => {
    for (const precision of ['fp32', 'fp16'] as const) {
      const plan = { keep: [], bindings: { x: 'fp16', y: 'fp16' } } as const;
      const { model } = await convert(twoLayers(), picture, { precision, plan });
      const { input, output } = model.proto.graph;
      expect(dtypeOf(input[0]!.type!.tensorType!.elemType)).toBe('fp16');
      expect(dtypeOf(output[0]!.type!.tensorType!.elemType)).toBe('fp16');
      expect(castTargets(model.proto.graph)).toEqual(precision === 'fp32' ? ['fp32', 'fp16'] : []);
    }
  });

  it('binds an image input as raw bytes with a cast', async () => {
    const plan = { keep: [], bindings: { x: 'uint8' } } as const;
    const { model } = await convert(twoLayers(), picture, { precision: 'fp16', plan });
    expect(dtypeOf(model.proto.graph.input[0]!.type!.tensorType!.elemType)).toBe('uint8');
    expect(castTargets(model.proto.graph)).toEqual(['fp16', 'fp32']);
  });

  it('names the nearest input for a binding that does not exist', async () => {
    const plan = { keep: [], bindings: { xx: 'fp16' } } as const;
    await expect(convert(twoLayers(), picture, { precision: 'fp16', plan })).rejects.toThrow(/PLAN_INVALID.*xx/);
  });

  it('keep rules hold a node in FP32, and one that matches nothing is warned of', async () => {
    const keep = [
      { match: 'OP:Relu', precision: 'fp32' },
      { match: 'nothing*', precision: 'fp32' },
    ] as const;
    const { model, decisions, warnings } = await convert(twoLayers(), picture, {
      precision: 'fp16',
      plan: { keep: [...keep], bindings: {} },
    });
    expect(castTargets(model.proto.graph)).toEqual(['fp16', 'fp32', 'fp16', 'fp32']);
    expect(decisionFor(decisions, 'Relu')?.reason).toMatch(/OP:Relu/);
    expect(warnings).toEqual([expect.stringContaining('nothing*')]);
  });

  it('does not round shape arithmetic: a size of 2049 stays 2049', async () => {
    const model = buildModel({
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Cast', ['s'], ['f'], { to: 1 }),
        node('Mul', ['f', 'one'], ['m']),
        node('Cast', ['m'], ['i'], { to: 7 }),
        node('ConstantOfShape', ['i'], ['z']),
        node('Add', ['x', 'z'], ['y']),
      ],
      inputs: [value('x', ['n'])],
      outputs: [value('y', ['n'])],
      initializers: [floats('one', [1], [1])],
    });
    for (const size of [2049, 4099]) {
      const { decisions } = await expectClose(model, vector(numbers(size)));
      expect(decisionFor(decisions, 'Mul')?.reason).toMatch(/shape/);
    }
  });

  it('also where the size is used inside a Loop body or an If branch', async () => {
    const branch = (name: string) =>
      newGraph({
        name,
        node: [node('ConstantOfShape', ['i'], [`${name}_z`])],
        output: [value(`${name}_z`, ['n'])],
      });
    const chooser = node('If', ['c'], ['z']);
    chooser.attribute = [graphAttribute('then_branch', branch('t')), graphAttribute('else_branch', branch('e'))];
    const model = buildModel({
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Cast', ['s'], ['f'], { to: 1 }),
        node('Mul', ['f', 'one'], ['m']),
        node('Cast', ['m'], ['i'], { to: 7 }),
        chooser,
        node('Add', ['x', 'z'], ['y']),
      ],
      inputs: [value('x', ['n'])],
      outputs: [value('y', ['n'])],
      initializers: [floats('one', [1], [1]), makeTensor('c', { dtype: 'bool', dims: [], data: Uint8Array.of(1) })],
    });
    await expectClose(model, vector(numbers(2049)));
  });

  it('keeps the sign of what underflows, and never makes a constant zero', async () => {
    const model = buildModel({
      nodes: [node('Mul', ['x', 'k'], ['y'])],
      inputs: [value('x', [4])],
      outputs: [value('y', [4])],
      initializers: [floats('k', [4], [-1e-9, 1e-9, 1, 0])],
    });
    const { model: variant } = await convert(model, vector([1, 1, 1, 1]), { precision: 'fp16' });
    const tensor = variant.proto.graph.initializer.find(({ name }) => name === 'k')!;
    expect(Array.from(readTensor(tensor, variant).data as Uint16Array, fromFloat16)).toEqual([
      -(2 ** -24),
      2 ** -24,
      1,
      0,
    ]);
  });

  it('duplicates a constant only where it is wanted in two types', async () => {
    const model = buildModel({
      nodes: [
        node('Mul', ['x', 'k'], ['a']),
        node('Exp', ['k'], ['e']),
        node('Add', ['a', 'e'], ['b']),
        node('Mul', ['x', 'l'], ['c']),
        node('Add', ['b', 'c'], ['y']),
      ],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
      initializers: [floats('k', [3], [0.1, 0.2, 0.3]), floats('l', [3], [1, 2, 3])],
    });
    const { model: variant } = await expectClose(model, vector([1, 2, 3]));
    expect(dtypeOfConstant(variant, 'k')).toBe('fp32');
    expect(dtypeOfConstant(variant, 'k_fp16')).toBe('fp16');
    expect(dtypeOfConstant(variant, 'l')).toBe('fp16');
  });

  it('makes one cast per tensor and type, however many nodes read it', async () => {
    const model = buildModel({
      nodes: [
        node('Relu', ['x'], ['a']),
        node('Exp', ['a'], ['e']),
        node('Log', ['a'], ['l']),
        node('Sigmoid', ['a'], ['s']),
        node('Sum', ['e', 'l', 's'], ['y']),
      ],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
    });
    const { model: variant } = await expectClose(model, vector([1, 2, 3]));
    // x → fp16, a → fp32 once for Exp and Log, their two results → fp16, y → fp32.
    expect(castTargets(variant.proto.graph)).toEqual(['fp16', 'fp32', 'fp16', 'fp16', 'fp32']);
  });

  it('keeps a node FP32 where the data exceeds the FP16 range with its margin', async () => {
    const model = buildModel({
      nodes: [node('Mul', ['x', 'k'], ['a']), node('Mul', ['a', 'l'], ['y'])],
      inputs: [value('x', [2])],
      outputs: [value('y', [2])],
      initializers: [floats('k', [1], [1000]), floats('l', [1], [0.01])],
    });
    const { decisions } = await expectClose(model, vector([50, -90]));
    expect(decisions.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('a reaches 90000'),
      expect.stringContaining('a reaches 90000'),
    ]);
    const small = await convert(model, vector([1, -2]), { precision: 'fp16' });
    expect(small.decisions).toEqual([]);
    expect((await convert(model, vector([50, -90]), { precision: 'bf16' })).decisions).toEqual([]);
  });

  it('keeps a constant beyond FP16, and one below its normal numbers, in FP32', () => {
    const model = buildModel({
      nodes: [
        node('Add', ['x', 'big'], ['a']),
        node('Mul', ['x', 'tiny'], ['b']),
        node('Concat', ['a', 'b'], ['y'], { axis: 0 }),
      ],
      inputs: [value('x', [1])],
      outputs: [value('y', [2])],
      initializers: [floats('big', [1], [1e6]), floats('tiny', [1], [1e-6])],
    });
    const prepared = prepareModel(model);
    const { decisions } = applyPlan(prepared, { precision: 'fp16', plan: noPlan, ranges: null, table: null });
    expect(decisionFor(decisions, 'Add')?.reason).toMatch(/big reaches/);
    expect(decisionFor(decisions, 'Mul')?.reason).toMatch(/tiny is at most/);
  });

  it.each([-1e9, -3.4028234663852886e38, -Infinity])('attention masks of %f stay in FP16 and mask', async (mask) => {
    const model = buildModel({
      nodes: [
        node('MatMul', ['x', 'k'], ['s']),
        node('Where', ['c', 'mask', 's'], ['m']),
        node('Softmax', ['m'], ['p'], { axis: -1 }),
        node('MatMul', ['p', 'v'], ['y']),
      ],
      inputs: [value('x', [3, 4])],
      outputs: [value('y', [3, 5])],
      initializers: [
        floats('k', [4, 4], numbers(16)),
        floats('v', [4, 5], numbers(20, 2)),
        floats('mask', [], [mask]),
        makeTensor('c', { dtype: 'bool', dims: [3, 4], data: Uint8Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 1) }),
      ],
    });
    const { model: variant, decisions } = await expectClose(model, { x: { dims: [3, 4], data: numbers(12, 3) } });
    expect(decisions).toEqual([]);
    expect(dtypeOfConstant(variant, 'mask')).toBe('fp16');
  });

  it('a mask value that is used for anything else stays FP32', async () => {
    const model = buildModel({
      nodes: [
        node('Add', ['x', 'mask'], ['m']),
        node('Softmax', ['m'], ['p'], { axis: -1 }),
        node('Mul', ['m', 'x'], ['q']),
      ],
      inputs: [value('x', [4])],
      outputs: [value('p', [4]), value('q', [4])],
      initializers: [floats('mask', [4], [0, 0, -1e9, -1e9])],
    });
    const { decisions } = await expectClose(model, vector([1, 2, 3, 4]));
    expect(decisionFor(decisions, 'Add')?.reason).toMatch(/mask reaches/);
  });

  it('a normalization in single operators stays FP32 as one island', async () => {
    const model = buildModel({
      nodes: [
        node('ReduceMean', ['x'], ['mean'], { axes: [-1] }),
        node('Sub', ['x', 'mean'], ['d']),
        node('Pow', ['d', 'two'], ['sq']),
        node('ReduceMean', ['sq'], ['var'], { axes: [-1] }),
        node('Add', ['var', 'eps'], ['ve']),
        node('Sqrt', ['ve'], ['sd']),
        node('Div', ['d', 'sd'], ['n']),
        node('Mul', ['n', 'g'], ['s']),
        node('MatMul', ['s', 'w'], ['y']),
      ],
      inputs: [value('x', [2, 8])],
      outputs: [value('y', [2, 4])],
      initializers: [
        floats('two', [], [2]),
        floats('eps', [], [1e-12]),
        floats('g', [8], numbers(8)),
        floats('w', [8, 4], numbers(32)),
      ],
    });
    // Squares of these overflow FP16 (300² = 90000), and of the second row vanish.
    const data = Float32Array.from([300, -280, 310, 4, 8, 1, -300, 290, 1e-4, -2e-4, 3e-4, 1e-4, 0, 2e-4, -1e-4, 5e-5]);
    const { model: variant, decisions } = await expectClose(model, { x: { dims: [2, 8], data } });
    expect(decisions).toHaveLength(7);
    expect(castTargets(variant.proto.graph)).toEqual(['fp16', 'fp32']);
  });

  it('what TensorRT does not build in BF16 stays FP32 there, and only there', () => {
    const model = buildModel({
      nodes: [node('ConvTranspose', ['x', 'w'], ['t']), node('Relu', ['t'], ['r']), node('Shrink', ['r'], ['y'])],
      inputs: [value('x', [1, 2, 4, 4])],
      outputs: [value('y', null)],
      initializers: [floats('w', [2, 3, 2, 2], numbers(24))],
    });
    const written = (precision: 'fp16' | 'bf16') =>
      applyPlan(prepareModel(model), { precision, plan: noPlan, ranges: null, table: null }).decisions;
    expect(decisionFor(written('bf16'), 'ConvTranspose')?.reason).toBe('TensorRT has no ConvTranspose in BF16');
    expect(decisionFor(written('bf16'), 'Shrink')?.precision).toBe('fp32');
    expect(written('fp16')).toEqual([]);
  });

  it('a variance as the mean of squares less the squared mean stays FP32, with means made of sums', async () => {
    const model = buildModel({
      nodes: [
        node('Relu', ['x'], ['r']),
        node('ReduceSum', ['r', 'axis'], ['sum'], { keepdims: 1 }),
        node('Mul', ['r', 'r'], ['sq']),
        node('ReduceSum', ['sq', 'axis'], ['sumsq'], { keepdims: 1 }),
        node('Mul', ['sumsq', 'share'], ['meansq']),
        node('Mul', ['share', 'sum'], ['mean']),
        node('Mul', ['mean', 'mean'], ['sqmean']),
        node('Sub', ['meansq', 'sqmean'], ['var']),
        node('Add', ['var', 'eps'], ['ve']),
        node('Sqrt', ['ve'], ['sd']),
        node('Sub', ['r', 'mean'], ['d']),
        node('Div', ['d', 'sd'], ['n']),
        node('Relu', ['n'], ['y']),
      ],
      inputs: [value('x', [1, 8])],
      outputs: [value('y', [1, 8])],
      initializers: [makeInt64('axis', [-1]), floats('share', [], [1 / 8]), floats('eps', [], [1e-6])],
    });
    // The deviation is a hundredth of the mean: FP16 would leave two bits of the variance.
    const data = Float32Array.from([10, 10.125, 9.875, 10.0625, 10, 9.9375, 10.125, 9.9375]);
    const { decisions } = await expectClose(model, { x: { dims: [1, 8], data } });
    const kept = decisions.filter(({ precision }) => precision === 'fp32').map(({ opType }) => opType);
    expect(kept.filter((opType) => opType === 'Mul')).toHaveLength(4);
  });

  it('the root of squares (a magnitude) stays FP32', async () => {
    const model = buildModel({
      nodes: [
        node('Pow', ['x', 'two'], ['a']),
        node('Mul', ['z', 'z'], ['b']),
        node('Add', ['a', 'b'], ['c']),
        node('Sqrt', ['c'], ['y']),
      ],
      inputs: [value('x', [3]), value('z', [3])],
      outputs: [value('y', [3])],
      initializers: [floats('two', [], [2])],
    });
    const feeds = {
      x: { dims: [3], data: Float32Array.of(1e-4, 400, 3) },
      z: { dims: [3], data: Float32Array.of(1e-4, 300, 4) },
    };
    const { decisions } = await expectClose(model, feeds);
    expect(decisions.map(({ opType }) => opType).sort()).toEqual(['Add', 'Mul', 'Pow', 'Sqrt']);
  });

  it('both branches read captured values and constants that the outer graph has in FP16', async () => {
    const branch = (name: string, op: string) =>
      newGraph({ name, node: [node(op, ['a', 'k'], [`${name}_r`])], output: [value(`${name}_r`, [3])] });
    const chooser = node('If', ['c'], ['b']);
    chooser.attribute = [
      graphAttribute('then_branch', branch('t', 'Add')),
      graphAttribute('else_branch', branch('e', 'Mul')),
    ];
    const model = buildModel({
      nodes: [
        node('Mul', ['x', 'k'], ['a']),
        node('ReduceMax', ['x'], ['largest'], { keepdims: 0 }),
        node('Greater', ['largest', 'zero'], ['c']),
        chooser,
        node('Sigmoid', ['b'], ['y']),
      ],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
      initializers: [floats('k', [3], [0.1, 0.2, 0.3]), floats('zero', [], [0])],
    });
    const { decisions } = await expectClose(model, vector([1, 2, 3]));
    expect(decisionFor(decisions, 'If')?.precision).toBe('fp32');
  });

  it('Loop with FP32 state and a captured constant that the outer graph has in FP16', async () => {
    const body = newGraph({
      name: 'body',
      node: [
        node('Identity', ['cond'], ['cond_out']),
        node('Relu', ['state'], ['r']),
        node('Add', ['r', 'k'], ['next']),
      ],
      input: [value('i', [], 'int64'), value('cond', [], 'bool'), value('state', [3])],
      output: [value('cond_out', [], 'bool'), value('next', [3])],
    });
    const loop = node('Loop', ['trips', '', 'a'], ['b']);
    loop.attribute = [graphAttribute('body', body)];
    const model = buildModel({
      nodes: [node('Mul', ['x', 'k'], ['a']), loop, node('Sigmoid', ['b'], ['y'])],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
      initializers: [floats('k', [3], [0.1, -0.2, 0.3]), makeInt64('trips', [3], [])],
    });
    await expectClose(model, vector([1, 2, 3]));
  });

  it('Scan with FP32 state inside an FP16 graph', async () => {
    const body = newGraph({
      name: 'body',
      node: [node('Add', ['s', 'e'], ['s2']), node('Identity', ['s2'], ['o'])],
      input: [value('s', [2]), value('e', [2])],
      output: [value('s2', [2]), value('o', [2])],
    });
    const scan = node('Scan', ['init', 'a'], ['last', 'all'], { num_scan_inputs: 1 });
    scan.attribute.push(graphAttribute('body', body));
    const model = buildModel({
      nodes: [node('Sigmoid', ['x'], ['a']), scan, node('Relu', ['all'], ['y'])],
      inputs: [value('x', [3, 2])],
      outputs: [value('y', [3, 2]), value('last', [2])],
      initializers: [floats('init', [2], [1, 2])],
    });
    await expectClose(model, { x: { dims: [3, 2], data: numbers(6) } });
  });

  it('optional inputs and empty names: Resize with scales, Clip with one bound', async () => {
    const model = buildModel({
      nodes: [node('Clip', ['x', '', 'hi'], ['a']), node('Resize', ['a', '', 'scales'], ['y'], { mode: 'linear' })],
      inputs: [value('x', [1, 1, 2, 2])],
      outputs: [value('y', [1, 1, 4, 4])],
      initializers: [floats('hi', [], [0.5]), floats('scales', [4], [1, 1, 2, 2])],
    });
    const { model: variant } = await expectClose(model, {
      x: { dims: [1, 1, 2, 2], data: Float32Array.of(-1, 0.2, 0.4, 3) },
    });
    expect(dtypeOfConstant(variant, 'scales')).toBe('fp32');
    expect(dtypeOfConstant(variant, 'hi')).toBe('fp16');
  });

  it('an output that nodes inside read as well, in both types', async () => {
    const model = buildModel({
      nodes: [node('Sigmoid', ['x'], ['y']), node('Relu', ['y'], ['z']), node('Exp', ['y'], ['w'])],
      inputs: [value('x', [3])],
      outputs: [value('y', [3]), value('z', [3]), value('w', [3])],
    });
    const { model: variant } = await expectClose(model, vector([1, -2, 3]));
    expect(new Set(variant.proto.graph.output.map(({ name }) => name))).toEqual(new Set(['y', 'z', 'w']));
  });

  it('integers too large for FP16 stay FP32, small ones and booleans do not', async () => {
    const model = (size: number) =>
      buildModel({
        nodes: [node('Cast', ['i'], ['f'], { to: 1 }), node('Mul', ['x', 'f'], ['y'])],
        inputs: [value('x', [2])],
        outputs: [value('y', [2])],
        initializers: [makeInt64('i', [1, size])],
      });
    const large = await expectClose(model(4099), vector([0.001, 0.001]));
    expect(decisionFor(large.decisions, 'Cast')?.reason).toMatch(/4099|unknown/);
  });

  it('values before rounding to integers stay FP32', async () => {
    const model = buildModel({
      nodes: [node('Mul', ['x', 'k'], ['a']), node('Floor', ['a'], ['y'])],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
      initializers: [floats('k', [1], [100.3])],
    });
    // 0.9999 · 100.3 = 100.29 floors to 100; in FP16 its rounding could cross an integer.
    const data = [0.99701, 1.99402, 5.98205];
    const reference = await run(encodeModel(model), vector(data));
    const { model: variant } = await convert(model, vector(data), { precision: 'fp16' });
    expect((await evaluate(variant, vector(data)))['y']!.data).toEqual(reference['y']!.data);
  });

  it('operators that are not ONNX standard, and sequences, are left alone', () => {
    const model = buildModel({
      nodes: [{ ...node('Custom', ['x'], ['a']), domain: 'vendor' }, node('Relu', ['a'], ['y'])],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
    });
    const { model: variant, decisions } = applyPlan(prepareModel(model), {
      precision: 'fp16',
      plan: noPlan,
      ranges: null,
      table: null,
    });
    expect(decisionFor(decisions, 'Custom')?.reason).toMatch(/not a standard ONNX operator/);
    // The type of `a` is not known, so nothing is guessed about Relu either.
    expect(nodesOf(variant, 'Cast')).toEqual([]);
  });

  it('folds the casts of a model that was mixed before', async () => {
    const model = buildModel({
      nodes: [
        node('Relu', ['x'], ['a']),
        node('Cast', ['a'], ['h'], { to: 10 }),
        node('Sigmoid', ['h'], ['s']),
        node('Cast', ['s'], ['f'], { to: 1 }),
        node('Tanh', ['f'], ['t']),
        node('Neg', ['t'], ['y']),
      ],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
    });
    const { model: variant } = await expectClose(model, vector([1, -2, 3]));
    expect(opTypes(variant)).toEqual(['Cast', 'Relu', 'Sigmoid', 'Tanh', 'Neg', 'Cast']);
  });
});
