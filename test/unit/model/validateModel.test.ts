import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../extension/contract/errors';
import type { Model } from '../../../extension/model/model';
import { attributeType, newAttribute, newGraph, newTensor } from '../../../extension/model/onnx.generated';
import { knownVersions } from '../../../extension/model/lowerVersions';
import { supportedOpsets, validateModel } from '../../../extension/model/validateModel';
import { buildModel, floats, node, reluModel, value } from './buildModel';

const io = { inputs: [value('x', [4])], outputs: [value('y', [4])] };

function withBranch(input: string): Model {
  const graph = newGraph({ name: 'b', node: [node('Relu', [input], ['inner'])], output: [value('inner', [4])] });
  const choose = node('If', ['c'], ['y']);
  choose.attribute.push(newAttribute({ name: 'then_branch', type: attributeType.GRAPH, g: graph }));
  const nodes = [node('Relu', ['x'], ['t']), choose];
  return buildModel({ ...io, nodes, inputs: [...io.inputs, value('c', [], 'bool')] });
}

describe('a valid model passes', () => {
  it.each<[string, Model]>([
    ['a plain one', reluModel()],
    [
      'initializers among the inputs',
      buildModel({
        nodes: [node('Add', ['x', 'w'], ['y'])],
        inputs: [...io.inputs, value('w', [4])],
        outputs: io.outputs,
        initializers: [floats('w', [4], [1, 2, 3, 4])],
        irVersion: 3,
      }),
    ],
    ['a subgraph that reads an outer tensor', withBranch('t')],
    ['an absent optional input', buildModel({ ...io, nodes: [node('Clip', ['x', '', ''], ['y'])] })],
    ['nodes out of order', buildModel({ ...io, nodes: [node('Relu', ['t'], ['y']), node('Relu', ['x'], ['t'])] })],
    ['the newest versions', reluModel(knownVersions)],
    ['the oldest opset', reluModel({ opset: supportedOpsets.oldest })],
  ])('%s', (_, model) => {
    expect(() => validateModel(model)).not.toThrow();
  });
});

describe('an invalid model is refused', () => {
  it.each<[name: string, model: Model, code: ErrorCode, reason: RegExp]>([
    ['zero outputs', reluModel({ outputs: [] }), 'MODEL_INVALID', /no outputs/],
    ['no nodes', buildModel({ ...io, nodes: [] }), 'MODEL_INVALID', /no nodes/],
    ['an output that nothing makes', reluModel({ outputs: [value('z', [4])] }), 'MODEL_INVALID', /output "z"/],
    [
      'an undefined tensor',
      buildModel({ ...io, nodes: [node('Add', ['x', 'q'], ['y'])] }),
      'MODEL_INVALID',
      /"q" in node "Add_y"/,
    ],
    ['an undefined tensor in a subgraph', withBranch('q'), 'MODEL_INVALID', /reads tensor "q"/],
    [
      'a cycle',
      buildModel({
        ...io,
        nodes: [node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b']), node('Relu', ['b'], ['y'])],
      }),
      'MODEL_INVALID',
      /cycle; node (Add_a|Relu_b)/,
    ],
    [
      'a tensor made twice',
      buildModel({ ...io, nodes: [node('Relu', ['x'], ['y']), node('Abs', ['x'], ['y'])] }),
      'MODEL_INVALID',
      /"y" more than once.*"Abs_y"/,
    ],
    [
      'an initializer made again by a node',
      reluModel({ initializers: [floats('y', [1], [1])] }),
      'MODEL_INVALID',
      /"y" more than once/,
    ],
    [
      'two initializers of one name',
      reluModel({ initializers: [floats('w', [1], [1]), floats('w', [1], [1])] }),
      'MODEL_INVALID',
      /two initializers named "w"/,
    ],
    [
      'values that do not fill their shape',
      reluModel({ initializers: [newTensor({ name: 'w', dims: [3], dataType: 1, rawData: new Uint8Array(8) })] }),
      'MODEL_INVALID',
      /"w" with 8 bytes.*\[3\] needs 12/,
    ],
    [
      'a node without operator',
      buildModel({ ...io, nodes: [node('', ['x'], ['y'])] }),
      'MODEL_INVALID',
      /without an operator/,
    ],
    ['an opset from the future', reluModel({ opset: 99 }), 'MODEL_OPSET_UNSUPPORTED', /opset 99/],
    ['an opset from the past', reluModel({ opset: 5 }), 'MODEL_OPSET_UNSUPPORTED', /opset 5/],
    ['an IR version from the future', reluModel({ irVersion: 15 }), 'MODEL_OPSET_UNSUPPORTED', /IR version 15/],
    [
      'an operator of an opset that the runtime has not',
      buildModel({ ...io, nodes: [node('SwiGLU', ['x', 'x'], ['y'])], opset: 28 }),
      'MODEL_OPSET_UNSUPPORTED',
      /SwiGLU in node "SwiGLU_y" as opset 26 does not have it/,
    ],
    ['no IR version', reluModel({ irVersion: 0 }), 'MODEL_INVALID', /no IR version/],
  ])('%s', (_, model, code, reason) => {
    let error: unknown;
    try {
      validateModel(model);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code, reason: expect.stringMatching(reason) as string });
  });

  it('a domain that is not imported', () => {
    const model = reluModel();
    model.proto.graph.node[0]!.domain = 'com.example';
    expect(() => validateModel(model)).toThrow(/Relu of domain com\.example/);
  });
});
