import { describe, expect, it } from 'vitest';
import { cloneModel } from '../../../extension/model/cloneModel';
import { type Model, opsetVersion } from '../../../extension/model/model';
import {
  attributeType,
  newAttribute,
  newFunction,
  newGraph,
  newOperatorSetId,
} from '../../../extension/model/onnx.generated';
import { graphInputs } from '../../../extension/model/modelCard';
import { upgradeOpset } from '../../../extension/model/upgradeOpset';
import {
  type AttributeValue,
  buildModel,
  encodeModel,
  floats,
  node,
  numbers,
  type Outputs,
  run,
  value,
} from './buildModel';

interface Case {
  readonly op: string;
  readonly opset: number;
  readonly shape: readonly number[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly constants?: readonly (readonly [dims: readonly number[], values: readonly number[]])[];
  readonly outputs?: number;
  /** What nothing declares, so that a rule has to do without ranks and types. */
  readonly undeclared?: boolean;
}

function modelOf({ op, opset, shape, attributes = {}, constants = [], outputs = 1, undeclared = false }: Case): Model {
  const initializers = constants.map(([dims, values], i) => floats(`c${i}`, dims, values));
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  // A relu in front hides what the input declares.
  const source = undeclared ? 'hidden' : 'x';
  const nodes = [node(op, [source, ...initializers.map((tensor) => tensor.name ?? '')], results, attributes)];
  if (undeclared) nodes.unshift(node('Expand', ['x', 'shape'], ['hidden']), node('Shape', ['x'], ['shape']));
  return buildModel({
    nodes: undeclared ? [nodes[1]!, nodes[0]!, nodes[2]!] : nodes,
    inputs: [value('x', shape)],
    outputs: results.map((name) => value(name, null, op === 'TopK' && name === 'y1' ? 'int64' : 'fp32')),
    initializers,
    opset,
    irVersion: opset < 9 ? 3 : 4,
  });
}

/** IR version 3 lists initializers as inputs. */
function listConstants(model: Model): Model {
  if ((model.proto.irVersion ?? 0) >= 4) return model;
  for (const tensor of model.proto.graph.initializer) {
    model.proto.graph.input.push(value(tensor.name ?? '', tensor.dims));
  }
  return model;
}

const ones = (count: number) => new Array<number>(count).fill(1);

const cases: readonly Case[] = [
  { op: 'Softmax', opset: 6, shape: [2, 3, 4] },
  { op: 'Clip', opset: 6, shape: [2, 3], attributes: { min: { float: -0.5 }, max: { float: 1 } } },
  { op: 'Softmax', opset: 11, shape: [2, 3, 4] },
  { op: 'Softmax', opset: 11, shape: [2, 3, 4], attributes: { axis: 2 } },
  { op: 'Softmax', opset: 11, shape: [2, 3, 4], attributes: { axis: -1 } },
  { op: 'Softmax', opset: 11, shape: [2, 3, 4], attributes: { axis: -2 } },
  { op: 'Softmax', opset: 9, shape: [2, 3, 4], attributes: { axis: 0 }, undeclared: true },
  { op: 'LogSoftmax', opset: 11, shape: [2, 3, 4], attributes: { axis: 1 } },
  { op: 'Hardmax', opset: 11, shape: [2, 3, 4], undeclared: true },
  { op: 'ReduceSum', opset: 11, shape: [2, 3, 4], attributes: { axes: [0, -1], keepdims: 0 } },
  { op: 'ReduceSum', opset: 11, shape: [2, 3, 4] },
  { op: 'ReduceMean', opset: 9, shape: [2, 3, 4], attributes: { axes: [1] } },
  { op: 'ReduceMax', opset: 13, shape: [2, 3, 4], attributes: { axes: [1, 2], keepdims: 0 } },
  { op: 'ReduceL2', opset: 11, shape: [2, 3, 4], attributes: { axes: [2] } },
  { op: 'Squeeze', opset: 11, shape: [1, 3, 1], attributes: { axes: [0] } },
  { op: 'Squeeze', opset: 11, shape: [1, 3, 1] },
  { op: 'Unsqueeze', opset: 11, shape: [3, 2], attributes: { axes: [0, 3] } },
  { op: 'Split', opset: 11, shape: [7, 2], attributes: { axis: 0, split: [4, 3] }, outputs: 2 },
  { op: 'Split', opset: 11, shape: [6, 2], attributes: { axis: 0 }, outputs: 3 },
  { op: 'Slice', opset: 9, shape: [5, 6], attributes: { starts: [1, -3], ends: [4, 9], axes: [0, 1] } },
  { op: 'Slice', opset: 9, shape: [5, 6], attributes: { starts: [1, 0], ends: [-1, 4] } },
  { op: 'TopK', opset: 9, shape: [3, 6], attributes: { k: 2, axis: 1 }, outputs: 2 },
  { op: 'Clip', opset: 10, shape: [3, 4], attributes: { min: { float: -1 }, max: { float: 1.5 } } },
  { op: 'Clip', opset: 10, shape: [3, 4], attributes: { max: { float: 0.5 } }, undeclared: true },
  { op: 'Clip', opset: 7, shape: [3, 4] },
  { op: 'Pad', opset: 10, shape: [3, 4], attributes: { pads: [1, 0, 0, 2], value: { float: 2.5 } } },
  { op: 'Pad', opset: 10, shape: [3, 4], attributes: { pads: [1, 0, 0, 2], mode: 'reflect' } },
  { op: 'Dropout', opset: 7, shape: [3, 4], attributes: { ratio: { float: 0.7 } } },
  { op: 'Dropout', opset: 10, shape: [3, 4] },
  { op: 'Upsample', opset: 7, shape: [1, 2, 3, 4], attributes: { scales: { float: [1, 1, 2, 3] }, mode: 'nearest' } },
  { op: 'Upsample', opset: 7, shape: [1, 2, 3, 4], attributes: { scales: { float: [1, 1, 2.5, 2] }, mode: 'linear' } },
  {
    op: 'Upsample',
    opset: 9,
    shape: [1, 2, 3, 4],
    constants: [[[4], [1, 1, 2, 1.5]]],
    attributes: { mode: 'nearest' },
  },
  {
    op: 'Resize',
    opset: 10,
    shape: [1, 2, 3, 4],
    constants: [[[4], [1, 1, 1.7, 2.3]]],
    attributes: { mode: 'nearest' },
  },
  {
    op: 'Resize',
    opset: 10,
    shape: [1, 2, 5, 7],
    constants: [[[4], [1, 1, 0.6, 0.5]]],
    attributes: { mode: 'nearest' },
  },
  {
    op: 'Resize',
    opset: 10,
    shape: [1, 2, 5, 7],
    constants: [[[4], [1, 1, 0.6, 1.5]]],
    attributes: { mode: 'linear' },
  },
  {
    op: 'Resize',
    opset: 10,
    shape: [1, 2, 5, 7],
    constants: [[[4], [1, 1, 0.6, 1.7]]],
    attributes: { mode: 'nearest' },
  },
  {
    op: 'BatchNormalization',
    opset: 7,
    shape: [2, 3, 4],
    constants: [
      [[3], [1, 2, 3]],
      [[3], [0, 1, -1]],
      [[3], [0.5, 0, 1]],
      [[3], [1, 2, 0.5]],
    ],
    attributes: { spatial: 1 },
  },
  {
    op: 'GroupNormalization',
    opset: 18,
    shape: [2, 6, 3],
    constants: [
      [[3], [1, 2, 3]],
      [[3], [0, 1, -1]],
    ],
    attributes: { num_groups: 3 },
    undeclared: true,
  },
  {
    op: 'GridSample',
    opset: 16,
    shape: [1, 1, 3, 3],
    constants: [
      [
        [1, 2, 2, 2],
        [-0.5, 0.3, 0.9, -1, 0, 0, 0.2, 0.7],
      ],
    ],
  },
  {
    op: 'GridSample',
    opset: 16,
    shape: [1, 1, 4, 4],
    constants: [
      [
        [1, 1, 2, 2],
        [-0.5, 0.3, 0.9, -0.8],
      ],
    ],
    attributes: { mode: 'bicubic' },
  },
  { op: 'DFT', opset: 17, shape: [1, 8, 1], attributes: { axis: 1 } },
  { op: 'MaxPool', opset: 7, shape: [1, 2, 6, 6], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  { op: 'AveragePool', opset: 7, shape: [1, 2, 6, 6], attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
  { op: 'Conv', opset: 7, shape: [1, 2, 5, 5], constants: [[[3, 2, 3, 3], Array.from(numbers(54))]] },
  {
    op: 'Gemm',
    opset: 7,
    shape: [2, 3],
    constants: [
      [[3, 4], Array.from(numbers(12))],
      [[4], ones(4)],
    ],
  },
  { op: 'PRelu', opset: 7, shape: [2, 3], constants: [[[3], [0.1, 0.2, 0.3]]] },
];

describe('an upgraded node computes the same', () => {
  it.each(cases.map((one) => [`${one.op} ${one.opset} ${JSON.stringify(one.attributes ?? {})}`, one] as const))(
    '%s',
    async (_, one) => {
      const old = listConstants(modelOf(one));
      const size = one.shape.reduce((product, extent) => product * extent, 1);
      const feeds = { x: { dims: [...one.shape], data: numbers(size) } };
      const before = await run(encodeModel(old), feeds);
      for (const target of [13, 17, 19, 22, 23].filter((version) => version > one.opset)) {
        const upgraded = cloneModel(old);
        upgradeOpset(upgraded, target);
        expect(opsetVersion(upgraded.proto)).toBe(target);
        expectSame(await run(encodeModel(upgraded), feeds), before, target);
      }
      expect(opsetVersion(old.proto)).toBe(one.opset);
    },
  );
});

function expectSame(after: Outputs, before: Outputs, target: number): void {
  expect(Object.keys(after)).toEqual(Object.keys(before));
  for (const [name, expected] of Object.entries(before)) {
    const got = after[name]!;
    expect([got.type, got.dims], `${name} at opset ${target}`).toEqual([expected.type, expected.dims]);
    const worst = got.data.reduce((most, one, i) => Math.max(most, Math.abs(one - expected.data[i]!)), 0);
    // The same kernels in another order of operations at most.
    expect(worst, `${name} at opset ${target}`).toBeLessThanOrEqual(1e-6);
  }
}

it('Resize of opset 10 with scales computed at run time', async () => {
  for (const scales of [
    [1, 1, 2.5, 1.3],
    [1, 1, 0.4, 0.7],
    [1, 1, 1.9, 0.5],
  ]) {
    const model = buildModel({
      nodes: [node('Identity', ['s'], ['scales']), node('Resize', ['x', 'scales'], ['y'], { mode: 'nearest' })],
      inputs: [value('x', [1, 1, 5, 6]), value('s', [4])],
      outputs: [value('y', null)],
      opset: 10,
      irVersion: 5,
    });
    const feeds = { x: { dims: [1, 1, 5, 6], data: numbers(30) }, s: { dims: [4], data: Float32Array.from(scales) } };
    const before = await run(encodeModel(model), feeds);
    upgradeOpset(model, 19);
    expectSame(await run(encodeModel(model), feeds), before, 19);
  }
});

describe('refusals', () => {
  it.each<[name: string, one: Case, reason: RegExp]>([
    [
      'BatchNormalization without spatial',
      { op: 'BatchNormalization', opset: 7, shape: [2, 3], constants: [], attributes: { spatial: 0 } },
      /spatial = 0/,
    ],
    [
      'Scan over a batch',
      { op: 'Scan', opset: 8, shape: [2, 3], attributes: { num_scan_inputs: 1 } },
      /sequence lengths/,
    ],
    [
      'broadcasting in its form before opset 7',
      { op: 'Add', opset: 6, shape: [2, 3], constants: [[[3], [1, 2, 3]]], attributes: { broadcast: 1 } },
      /before opset 7/,
    ],
    ['the mask of Dropout', { op: 'Dropout', opset: 7, shape: [2, 3], outputs: 2 }, /mask/],
  ])('%s', (_, one, reason) => {
    const model = modelOf(one);
    const before = encodeModel(model);
    let error: unknown;
    try {
      upgradeOpset(model, 17);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'MODEL_OPSET_UPGRADE', reason: expect.stringMatching(reason) as string });
    // Refused as a whole: nothing of the model changed.
    expect(Buffer.compare(encodeModel(model), before)).toBe(0);
  });

  it('a version that nothing runs, and a model too old', () => {
    const model = modelOf({ op: 'Relu', opset: 13, shape: [1] });
    expect(() => upgradeOpset(model, 99)).toThrow(/MODEL_OPSET_UNSUPPORTED/);
    expect(() => upgradeOpset(modelOf({ op: 'Relu', opset: 5, shape: [1] }), 13)).toThrow(/MODEL_OPSET_UNSUPPORTED/);
  });
});

describe('the model around the nodes', () => {
  it('is left alone when it is new enough', () => {
    const model = modelOf({ op: 'Relu', opset: 19, shape: [1] });
    upgradeOpset(model, 13);
    expect(opsetVersion(model.proto)).toBe(19);
  });

  it('gets the IR version of its opset; initializers stop being inputs', () => {
    const model = listConstants(modelOf({ op: 'PRelu', opset: 7, shape: [2, 3], constants: [[[3], [1, 2, 3]]] }));
    expect(graphInputs(model).map((input) => input.name)).toEqual(['x']);
    upgradeOpset(model, 19);
    expect(model.proto.irVersion).toBe(9);
    expect(model.proto.graph.input.map((input) => input.name)).toEqual(['x']);
  });

  it('is upgraded inside subgraphs', async () => {
    const branch = (axes: number[]) =>
      newGraph({
        name: 'branch',
        node: [node('ReduceSum', ['x'], [`s${axes[0]}`], { axes, keepdims: 0 })],
        output: [value(`s${axes[0]}`, null)],
      });
    const choose = node('If', ['cond'], ['y']);
    choose.attribute.push(
      newAttribute({ name: 'then_branch', type: attributeType.GRAPH, g: branch([0]) }),
      newAttribute({ name: 'else_branch', type: attributeType.GRAPH, g: branch([1]) }),
    );
    const model = buildModel({
      nodes: [node('ReduceMax', ['x'], ['most'], { keepdims: 0 }), node('Less', ['most', 'limit'], ['cond']), choose],
      inputs: [value('x', [3, 3])],
      outputs: [value('y', null)],
      initializers: [floats('limit', [], [10])],
      opset: 11,
      irVersion: 6,
    });
    const feeds = { x: { dims: [3, 3], data: numbers(9) } };
    const before = await run(encodeModel(model), feeds);
    upgradeOpset(model, 22);
    expectSame(await run(encodeModel(model), feeds), before, 22);
    expect(branchNode(model).input).toHaveLength(2);
  });

  it('is upgraded inside functions, whose parameters stay parameters', async () => {
    const sum = node('ReduceSum', ['a'], ['b']);
    sum.attribute.push(newAttribute({ name: 'axes', type: attributeType.INTS, refAttrName: 'over' }));
    const call = node('SumOver', ['x'], ['y'], { over: [1] });
    call.domain = 'local';
    const model = buildModel({
      nodes: [call],
      inputs: [value('x', [3, 2])],
      outputs: [value('y', null)],
      opset: 12,
    });
    model.proto.opsetImport.push(newOperatorSetId({ domain: 'local', version: 1 }));
    model.proto.functions.push(
      newFunction({
        name: 'SumOver',
        domain: 'local',
        input: ['a'],
        output: ['b'],
        attribute: ['over'],
        node: [sum],
        opsetImport: [newOperatorSetId({ domain: '', version: 12 })],
      }),
    );
    const feeds = { x: { dims: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) } };
    upgradeOpset(model, 19);
    expect((await run(encodeModel(model), feeds))['y']!.data).toEqual([3, 7, 11]);
  });
});

function branchNode(model: Model) {
  const choose = model.proto.graph.node.find((one) => one.opType === 'If')!;
  return choose.attribute[0]!.g!.node[0]!;
}
