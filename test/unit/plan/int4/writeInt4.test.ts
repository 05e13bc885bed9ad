import { describe, expect, it } from 'vitest';
import { getInt } from '../../../../extension/model/attributes';
import { unpackInt4 } from '../../../../extension/model/int4';
import type { Model } from '../../../../extension/model/model';
import { dataType } from '../../../../extension/model/onnx.generated';
import { readTensor } from '../../../../extension/model/tensorValues';
import { applyPlan } from '../../../../extension/plan/applyPlan';
import { explainPlan } from '../../../../extension/plan/explainPlan';
import { prepareModel } from '../../../../extension/plan/prepareModel';
import { scaleTargets } from '../../../../extension/plan/scaleTargets';
import { simulate } from '../../../../extension/plan/simulate';
import { quantizedFormFaults } from '../../../support/quantizedForm';
import {
  buildModel,
  encodeModel,
  floats,
  node,
  numbers,
  run,
  value,
  type AttributeValue,
} from '../../model/buildModel';
import { convert, decisionFor, noise, nodesOf, noPlan, opTypes, relativeError, type Feeds } from '../planModels';

const count = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);
const weight = (name: string, dims: readonly number[], seed = 1) =>
  floats(
    name,
    dims,
    noise(count(dims), seed).map((v) => v / 8),
  );

/** y = x · w, with w as the dimensions say. */
function product(dims: readonly number[], input: readonly number[], opset = 22): Model {
  return buildModel({
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    inputs: [value('x', input)],
    outputs: [value('y', null)],
    initializers: [weight('w', dims)],
    opset,
  });
}

function gemm(attributes: Record<string, AttributeValue>, dims: readonly number[], bias = true): Model {
  const turned = attributes['transA'] === 1;
  return buildModel({
    nodes: [node('Gemm', bias ? ['x', 'w', 'b'] : ['x', 'w'], ['y'], attributes)],
    inputs: [value('x', turned ? [128, 3] : [3, 128])],
    outputs: [value('y', [3, 64])],
    initializers: [weight('w', dims), ...(bias ? [floats('b', [64], numbers(64))] : [])],
  });
}

const feed = (dims: readonly number[], seed = 7): Feeds => ({ x: { dims: [...dims], data: noise(count(dims), seed) } });

const stored = (model: Model, name: string | undefined) =>
  model.proto.graph.initializer.find((tensor) => tensor.name === name)!;

async function outputs(model: Model, feeds: Feeds) {
  return (await run(encodeModel(model), feeds))['y']!.data;
}

/** INT4 of a model whose form holds and whose result is near FP32's; in ONNX Runtime as written, and simulated. */
async function converted(model: Model, feeds: Feeds, int4Block = 128) {
  const result = await convert(model, feeds, { precision: 'int4', int4Block });
  expect(quantizedFormFaults(result.model, result.prepared)).toEqual([]);
  const reference = await outputs(model, feeds);
  expect(relativeError(reference, await outputs(result.model, feeds))).toBeLessThan(0.12);
  expect(relativeError(reference, await outputs(simulate(result.model, ['bf16', 'fp16']).model, feeds))).toBeLessThan(
    0.12,
  );
  return result;
}

