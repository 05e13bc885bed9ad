/** Reduced precision inside bodies of If, Loop and Scan: decisions, casts, constants, and the numbers that come out. */
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../extension/contract/report';
import { getGraph } from '../../../extension/model/attributes';
import { dtypeOf } from '../../../extension/model/dtype';
import { flatGraph } from '../../../extension/model/flatGraph';
import type { Model } from '../../../extension/model/model';
import { attributeType, newAttribute, newGraph, type GraphProto } from '../../../extension/model/onnx.generated';
import { makeInt64 } from '../../../extension/model/tensorValues';
import { validateModel } from '../../../extension/model/validateModel';
import { applyPlan } from '../../../extension/plan/applyPlan';
import { explainPlan } from '../../../extension/plan/explainPlan';
import { prepareModel } from '../../../extension/plan/prepareModel';
import { buildModel, encodeModel, floats, node, run, value } from '../model/buildModel';
import { castTargets, convert, evaluate, noise, noPlan, relativeError, type Feeds } from './planModels';

const x = { x: { dims: [2, 4], data: noise(8) } };
const square = (name: string, seed: number) => floats(name, [4, 4], noise(16, seed));

function carrying(opType: string, inputs: string[], outputs: string[], bodies: Record<string, GraphProto>, scans = 0) {
  const made = node(opType, inputs, outputs, opType === 'Scan' ? { num_scan_inputs: scans } : {});
  for (const [name, g] of Object.entries(bodies)) {
    made.attribute.push(newAttribute({ name, type: attributeType.GRAPH, g }));
  }
  return made;
}

/** An If on the data: the largest element of x above zero, which it is. */
function choosing(outputs: string[], then_branch: GraphProto, else_branch: GraphProto) {
  return [
    node('ReduceMax', ['x'], ['largest'], { keepdims: 0 }),
    node('Greater', ['largest', 'zero'], ['c']),
    carrying('If', ['c'], outputs, { then_branch, else_branch }),
  ];
}

function body(name: string, nodes: GraphProto['node'], output: string[], input: GraphProto['input'] = []): GraphProto {
  return newGraph({ name, node: nodes, input, output: output.map((one) => value(one, null)) });
}

function built(
  nodes: GraphProto['node'],
  initializers: GraphProto['initializer'],
  outputs = [value('y', null)],
): Model {
  return buildModel({
    nodes,
    inputs: [value('x', [2, 4])],
    outputs,
    initializers: [floats('zero', [], [0]), ...initializers],
  });
}

/** Converts to FP16 and holds the result to FP32; ranges are those of the outer graph. */
async function converted(model: Model, feeds: Feeds = x) {
  const reference = await run(encodeModel(model), feeds);
  const result = await convert(model, feeds, { precision: 'fp16' });
  const actual = await evaluate(result.model, feeds);
  for (const [name, { type, dims, data }] of Object.entries(reference)) {
    expect(actual[name]).toMatchObject({ type, dims });
    expect(relativeError(data, actual[name]!.data), name).toBeLessThan(3e-3);
  }
  return result;
}

function bodyOf(model: Model, attribute: string): GraphProto {
  const carrier = model.proto.graph.node.find(({ attribute: all }) => all.some(({ name }) => name === attribute))!;
  return getGraph(carrier, attribute)!;
}

/** Operator and reason of all decisions but those for what computes the condition of `choosing`. */
const beyondCondition = (decisions: readonly Decision[]) =>
  decisions
    .filter(({ opType }) => opType !== 'ReduceMax' && opType !== 'Greater')
    .map(({ opType, reason }) => [opType, reason]);

const typesOfConstants = (graph: GraphProto) =>
  Object.fromEntries(graph.initializer.map(({ name, dataType }): [string, string] => [name ?? '', dtypeOf(dataType)]));

