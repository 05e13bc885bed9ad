/** If nodes whose answer is the same in every run: what is inlined, what stays, and that the numbers do not change. */
import { describe, expect, it } from 'vitest';
import { walkGraphs } from '../../../../extension/model/graphIndex';
import type { Model } from '../../../../extension/model/model';
import { attributeType, newAttribute, newGraph, type GraphProto } from '../../../../extension/model/onnx.generated';
import { makeInt64, makeTensor } from '../../../../extension/model/tensorValues';
import { validateModel } from '../../../../extension/model/validateModel';
import { prepareModel } from '../../../../extension/plan/prepareModel';
import { buildModel, encodeModel, floats, node, numbers, run, value } from '../../model/buildModel';

function choose(condition: string, outputs: string[], then_branch: GraphProto, else_branch: GraphProto) {
  const made = node('If', [condition], outputs);
  made.attribute = Object.entries({ then_branch, else_branch }).map(([name, g]) =>
    newAttribute({ name, type: attributeType.GRAPH, g }),
  );
  return made;
}

const branch = (
  name: string,
  nodes: GraphProto['node'],
  outputs: string[],
  initializer: GraphProto['initializer'] = [],
) => newGraph({ name, node: nodes, initializer, output: outputs.map((one) => value(one, null)) });

const flag = (answer: boolean) => makeTensor('c', { dtype: 'bool', dims: [], data: Uint8Array.of(Number(answer)) });

/** The prepared model, which must give what the original gives. */
async function prepared(model: Model, shape: number[]): Promise<string[]> {
  validateModel(model);
  const result = prepareModel(model);
  validateModel(result);
  const feeds = { x: { dims: shape, data: numbers(shape.reduce((a, b) => a * b, 1)) } };
  expect(await run(encodeModel(result), feeds)).toEqual(await run(encodeModel(model), feeds));
  return [...walkGraphs(result.proto.graph)].flatMap(({ node: nodes }) => nodes.map(({ opType }) => opType ?? ''));
}

describe('inlineBranches', () => {
  it.each([
    [true, ['Relu', 'Neg']],
    [false, ['Exp', 'Neg']],
  ])('a constant condition (%s): branches with equal names, and a name of the graph', async (answer, expected) => {
    const side = (opType: string) =>
      branch(opType, [node(opType, ['x'], ['r']), node('Add', ['r', 'k'], ['o'])], ['o'], [floats('k', [], [2])]);
    const model = buildModel({
      nodes: [
        choose('c', ['b'], side('Relu'), side('Exp')),
        node('Mul', ['b', 'o2'], ['m']),
        node('Neg', ['m'], ['y']),
      ],
      inputs: [value('x', [2, 3])],
      outputs: [value('y', null)],
      initializers: [flag(answer), floats('o2', [], [3])],
    });
    expect(await prepared(model, [2, 3])).toEqual([expected[0], 'Add', 'Mul', expected[1]]);
  });

  it('outputs of the If that are outputs of the graph, a captured tensor given out, and a branch of its own inside', async () => {
    const inner = choose(
      'c',
      ['i'],
      branch('it', [node('Relu', ['a'], ['r'])], ['r']),
      branch('ie', [node('Exp', ['a'], ['r'])], ['r']),
    );
    const outer = branch('t', [inner, node('Identity', ['a'], ['passed'])], ['i', 'passed']);
    const other = branch('e', [node('Neg', ['a'], ['n']), node('Neg', ['n'], ['p'])], ['n', 'p']);
    const model = buildModel({
      nodes: [node('Abs', ['x'], ['a']), choose('c', ['y', 'z'], outer, other)],
      inputs: [value('x', [4])],
      outputs: [value('y', null), value('z', null)],
      initializers: [flag(true)],
    });
    expect(await prepared(model, [4])).toEqual(['Abs', 'Relu']);
  });

  const squeezing = (axis: number, shape: (number | string)[], then = node('Squeeze', ['p', 'axes'], ['q'])) =>
    buildModel({
      nodes: [
        node('Conv', ['x', 'w'], ['f'], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
        node('GlobalAveragePool', ['f'], ['p']),
        node('Shape', ['p'], ['s']),
        node('Gather', ['s', 'axis'], ['size'], { axis: 0 }),
        node('Equal', ['size', 'one'], ['c']),
        choose('c', ['y'], branch('t', [then], ['q']), branch('e', [node('Identity', ['p'], ['q'])], ['q'])),
      ],
      inputs: [value('x', shape)],
      outputs: [value('y', null)],
      initializers: [
        floats('w', [5, 3, 3, 3], numbers(135)),
        makeInt64('axis', [axis], []),
        makeInt64('one', [1], []),
        makeInt64('axes', [axis]),
      ],
    });

  it('a scripted squeeze: the size of an axis is fixed although the batch is free', async () => {
    const model = squeezing(2, ['batch', 3, 6, 6]);
    expect(await prepared(model, [2, 3, 6, 6])).toEqual(['Conv', 'GlobalAveragePool', 'Squeeze']);
  });

  it('the other way round where the size is another one', async () => {
    const model = squeezing(1, ['batch', 3, 6, 6], node('Neg', ['p'], ['q']));
    expect(await prepared(model, [2, 3, 6, 6])).toEqual(['Conv', 'GlobalAveragePool']);
  });

  it('stays where the size is free', async () => {
    const model = squeezing(0, ['batch', 3, 6, 6]);
    expect(await prepared(model, [2, 3, 6, 6])).toContain('If');
  });

  it('a rank check', async () => {
    const model = buildModel({
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Size', ['s'], ['rank']),
        node('Equal', ['rank', 'four'], ['isMap']),
        node('Not', ['isMap'], ['c']),
        choose(
          'c',
          ['y'],
          branch('t', [node('Exp', ['x'], ['q'])], ['q']),
          branch('e', [node('Relu', ['x'], ['q'])], ['q']),
        ),
      ],
      inputs: [value('x', ['batch', 3, 'h', 'w'])],
      outputs: [value('y', null)],
      initializers: [makeInt64('four', [4], [])],
    });
    expect(await prepared(model, [1, 3, 2, 2])).toEqual(['Relu']);
  });

  it('what a Loop carries may change its size: a condition on it stays', async () => {
    const grow = newGraph({
      name: 'grow',
      node: [
        node('Shape', ['s'], ['sizes']),
        node('Equal', ['sizes', 'two'], ['small']),
        choose(
          'small',
          ['picked'],
          branch('t', [node('Concat', ['s', 's'], ['q'], { axis: 0 })], ['q']),
          branch('e', [node('Neg', ['s'], ['q'])], ['q']),
        ),
      ],
      input: [value('i', [], 'int64'), value('going', [], 'bool'), value('s', null)],
      output: [value('going', [], 'bool'), value('picked', null)],
    });
    const repeat = node('Loop', ['trips', '', 'x'], ['y']);
    repeat.attribute = [newAttribute({ name: 'body', type: attributeType.GRAPH, g: grow })];
    const model = buildModel({
      nodes: [repeat],
      inputs: [value('x', [2])],
      outputs: [value('y', null)],
      initializers: [makeInt64('trips', [3], []), makeInt64('two', [2])],
    });
    expect(await prepared(model, [2])).toContain('If');
  });
});