describe('INT4 weights', () => {
  it.each([
    [128, 128, [2, 64]],
    [64, 64, [4, 64]],
  ])('stand packed behind a DequantizeLinear with blocks of %i along K', async (asked, block, scaleDims) => {
    const { model, decisions, warnings } = await converted(product([256, 64], [2, 256]), feed([2, 256]), asked);
    const [dequantize, ...others] = nodesOf(model, 'DequantizeLinear');
    expect(others).toEqual([]);
    expect([getInt(dequantize!, 'block_size', 0), getInt(dequantize!, 'axis', -9)]).toEqual([block, 0]);
    const values = stored(model, dequantize!.input[0]);
    const scales = stored(model, dequantize!.input[1]);
    expect([values.dataType, [...values.dims]]).toEqual([dataType.INT4, [256, 64]]);
    expect([scales.dataType, [...scales.dims]]).toEqual([dataType.FLOAT16, scaleDims]);
    expect(readTensor(values, model).data.length).toBe((256 * 64) / 2);
    expect(model.proto.graph.initializer).toHaveLength(2);
    expect({ decisions, warnings }).toEqual({ decisions: [], warnings: [] });
  });

  it('take the smaller block where the larger does not divide the depth', async () => {
    const { model } = await converted(product([192, 64], [2, 192]), feed([2, 192]));
    expect(getInt(nodesOf(model, 'DequantizeLinear')[0]!, 'block_size', 0)).toBe(64);
  });

  it('of stacked matrices are cut along the last axis but one', async () => {
    const { model } = await converted(product([3, 128, 66], [3, 2, 128]), feed([3, 2, 128]));
    const [dequantize] = nodesOf(model, 'DequantizeLinear');
    expect(getInt(dequantize!, 'axis', 0)).toBe(1);
    expect([...stored(model, dequantize!.input[1]).dims]).toEqual([3, 1, 66]);
  });

  it('need opset 21, which the preparation raises an older model to', async () => {
    await converted(product([128, 64], [2, 128], 13), feed([2, 128]));
    const old = prepareModel(product([128, 64], [2, 128], 13), { opset: 17 });
    const request = { precision: 'int4', plan: noPlan, ranges: null, table: null } as const;
    expect(() => applyPlan(old, request)).toThrow(/int4 needs opset 21; the model has 17/);
  });

  it.each<[string, Record<string, AttributeValue>, readonly number[], string[]]>([
    ['plain', {}, [128, 64], ['DequantizeLinear', 'MatMul', 'Add']],
    ['transB', { transB: 1 }, [64, 128], ['DequantizeLinear', 'MatMul', 'Add']],
    ['transA', { transA: 1 }, [128, 64], ['DequantizeLinear', 'Transpose', 'MatMul', 'Add']],
    ['alpha', { alpha: { float: 0.5 } }, [128, 64], ['DequantizeLinear', 'MatMul', 'Add']],
    ['beta', { beta: { float: -2 } }, [128, 64], ['DequantizeLinear', 'Mul', 'MatMul', 'Add']],
    ['beta of zero', { beta: { float: 0 } }, [128, 64], ['DequantizeLinear', 'MatMul']],
  ])('of a Gemm, %s, belong to a MatMul with its bias behind', async (_, attributes, dims, expected) => {
    const model = gemm(attributes, dims);
    const input = attributes['transA'] === 1 ? [128, 3] : [3, 128];
    const result = await converted(model, feed(input));
    expect(opTypes(result.model).filter((type) => type !== 'Cast')).toEqual(expected);
  });

  it('of a Gemm without bias need no Add', async () => {
    const { model } = await converted(gemm({ transB: 1 }, [64, 128], false), feed([3, 128]));
    expect(opTypes(model)).not.toContain('Add');
  });

  it('of a Gemm with transB are those of the turned matrix', async () => {
    const source = weight('w', [64, 128]);
    const { data } = readTensor(source, { path: '' });
    const turned = floats(
      'w',
      [128, 64],
      Array.from({ length: 8192 }, (_, i) => data[(i % 64) * 128 + Math.floor(i / 64)] as number),
    );
    const written = async (dims: number[], tensor: typeof source, attributes: Record<string, AttributeValue>) => {
      const model = gemm(attributes, dims);
      model.proto.graph.initializer[0] = tensor;
      const result = await converted(model, feed([3, 128]));
      return unpackInt4(
        readTensor(stored(result.model, nodesOf(result.model, 'DequantizeLinear')[0]!.input[0]), result.model)
          .data as Uint8Array,
        8192,
      );
    };
    expect(await written([64, 128], source, { transB: 1 })).toEqual(await written([128, 64], turned, {}));
  });

  it('that two products read are stored once, with scales for each', async () => {
    const model = buildModel({
      nodes: [node('MatMul', ['x', 'w'], ['h']), node('Relu', ['h'], ['r']), node('MatMul', ['r', 'w'], ['y'])],
      inputs: [value('x', [2, 128])],
      outputs: [value('y', null)],
      initializers: [weight('w', [128, 128])],
    });
    const { model: written } = await converted(model, feed([2, 128]));
    const packed = written.proto.graph.initializer.filter((tensor) => tensor.dataType === dataType.INT4);
    expect(packed).toHaveLength(1);
    expect(nodesOf(written, 'DequantizeLinear').map(({ input }) => input[0])).toEqual([
      packed[0]!.name,
      packed[0]!.name,
    ]);
  });

  it('leave an embedding that is also a weight to its Gather', () => {
    const model = buildModel({
      nodes: [node('Gather', ['w', 'i'], ['h']), node('MatMul', ['h', 'w'], ['y'])],
      inputs: [value('i', [2], 'int64')],
      outputs: [value('y', null)],
      initializers: [weight('w', [128, 128])],
    });
    const prepared = prepareModel(model);
    const { model: written } = applyPlan(prepared, { precision: 'int4', plan: noPlan, ranges: null, table: null });
    expect(quantizedFormFaults(written, prepared)).toEqual([]);
    const [gather] = nodesOf(written, 'Gather');
    expect(stored(written, gather!.input[0]).dataType).toBe(dataType.FLOAT16);
    expect(nodesOf(written, 'DequantizeLinear')).toHaveLength(1);
  });

  it('need neither data nor scales of activations', () => {
    const prepared = prepareModel(product([128, 64], [2, 128]));
    expect(scaleTargets(prepared, { precision: 'int4', plan: noPlan, ranges: null })).toEqual([]);
    const { warnings } = applyPlan(prepared, { precision: 'int4', plan: noPlan, ranges: null, table: null });
    expect(warnings).toEqual([]);
  });

  it.each<[string, readonly number[], RegExp]>([
    ['a shallow matrix', [32, 64], /is too small \(32 × 64\) to gain from INT4/],
    ['a narrow matrix', [128, 10], /is too small \(128 × 10\) to gain from INT4/],
    ['an odd number of columns', [128, 65], /has 65 columns; INT4 packs two to a byte/],
    ['a depth without blocks', [100, 64], /its depth of 100 cannot be cut into blocks of 64/],
    ['a vector', [128], /multiplies by a vector/],
  ])('are not made of %s, and the report says why', async (_, dims, reason) => {
    const input = [2, dims[0]!];
    const { model, decisions, warnings } = await convert(product(dims, input), feed(input), { precision: 'int4' });
    expect(nodesOf(model, 'DequantizeLinear')).toEqual([]);
    expect(decisionFor(decisions, 'MatMul')).toMatchObject({
      precision: 'fp16',
      reason: expect.stringMatching(reason) as string,
    });
    expect(warnings).toEqual(['No layer of this model could be written in int4.']);
  });

  it('are not made of activations, of a constant on the left, or where a value is not finite', async () => {
    const reasonOf = async (model: Model, feeds: Feeds) =>
      decisionFor((await convert(model, feeds, { precision: 'int4' })).decisions, 'MatMul')?.reason;
    const square = feed([128, 128]);
    const parts = { inputs: [value('x', [128, 128])], outputs: [value('y', null)] };
    const attention = buildModel({ nodes: [node('MatMul', ['x', 'x'], ['y'])], ...parts });
    expect(await reasonOf(attention, square)).toBe('multiplies two activations and has no weights');
    const initializers = [weight('w', [128, 128])];
    const left = buildModel({ nodes: [node('MatMul', ['w', 'x'], ['y'])], ...parts, initializers });
    expect(await reasonOf(left, square)).toBe('its constant is on the left');
    const broken = floats('w', [128, 128], noise(128 * 128).fill(NaN, 5, 6));
    const nan = buildModel({ nodes: [node('MatMul', ['x', 'w'], ['y'])], ...parts, initializers: [broken] });
    expect(await reasonOf(nan, square)).toBe('its weights are not all finite');
  });

  it('follow a keep rule, and what stays FP32 stays whole', async () => {
    const plan = { keep: [{ match: 'OP:MatMul', precision: 'fp16' as const }], bindings: {} };
    const model = product([128, 64], [2, 128]);
    const kept = await convert(model, feed([2, 128]), { precision: 'int4', plan });
    expect(nodesOf(kept.model, 'DequantizeLinear')).toEqual([]);
    expect(kept.decisions[0]?.reason).toBe('kept in fp16 by the rule "OP:MatMul"');
    const large = feed([2, 128]);
    large['x']!.data.fill(60_000);
    const wide = await convert(model, large, { precision: 'int4' });
    expect(nodesOf(wide.model, 'DequantizeLinear')).toEqual([]);
    expect(wide.decisions[0]).toMatchObject({
      precision: 'fp32',
      reason: expect.stringContaining('FP16 ends at') as string,
    });
  });

  it('are explained before any data was seen', () => {
    const prepared = prepareModel(product([192, 64], [2, 192]));
    expect(explainPlan(prepared, 'int4')).toMatchObject([
      { opType: 'MatMul', precision: 'int4', reason: 'reads weights of 4 bits in blocks of 64' },
    ]);
    const small = prepareModel(product([100, 64], [2, 100]));
    expect(explainPlan(small, 'int4')).toMatchObject([
      { precision: 'fp16', reason: expect.stringContaining('depth of 100') as string },
    ]);
  });
});
