import { describe, expect, it } from 'vitest';
import { fromFloat16, roundToBfloat16, toFloat16 } from '../../../extension/model/float16';
import { applyPlan } from '../../../extension/plan/applyPlan';
import { prepareModel } from '../../../extension/plan/prepareModel';
import { simulate } from '../../../extension/plan/simulate';
import { buildModel, encodeModel, floats, node, numbers, run, value } from '../model/buildModel';
import { convert, opTypes } from './planModels';

const model = () =>
  buildModel({
    nodes: [node('Mul', ['x', 'k'], ['a']), node('Reshape', ['a', 's'], ['b']), node('Add', ['b', 'k'], ['y'])],
    inputs: [value('x', [4])],
    outputs: [value('y', [4])],
    initializers: [floats('k', [4], [0.3, 1.7, -2.9, 100.3])],
  });
const feeds = { x: { dims: [4], data: numbers(4) } };

describe('simulate', () => {
  it('gives exactly what BF16 storage between FP32 computations gives', async () => {
    const parts = model();
    parts.proto.graph.node.splice(1, 1);
    parts.proto.graph.node[1]!.input[0] = 'a';
    const { model: variant } = await convert(parts, feeds, { precision: 'bf16' });
    const { model: simulated, simulated: is } = simulate(variant);
    expect(is).toBe(true);
    const results = await run(encodeModel(simulated), feeds);
    const round = roundToBfloat16;
    const k = [0.3, 1.7, -2.9, 100.3].map(round);
    const expected = Array.from(feeds.x.data, (x, i) => round(round(Math.fround(round(x) * k[i]!)) + k[i]!));
    expect(results['y']!.data).toEqual(expected);
  });

  it('rounds no second time behind nodes that only move values', async () => {
    const { model: variant } = await convert(
      buildModel({
        nodes: [node('Sigmoid', ['x'], ['a']), node('Transpose', ['a'], ['b']), node('Relu', ['b'], ['y'])],
        inputs: [value('x', [2, 2])],
        outputs: [value('y', [2, 2])],
      }),
      { x: { dims: [2, 2], data: numbers(4) } },
      { precision: 'bf16' },
    );
    expect(opTypes(simulate(variant).model)).toEqual(['Cast', 'Cast', 'Sigmoid', 'Cast', 'Cast', 'Transpose', 'Relu']);
  });

  it('returns FP16 and FP32 models as they are', async () => {
    for (const precision of ['fp32', 'fp16'] as const) {
      const parts = model();
      parts.proto.graph.node.splice(1, 1);
      parts.proto.graph.node[1]!.input[0] = 'a';
      const { model: variant } = await convert(parts, feeds, { precision });
      expect(simulate(variant)).toEqual({ model: variant, simulated: false });
    }
  });

  it('rounds FP16 between nodes where the runtime would not', async () => {
    const overflowing = buildModel({
      nodes: [node('Mul', ['x', 'k'], ['a']), node('Div', ['a', 'k'], ['y'])],
      inputs: [value('x', [2])],
      outputs: [value('y', [2])],
      initializers: [floats('k', [], [300])],
    });
    const x = { x: { dims: [2], data: Float32Array.of(300, 1.2345) } };
    // Without ranges nothing tells that 300 · 300 is too much.
    const request = { precision: 'fp16', plan: { keep: [], bindings: {} }, ranges: null, table: null } as const;
    const variant = applyPlan(prepareModel(overflowing), request).model;
    const { model: simulated, simulated: is } = simulate(variant, ['bf16', 'fp16']);
    expect(is).toBe(true);
    const round = (number: number) => fromFloat16(toFloat16(number));
    const second = round(round(round(1.2345) * 300) / 300);
    expect((await run(encodeModel(simulated), x))['y']!.data).toEqual([Infinity, second]);
  });
});
