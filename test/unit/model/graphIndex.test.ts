import { describe, expect, it } from 'vitest';
import {
  getFloat,
  getInt,
  getInts,
  getString,
  hasAttribute,
  removeAttribute,
  setInt,
  setInts,
} from '../../../extension/model/attributes';
import { cloneModel } from '../../../extension/model/cloneModel';
import {
  capturedTensors,
  freeTensors,
  GraphIndex,
  topologicalSort,
  walkGraphs,
} from '../../../extension/model/graphIndex';
import { graphInputs, graphOutputs, modelCard } from '../../../extension/model/modelCard';
import { attributeType, newAttribute, newGraph, newType, newValueInfo } from '../../../extension/model/onnx.generated';
import { buildModel, encodeModel, floats, node, temporaryFolder, value, writeFile } from './buildModel';

function nested() {
  const innermost = newGraph({ name: 'in', node: [node('Add', ['deep', 'w'], ['r'])], output: [value('r', null)] });
  const inner = node('If', ['c'], ['q']);
  inner.attribute.push(newAttribute({ name: 'then_branch', type: attributeType.GRAPH, g: innermost }));
  const body = newGraph({
    name: 'body',
    node: [node('Relu', ['t'], ['deep']), inner],
    output: [value('q', null)],
  });
  const outer = node('If', ['c'], ['y']);
  outer.attribute.push(newAttribute({ name: 'then_branch', type: attributeType.GRAPH, g: body }));
  return buildModel({
    nodes: [node('Mul', ['x', 'x'], ['t']), node('Add', ['t', 'w'], ['u']), outer],
    inputs: [value('x', ['n', 4]), value('c', [], 'bool')],
    outputs: [value('y', null), value('u', [null as never, 4])],
    initializers: [floats('w', [4], [1, 2, 3, 4])],
  });
}

describe('GraphIndex', () => {
  const { graph } = nested().proto;
  const index = new GraphIndex(graph);

  it('knows producers, consumers and constants', () => {
    expect(index.producer('t')).toBe(graph.node[0]);
    expect(index.producer('x')).toBeUndefined();
    expect(index.consumers('x').map((use) => use.inputIndex)).toEqual([0, 1]);
    expect(index.consumers('deep')).toEqual([]);
    expect(index.initializer('w')).toBe(graph.initializer[0]);
    expect([index.isGraphInput('x'), index.isGraphOutput('u'), index.isGraphOutput('x')]).toEqual([true, true, false]);
  });

  it('sees what subgraphs capture, however deep', () => {
    expect(index.outerUses('t')).toEqual([graph.node[2]]);
    expect(index.outerUses('w')).toEqual([graph.node[2]]);
    expect(index.outerUses('deep')).toEqual([]);
    expect([...capturedTensors(graph.node[2]!)].sort()).toEqual(['c', 't', 'w']);
    expect(freeTensors(graph)).toEqual(new Set());
    expect([...walkGraphs(graph)].map((one) => one.name)).toEqual(['test', 'body', 'in']);
  });

  it('gives names that are taken nowhere, not even inside', () => {
    expect(index.uniqueName('fresh')).toBe('fresh');
    expect(index.uniqueName('fresh')).toBe('fresh_1');
    expect(index.uniqueName('deep')).toBe('deep_1');
    expect(index.uniqueName('Relu_deep')).toBe('Relu_deep_1');
  });
});

describe('topologicalSort', () => {
  it('keeps a right order and mends a wrong one, captured tensors included', () => {
    const { graph } = nested().proto;
    const right = [...graph.node];
    expect(topologicalSort(graph)).toEqual(right);
    graph.node.reverse();
    const sorted = topologicalSort(graph);
    expect(sorted.indexOf(right[0]!)).toBeLessThan(sorted.indexOf(right[2]!));
    expect(sorted).toHaveLength(3);
  });
});

describe('cloneModel', () => {
  it('copies structure and shares weights', () => {
    const model = nested();
    const clone = cloneModel(model);
    expect(encodeModel(clone)).toEqual(encodeModel(model));
    clone.proto.graph.node[0]!.input[0] = 'changed';
    clone.proto.graph.initializer[0]!.dims.push(1);
    expect(model.proto.graph.node[0]!.input[0]).toBe('x');
    expect(model.proto.graph.initializer[0]!.dims).toEqual([4]);
    expect(clone.proto.graph.initializer[0]!.rawData).toBe(model.proto.graph.initializer[0]!.rawData);
  });
});

describe('attributes', () => {
  it('are read with defaults, set with their type and removed', () => {
    const one = node('Op', [], [], { axis: 2, list: [1, -1], mode: 'linear', alpha: { float: 0.5 } });
    expect([getInt(one, 'axis', 0), getInt(one, 'none', 7)]).toEqual([2, 7]);
    expect([getInts(one, 'list'), getInts(one, 'none'), getInts(one, 'none', [3])]).toEqual([[1, -1], undefined, [3]]);
    expect([getString(one, 'mode', ''), getFloat(one, 'alpha', 0)]).toEqual(['linear', 0.5]);
    setInt(one, 'axis', 5);
    setInts(one, 'axes', [1, 2]);
    expect([getInt(one, 'axis', 0), getInts(one, 'axes')]).toEqual([5, [1, 2]]);
    expect(one.attribute.map((attribute) => attribute.type)).toEqual([2, 7, 3, 1, 7]);
    expect([removeAttribute(one, 'axis'), removeAttribute(one, 'axis'), hasAttribute(one, 'axis')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('of another type are an error; a zero that proto3 left out is none', () => {
    const one = node('Op', [], [], { mode: 'linear' });
    expect(() => getInt(one, 'mode', 1)).toThrow(/MODEL_INVALID.*mode/);
    expect(() => getInts(one, 'mode')).toThrow(/MODEL_INVALID/);
    one.attribute.push(newAttribute({ name: 'axis', type: attributeType.INT }));
    expect(getInt(one, 'axis', 1)).toBe(0);
  });
});

describe('modelCard', () => {
  it('counts and describes', async () => {
    const model = nested();
    const path = writeFile(temporaryFolder(), 'm.onnx', encodeModel(model));
    expect(await modelCard({ ...model, path })).toMatchObject({
      opset: 17,
      irVersion: 8,
      nodes: 6,
      parameters: 4,
      bytes: encodeModel(model).length,
      inputs: [
        { name: 'x', dtype: 'fp32', shape: ['n', 4] },
        { name: 'c', dtype: 'bool', shape: [] },
      ],
      outputs: [
        { name: 'y', dtype: 'fp32', shape: null },
        { name: 'u', dtype: 'fp32', shape: [null, 4] },
      ],
    });
  });

  it('leaves constants out of the inputs and refuses what is no tensor', () => {
    const model = nested();
    model.proto.graph.input.push(value('w', [4]));
    expect(graphInputs(model).map((input) => input.name)).toEqual(['x', 'c']);
    model.proto.graph.output.push(newValueInfo({ name: 's', type: newType() }));
    expect(() => graphOutputs(model)).toThrow(/output s is not a tensor/);
  });
});
