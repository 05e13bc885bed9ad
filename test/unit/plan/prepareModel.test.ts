import { describe, expect, it } from 'vitest';
import { opsetVersion, type Model } from '../../../extension/model/model';
import { newAttribute, newFunction, newOperatorSetId, attributeType } from '../../../extension/model/onnx.generated';
import { makeInt64, makeTensor } from '../../../extension/model/tensorValues';
import { prepareModel } from '../../../extension/plan/prepareModel';
import { buildModel, encodeModel, floats, node, numbers, run, value } from '../model/buildModel';
import { opTypes, relativeError, type Feeds } from './planModels';

async function expectSame(model: Model, feeds: Feeds, tolerance = 0): Promise<Model> {
  const prepared = prepareModel(model);
  const before = await run(encodeModel(model), feeds);
  const after = await run(encodeModel(prepared), feeds);
  expect(Object.keys(after)).toEqual(Object.keys(before));
  for (const [name, { data, dims }] of Object.entries(before)) {
    expect(after[name]!.dims).toEqual(dims);
    expect(relativeError(data, after[name]!.data)).toBeLessThanOrEqual(tolerance);
  }
  return prepared;
}

const image = { x: { dims: [2, 4, 5, 5], data: numbers(200) } };

describe('prepareModel', () => {
  it('does not touch the model it is given', () => {
    const model = buildModel({
      nodes: [node('Identity', ['x'], ['a']), node('Relu', ['a'], ['y'])],
      inputs: [value('x', [1, 4])],
      outputs: [value('y', [1, 4])],
    });
    prepareModel(model);
    expect(opTypes(model)).toEqual(['Identity', 'Relu']);
    expect(opsetVersion(model.proto)).toBe(17);
  });

  it('brings the model to opset 22 and leaves newer ones alone', () => {
    const at = (opset: number) =>
      buildModel({ nodes: [node('Relu', ['x'], ['y'])], inputs: [value('x', [4])], outputs: [value('y', [4])], opset });
    expect(opsetVersion(prepareModel(at(13)).proto)).toBe(22);
    expect(opsetVersion(prepareModel(at(23)).proto)).toBe(23);
  });

  it('stops before opset 22 where the runtime has an operator in its older form only', async () => {
    const model = buildModel({
      nodes: [node('RoiAlign', ['x', 'boxes', 'which'], ['y'], { output_height: 2, output_width: 2 })],
      inputs: [value('x', [1, 1, 4, 4])],
      outputs: [value('y', [1, 1, 2, 2])],
      initializers: [
        floats('boxes', [1, 4], [0, 0, 3, 3]),
        makeTensor('which', { dtype: 'int64', dims: [1], data: BigInt64Array.of(0n) }),
      ],
      opset: 16,
    });
    const warnings: string[] = [];
    const prepared = prepareModel(model, { onWarning: (text) => warnings.push(text) });
    expect(opsetVersion(prepared.proto)).toBe(21);
    expect(warnings).toEqual([expect.stringContaining('RoiAlign (node "RoiAlign_y")')]);
    const feeds = { x: { dims: [1, 1, 4, 4], data: Float32Array.from({ length: 16 }, (_, i) => i) } };
    expect(await run(encodeModel(prepared), feeds)).toEqual(await run(encodeModel(model), feeds));
  });

  it('warns and keeps the opset when an operator cannot be upgraded', () => {
    const warnings: string[] = [];
    const model = buildModel({
      nodes: [node('BatchNormalization', ['x', 'one', 'one', 'one', 'one'], ['y'], { spatial: 0 })],
      inputs: [value('x', [2, 3])],
      outputs: [value('y', [2, 3])],
      initializers: [floats('one', [3], [1, 1, 1])],
      opset: 7,
    });
    const prepared = prepareModel(model, { onWarning: (text) => warnings.push(text) });
    expect(opsetVersion(prepared.proto)).toBe(7);
    expect(warnings).toEqual([expect.stringMatching(/stays at opset 7.*BatchNormalization/)]);
  });

  it('folds BatchNormalization behind a convolution with a bias between them', async () => {
    const model = buildModel({
      nodes: [
        node('Conv', ['x', 'w'], ['c'], { kernel_shape: [3, 3] }),
        node('Add', ['c', 'b'], ['d']),
        node('BatchNormalization', ['d', 'gamma', 'beta', 'mean', 'var'], ['e']),
        node('Relu', ['e'], ['y']),
      ],
      inputs: [value('x', [2, 4, 5, 5])],
      outputs: [value('y', [2, 6, 3, 3])],
      initializers: [
        floats('w', [6, 4, 3, 3], numbers(216)),
        floats('b', [1, 6, 1, 1], numbers(6, 2)),
        floats('gamma', [6], numbers(6, 3)),
        floats('beta', [6], numbers(6, 4)),
        floats('mean', [6], numbers(6, 5)),
        floats('var', [6], [0.1, 2, 3, 0.5, 1, 9]),
      ],
    });
    const prepared = await expectSame(model, image, 2e-6);
    expect(opTypes(prepared)).toEqual(['Conv', 'Relu']);
    expect(prepared.proto.graph.initializer).toHaveLength(2);
  });

  it('folds BatchNormalization behind a grouped transposed convolution, whose channels lie along axis 1 of each group', async () => {
    const model = buildModel({
      nodes: [
        node('ConvTranspose', ['x', 'w', 'b'], ['c'], { kernel_shape: [2, 2], group: 2 }),
        node('BatchNormalization', ['c', 'gamma', 'beta', 'mean', 'var'], ['y']),
      ],
      inputs: [value('x', [2, 4, 5, 5])],
      outputs: [value('y', [2, 6, 6, 6])],
      initializers: [
        floats('w', [4, 3, 2, 2], numbers(48)),
        floats('b', [6], numbers(6, 2)),
        floats('gamma', [6], [1, 2, 3, 4, 5, 6]),
        floats('beta', [6], numbers(6, 4)),
        floats('mean', [6], numbers(6, 5)),
        floats('var', [6], [0.1, 2, 3, 0.5, 1, 9]),
      ],
    });
    const prepared = await expectSame(model, image, 2e-6);
    expect(opTypes(prepared)).toEqual(['ConvTranspose']);
  });

  it('does not fold where the convolution has another reader or is an output', async () => {
    const parts = (outputs: string[]) =>
      buildModel({
        nodes: [
          node('Conv', ['x', 'w'], ['c'], { kernel_shape: [1, 1] }),
          node('BatchNormalization', ['c', 'one', 'one', 'one', 'one'], ['n']),
          node('Relu', ['n'], ['y']),
          node('Sigmoid', ['c'], ['z']),
        ],
        inputs: [value('x', [2, 4, 5, 5])],
        outputs: outputs.map((name) => value(name, [2, 4, 5, 5])),
        initializers: [floats('w', [4, 4, 1, 1], numbers(16)), floats('one', [4], [1, 2, 3, 4])],
      });
    expect(opTypes(await expectSame(parts(['y', 'z']), image))).toContain('BatchNormalization');
    expect(opTypes(await expectSame(parts(['y', 'c']), image))).toContain('BatchNormalization');
  });

  it('does not take a sum over the last axis for a bias', async () => {
    const model = buildModel({
      nodes: [node('Conv', ['x', 'w'], ['c'], { kernel_shape: [1, 1] }), node('Add', ['c', 'b'], ['y'])],
      inputs: [value('x', [2, 4, 5, 5])],
      outputs: [value('y', [2, 5, 5, 5])],
      // Five channels and five columns: [5] aligns with the columns.
      initializers: [floats('w', [5, 4, 1, 1], numbers(20)), floats('b', [5], numbers(5))],
    });
    expect(opTypes(await expectSame(model, image))).toEqual(['Conv', 'Add']);
  });

  it('removes identities and dropout, keeping the names of inputs and outputs', async () => {
    const model = buildModel({
      nodes: [
        node('Identity', ['x'], ['a']),
        node('Relu', ['a'], ['b']),
        node('Dropout', ['b'], ['c']),
        node('Identity', ['c'], ['y']),
        node('Sigmoid', ['c'], ['z']),
        node('Identity', ['x'], ['w']),
      ],
      inputs: [value('x', [2, 3])],
      outputs: [value('y', [2, 3]), value('z', [2, 3]), value('w', [2, 3])],
    });
    const prepared = await expectSame(model, { x: { dims: [2, 3], data: numbers(6) } });
    // An input cannot be renamed to an output: that one Identity stays.
    expect(opTypes(prepared)).toEqual(['Relu', 'Sigmoid', 'Identity']);
  });

  it('two identities that define two outputs from one tensor leave one', async () => {
    const model = buildModel({
      nodes: [node('Relu', ['x'], ['a']), node('Identity', ['a'], ['y']), node('Identity', ['a'], ['z'])],
      inputs: [value('x', [2, 3])],
      outputs: [value('y', [2, 3]), value('z', [2, 3])],
    });
    const prepared = await expectSame(model, { x: { dims: [2, 3], data: numbers(6) } });
    expect(opTypes(prepared)).toEqual(['Relu', 'Identity']);
  });

  it('makes Constant nodes initializers and evaluates moves of constants', async () => {
    const model = buildModel({
      nodes: [
        node('Constant', [], ['k'], { value: floats('', [2, 3], [1, 2, 3, 4, 5, 6]) }),
        node('Transpose', ['k'], ['t'], { perm: [1, 0] }),
        node('Reshape', ['t', 'shape'], ['r']),
        node('Mul', ['x', 'r'], ['y']),
      ],
      inputs: [value('x', [2, 3])],
      outputs: [value('y', [2, 3])],
      initializers: [makeInt64('shape', [-1, 3])],
    });
    const prepared = await expectSame(model, { x: { dims: [2, 3], data: numbers(6) } });
    expect(opTypes(prepared)).toEqual(['Mul']);
    expect(prepared.proto.graph.initializer.map((tensor) => tensor.name)).toEqual(['r']);
  });

  it('never evaluates float arithmetic', async () => {
    const model = buildModel({
      nodes: [node('Mul', ['k', 'k'], ['sq']), node('Add', ['x', 'sq'], ['y'])],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
      initializers: [floats('k', [3], [0.1, 0.2, 0.3])],
    });
    expect(opTypes(await expectSame(model, { x: { dims: [3], data: numbers(3) } }))).toEqual(['Mul', 'Add']);
  });

  it('removes nodes and constants that no output needs', () => {
    const model = buildModel({
      nodes: [node('Relu', ['x'], ['y']), node('Mul', ['x', 'k'], ['dead'])],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
      initializers: [floats('k', [3], [1, 2, 3])],
    });
    const prepared = prepareModel(model);
    expect(opTypes(prepared)).toEqual(['Relu']);
    expect(prepared.proto.graph.initializer).toEqual([]);
  });

  it('names every node, each name once', () => {
    const nodes = [node('Relu', ['x'], ['a']), node('Relu', ['a'], ['b']), node('Relu', ['b'], ['y'])];
    nodes[0]!.name = '';
    nodes[1]!.name = 'same';
    nodes[2]!.name = 'same';
    const prepared = prepareModel(buildModel({ nodes, inputs: [value('x', [3])], outputs: [value('y', [3])] }));
    expect(prepared.proto.graph.node.map(({ name }) => name)).toEqual(['Relu_a', 'same', 'same_1']);
  });

  it('gives unknown dimensions names of their own and keeps shared symbols', () => {
    const model = buildModel({
      nodes: [node('Concat', ['x', 'z'], ['y'], { axis: 1 })],
      inputs: [value('x', ['?', 3, '?', 'n']), value('z', ['?', 3, 'n', 'n'])],
      outputs: [value('y', ['?', 6, '?', '?'])],
    });
    const dims = prepareModel(model).proto.graph.input.map((input) =>
      input.type!.tensorType!.shape!.dim.map((dim) => dim.dimParam ?? dim.dimValue),
    );
    expect(dims).toEqual([
      ['x_dim0', 3, 'x_dim2', 'n'],
      ['z_dim0', 3, 'n', 'z_dim3'],
    ]);
  });

  it('inlines functions that call functions, with attribute references and default values', async () => {
    const model = buildModel({
      nodes: [{ ...node('Outer', ['x'], ['y'], { slope: { float: 0.5 } }), domain: 'local' }],
      inputs: [value('x', [2, 3])],
      outputs: [value('y', [2, 3])],
    });
    const reference = (name: string, target: string) =>
      newAttribute({ name, refAttrName: target, type: attributeType.FLOAT });
    const leaky = node('LeakyRelu', ['in'], ['inner']);
    leaky.attribute.push(reference('alpha', 'slope'));
    const elu = node('Elu', ['p'], ['q']);
    elu.attribute.push(reference('alpha', 'a'));
    const opsetImport = [
      newOperatorSetId({ domain: '', version: 17 }),
      newOperatorSetId({ domain: 'local', version: 1 }),
    ];
    model.proto.opsetImport.push(newOperatorSetId({ domain: 'local', version: 1 }));
    model.proto.functions = [
      newFunction({
        name: 'Outer',
        domain: 'local',
        input: ['in'],
        output: ['out'],
        attribute: ['slope'],
        node: [leaky, { ...node('Inner', ['inner'], ['out']), domain: 'local' }],
        opsetImport,
      }),
      newFunction({
        name: 'Inner',
        domain: 'local',
        input: ['p'],
        output: ['q'],
        attributeProto: [newAttribute({ name: 'a', type: attributeType.FLOAT, f: 0.25 })],
        node: [elu],
        opsetImport,
      }),
    ];
    const prepared = await expectSame(model, { x: { dims: [2, 3], data: numbers(6) } });
    expect(opTypes(prepared)).toEqual(['LeakyRelu', 'Elu']);
    expect(prepared.proto.functions).toEqual([]);
  });

  it('refuses a function that calls itself', () => {
    const model = buildModel({
      nodes: [{ ...node('Loop', ['x'], ['y']), domain: 'local', opType: 'Self' }],
      inputs: [value('x', [3])],
      outputs: [value('y', [3])],
    });
    model.proto.functions = [
      newFunction({
        name: 'Self',
        domain: 'local',
        input: ['p'],
        output: ['q'],
        node: [{ ...node('Self', ['p'], ['q']), domain: 'local' }],
      }),
    ];
    expect(() => prepareModel(model)).toThrow(/MODEL_INVALID.*calls itself/);
  });
});