describe('bodies of If, Loop and Scan in FP16', () => {
  it('branches that use the same names compute in FP16 and give out FP32', async () => {
    const branch = (name: string, weight: string) =>
      body(name, [node('MatMul', ['x', weight], ['t']), node('Relu', ['t'], ['r'])], ['r']);
    const model = built(
      [...choosing(['b'], branch('t', 'v'), branch('e', 'w')), node('Relu', ['b'], ['y'])],
      [square('v', 1), square('w', 2)],
    );
    const { model: written, decisions } = await converted(model);
    expect(typesOfConstants(written.proto.graph)).toMatchObject({ v: 'fp16', w: 'fp16' });
    for (const name of ['then_branch', 'else_branch']) {
      const graph = bodyOf(written, name);
      expect(castTargets(graph)).toEqual(['fp32']);
      expect(graph.node.at(-1)!.output).toEqual([graph.output[0]!.name]);
    }
    expect(beyondCondition(decisions)).toEqual([['If', 'If hands tensors to its bodies and back in FP32']]);
  });

  it('a captured tensor is cast once, for all bodies and the graph around them', async () => {
    const branch = (name: string) => body(name, [node('MatMul', ['x', 'w'], [`${name}_r`])], [`${name}_r`]);
    const model = built(
      [node('MatMul', ['x', 'w'], ['a']), ...choosing(['b'], branch('t'), branch('e')), node('Add', ['a', 'b'], ['y'])],
      [square('w', 1)],
    );
    const { model: written } = await converted(model);
    const casts = flatGraph(written.proto.graph).node.filter(
      ({ opType, input }) => opType === 'Cast' && input[0] === 'x',
    );
    expect(casts).toHaveLength(1);
    expect(typesOfConstants(written.proto.graph)).toMatchObject({ w: 'fp16' });
    expect(written.proto.graph.initializer.filter(({ name }) => name?.startsWith('w'))).toHaveLength(1);
  });

  it('what the graph has in FP16 is read inside as it is', async () => {
    const branch = (name: string) => body(name, [node('MatMul', ['a', 'v'], [`${name}_r`])], [`${name}_r`]);
    const model = built(
      [node('MatMul', ['x', 'w'], ['a']), ...choosing(['y'], branch('t'), branch('e'))],
      [square('v', 1), square('w', 2)],
    );
    const { model: written } = await converted(model);
    expect(bodyOf(written, 'then_branch').node.map(({ opType }) => opType)).toEqual(['MatMul', 'Cast']);
    expect(castTargets(written.proto.graph)).toEqual(['fp16']);
  });

  it('a captured tensor that a branch gives out as it is gets its cast inside', () => {
    const pass = newGraph({ name: 'pass', output: [value('a', null)] });
    const model = built(
      [
        node('MatMul', ['x', 'w'], ['a']),
        ...choosing(['b'], pass, body('e', [node('MatMul', ['a', 'w'], ['r'])], ['r'])),
        node('Relu', ['b'], ['y']),
      ],
      [square('w', 1)],
    );
    const prepared = prepareModel(model);
    const { model: written } = applyPlan(prepared, { precision: 'fp16', plan: noPlan, ranges: null, table: null });
    validateModel(written);
    const branch = bodyOf(written, 'then_branch');
    expect(branch.node.map(({ opType, input }) => [opType, ...input])).toEqual([['Cast', 'a']]);
    expect(branch.output[0]!.name).toBe(branch.node[0]!.output[0]);
  });

  const loop = (nodes: GraphProto['node'], outputs: string[]) =>
    newGraph({
      name: 'loop',
      node: nodes,
      input: [value('i', [], 'int64'), value('going', [], 'bool'), value('s', [2, 4]), value('same', [2, 4])],
      output: [value('going', [], 'bool'), ...outputs.map((name) => value(name, null))],
    });

  it('a Loop: the state adds up in FP32, the product inside is FP16, an input is passed on, results are stacked', async () => {
    const inner = loop(
      [
        node('MatMul', ['s', 'w'], ['p']),
        node('Tanh', ['p'], ['h']),
        node('Add', ['s', 'h'], ['next']),
        node('Clip', ['h', '', 'half'], ['kept']),
      ],
      ['next', 'same', 'kept'],
    );
    const model = built(
      [carrying('Loop', ['trips', '', 'x', 'x'], ['y', 'z', 'all'], { body: inner })],
      [square('w', 1), makeInt64('trips', [3], []), floats('half', [], [0.5])],
      [value('y', null), value('z', null), value('all', null)],
    );
    const { model: written, decisions } = await converted(model);
    expect(typesOfConstants(written.proto.graph)).toMatchObject({ w: 'fp16', half: 'fp16' });
    expect(decisions.map(({ opType, reason }) => [opType, reason])).toEqual([
      ['Add', 'adds to what is carried from one iteration to the next, where rounding adds up'],
      ['Loop', 'Loop hands tensors to its bodies and back in FP32'],
    ]);
    expect(bodyOf(written, 'body').output.map(({ name }) => name)[2]).toBe('same');
  });

  it('what only moves values from one FP32 interface to another is not rounded on the way', async () => {
    const inner = loop(
      [node('MatMul', ['s', 'w'], ['p']), node('Tanh', ['p'], ['next']), node('Flatten', ['same'], ['moved'])],
      ['next', 'same', 'moved'],
    );
    const model = built(
      [carrying('Loop', ['trips', '', 'x', 'x'], ['y', 'z', 'all'], { body: inner })],
      [square('w', 1), makeInt64('trips', [2], [])],
      [value('y', null), value('z', null), value('all', null)],
    );
    const { model: written, decisions } = await converted(model);
    expect(castTargets(bodyOf(written, 'body'))).toEqual(['fp16', 'fp32']);
    expect(decisions.find(({ opType }) => opType === 'Flatten')?.reason).toBe('lies between nodes that stay FP32');
  });

  it('a Scan body without products has nothing to gain: no cast in it', async () => {
    const inner = newGraph({
      name: 'scan',
      node: [node('Mul', ['e', 'k'], ['p']), node('Sigmoid', ['p'], ['o']), node('Add', ['o', 's'], ['next'])],
      input: [value('s', [4]), value('e', [4])],
      output: [value('next', [4]), value('o', [4])],
    });
    const model = built(
      [node('MatMul', ['x', 'w'], ['a']), carrying('Scan', ['start', 'a'], ['last', 'y'], { body: inner }, 1)],
      [square('w', 1), floats('start', [4], [1, 2, 3, 4]), floats('k', [4], [1, 2, 3, 4])],
      [value('y', null), value('last', null)],
    );
    const { model: written, decisions } = await converted(model);
    expect(castTargets(bodyOf(written, 'body'))).toEqual([]);
    expect(castTargets(written.proto.graph)).toEqual(['fp16', 'fp32']);
    const idle = 'runs in every iteration of a body without matrix products or convolutions';
    expect(decisions.map(({ reason }) => reason)).toEqual([
      idle,
      idle,
      idle,
      'Scan hands tensors to its bodies and back in FP32',
    ]);
  });

  it('an If inside a Loop reads the state, tensors of the graph and what the Loop made', async () => {
    const branch = (name: string, weight: string, other: string) =>
      body(name, [node('MatMul', [other, weight], ['t']), node('Tanh', ['t'], ['r'])], ['r']);
    const inner = loop(
      [
        node('MatMul', ['s', 'w'], ['p']),
        node('ReduceMax', ['p'], ['m'], { keepdims: 0 }),
        node('Greater', ['m', 'zero'], ['positive']),
        carrying('If', ['positive'], ['chosen'], {
          then_branch: branch('t', 'w', 's'),
          else_branch: branch('e', 'v', 'a'),
        }),
        node('Add', ['p', 'chosen'], ['next']),
      ],
      ['next', 'same'],
    );
    const model = built(
      [node('MatMul', ['x', 'v'], ['a']), carrying('Loop', ['trips', '', 'a', 'a'], ['y', 'z'], { body: inner })],
      [square('v', 3), square('w', 1), makeInt64('trips', [2], [])],
      [value('y', null), value('z', null)],
    );
    const { model: written } = await converted(model);
    const nodes = flatGraph(written.proto.graph).node;
    expect(nodes.filter(({ opType }) => opType === 'MatMul')).toHaveLength(4);
    expect(typesOfConstants(written.proto.graph)).toMatchObject({ v: 'fp16', w: 'fp16' });
  });

  it('a Scan: state, slices and results are FP32 outside, products inside FP16', async () => {
    const inner = newGraph({
      name: 'scan',
      node: [
        node('MatMul', ['e', 'w'], ['p']),
        node('Sigmoid', ['p'], ['g']),
        node('Mul', ['g', 's'], ['next']),
        node('MatMul', ['g', 'w'], ['o']),
      ],
      input: [value('s', [4]), value('e', [4])],
      output: [value('next', [4]), value('o', [4])],
    });
    const model = built(
      [carrying('Scan', ['start', 'x'], ['last', 'y'], { body: inner }, 1)],
      [square('w', 1), floats('start', [4], [1, 2, 3, 4])],
      [value('y', null), value('last', null)],
    );
    const { model: written, decisions } = await converted(model);
    expect(typesOfConstants(written.proto.graph)).toMatchObject({ w: 'fp16', start: 'fp32' });
    expect(decisions.map(({ opType }) => opType)).toEqual(['Mul', 'Scan']);
  });

  it('without ranges of a body, what can leave FP16 stays, and the report says what was decided unseen', async () => {
    const branch = (name: string) =>
      body(
        name,
        [
          node('MatMul', ['x', 'w'], ['t']),
          node('Mul', ['t', 't2'], ['p']),
          node('Relu', ['p'], ['q']),
          node('Tanh', ['q'], ['u']),
          node('MatMul', ['u', 'w'], ['r']),
        ],
        ['r'],
      );
    const model = built(
      [node('MatMul', ['x', 'w'], ['t2']), ...choosing(['y'], branch('t'), branch('e'))],
      [square('w', 1)],
    );
    const { decisions, warnings } = await converted(model);
    expect(beyondCondition(decisions).filter(([opType]) => opType !== 'If')).toEqual(
      Array.from({ length: 2 }, () => [
        ['Mul', 'multiplies two computed values, and its values were not seen'],
        [
          'Relu',
          expect.stringMatching(/^reads p\w*, which may be beyond FP16, and its values were not seen$/) as string,
        ],
        ['Tanh', expect.stringMatching(/^reads q\w*, which may be beyond FP16/) as string],
      ]).flat(),
    );
    expect(warnings).toEqual([
      expect.stringMatching(/^MatMul_t and 3 more inside If, Loop or Scan bodies: in fp16 although/),
    ]);
  });

  it('a rule that keeps a Loop in FP32 keeps its body, but for nodes with a rule of their own', async () => {
    const inner = loop(
      [node('MatMul', ['s', 'w'], ['p']), node('Tanh', ['p'], ['h']), node('MatMul', ['h', 'w'], ['next'])],
      ['next', 'same'],
    );
    const model = built(
      [carrying('Loop', ['trips', '', 'x', 'x'], ['y', 'z'], { body: inner })],
      [square('w', 1), makeInt64('trips', [3], [])],
      [value('y', null), value('z', null)],
    );
    const keep = [
      { match: 'OP:Loop', precision: 'fp32' as const },
      { match: 'MatMul_p', precision: 'fp16' as const },
    ];
    const { decisions, warnings } = await convert(model, x, { precision: 'fp16', plan: { ...noPlan, keep } });
    expect(warnings).toEqual([]);
    expect(decisions.map(({ node: name, reason }) => [name, reason])).toEqual([
      ['Tanh_h', 'kept in fp32 by the rule "OP:Loop"'],
      ['MatMul_next', 'kept in fp32 by the rule "OP:Loop"'],
      ['Loop_y', 'kept in fp32 by the rule "OP:Loop"'],
    ]);
  });

  it('INT8: layers in a body compute in FP16, and say why', async () => {
    const weights = floats('w', [32, 32], noise(1024));
    const branch = (name: string) => body(name, [node('MatMul', ['x', 'w'], [`${name}_r`])], [`${name}_r`]);
    const model = buildModel({
      nodes: [...choosing(['b'], branch('t'), branch('e')), node('MatMul', ['b', 'w'], ['y'])],
      inputs: [value('x', [8, 32])],
      outputs: [value('y', null)],
      initializers: [floats('zero', [], [0]), weights],
    });
    const feeds = { x: { dims: [8, 32], data: noise(256) } };
    const { decisions, model: written } = await convert(model, feeds, { precision: 'int8' });
    expect(written.proto.graph.node.filter(({ opType }) => opType === 'QuantizeLinear')).toHaveLength(1);
    const [reference, actual] = [await run(encodeModel(model), feeds), await evaluate(written, feeds)];
    expect(relativeError(reference['y']!.data, actual['y']!.data)).toBeLessThan(0.03);
    expect(decisions.filter(({ opType }) => opType === 'MatMul')).toEqual(
      ['t', 'e'].map((name) => ({
        node: `MatMul_${name}_r`,
        opType: 'MatMul',
        precision: 'fp16',
        reason: 'lies in a body of If_b (If), where no layer is quantized',
      })),
    );
  });

  it('inspect explains the nodes of bodies', () => {
    const branch = (name: string) => body(name, [node('Exp', ['x'], [`${name}_r`])], [`${name}_r`]);
    const prepared = prepareModel(built(choosing(['y'], branch('t'), branch('e')), []));
    const explained = explainPlan(prepared, 'fp16').map(({ node: name, precision }) => [name, precision]);
    expect(explained).toEqual([
      ['ReduceMax_largest', 'fp32'],
      ['Greater_c', 'fp32'],
      ['Exp_t_r', 'fp32'],
      ['Exp_e_r', 'fp32'],
      ['If_y', 'fp32'],
    ]);
  });
});
