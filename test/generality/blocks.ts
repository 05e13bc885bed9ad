/**
 * The pieces that random graphs are made of: each takes a tensor and gives another, written as real exporters write it.
 *
 * Weights are scaled so that values keep their size; numbers that grow without bound would only show that infinity is
 * infinity. The rank says what a tensor is: 4 a feature map N×C×H×W, 3 a sequence N×T×D, 2 a vector per sample.
 */
import { elementCount } from '../../extension/contract/tensor';
import { newFunction, newNode, newOperatorSetId } from '../../extension/model/onnx.generated';
import { attributesOf, bodyGraph, declared, GraphBuilder, type Value } from './graphBuilder';

export interface Block {
  readonly name: string;
  /** Ranks that it takes; null: any. */
  readonly rank: number | null;
  readonly sinceOpset?: number;
  /** Graphs without it are wanted more often than not. */
  readonly rare?: boolean;
  /** Null when the tensor has the wrong sizes for it. */
  make(b: GraphBuilder, x: Value): Value | null;
}

const same = (x: Value, name: string): Value => ({ name, dims: x.dims });

// Any rank

const activationKinds = [
  'Relu',
  'Sigmoid',
  'Tanh',
  'LeakyRelu',
  'Elu',
  'Selu',
  'Softplus',
  'Softsign',
  'HardSigmoid',
  'HardSwish',
  'Mish',
  'Swish',
  'Gelu',
  'Erf',
  'Abs',
  'Neg',
  'PRelu',
  'ThresholdedRelu',
];
const activationSince: Readonly<Record<string, number>> = {
  HardSwish: 14,
  Mish: 18,
  Gelu: 20,
  Erf: 9,
  ThresholdedRelu: 10,
};

function activation(b: GraphBuilder, x: Value): Value {
  const kind = b.random.pick(activationKinds.filter((name) => (activationSince[name] ?? 0) <= b.opset));
  if (kind === 'Swish') return same(x, b.op('Mul', [x.name, b.op('Sigmoid', [x.name])]));
  if (kind === 'PRelu') return same(x, b.op('PRelu', [x.name, b.floats([1], [0.2])]));
  if (kind === 'ThresholdedRelu') return same(x, b.op(kind, [x.name], { alpha: { float: 0 } }));
  if (kind === 'Gelu' && b.opset >= 20)
    return same(x, b.op(kind, [x.name], b.random.chance(0.5) ? { approximate: 'tanh' } : {}));
  // Not the negative itself: where branches meet, the sum would be nothing but rounding.
  if (kind === 'Neg') return same(x, b.op('Mul', [b.op(kind, [x.name]), b.scalar(0.7)]));
  return same(x, b.op(kind, [x.name]));
}

function affine(b: GraphBuilder, x: Value): Value {
  const [scale, offset] = [b.scalar(b.random.pick([0.5, 1.5, -0.7, 2])), b.scalar(b.random.pick([0, 0.1, -0.3]))];
  const scaled = b.op('Mul', b.random.chance(0.5) ? [x.name, scale] : [scale, x.name]);
  return same(x, b.random.chance(0.5) ? b.op('Add', [scaled, offset]) : b.op('Sub', [scaled, offset]));
}

/** Beyond FP16 and back, or below its normal numbers and back. */
function extremeScale(b: GraphBuilder, x: Value): Value {
  const factor = b.random.pick([3e5, 1e5, 1e-6, 1e-7]);
  const far = b.op('Mul', [x.name, b.scalar(factor)]);
  const moved = b.op('Relu', [far]);
  return same(
    x,
    b.random.chance(0.5) ? b.op('Div', [moved, b.scalar(factor)]) : b.op('Mul', [moved, b.scalar(1 / factor)]),
  );
}

function clipped(b: GraphBuilder, x: Value): Value {
  const [min, max] = b.random.pick([
    [0, 6],
    [-1, 1],
    [null, 2],
    [-2, null],
    [-3, 3],
  ] as const);
  return same(x, b.clip(x.name, min, max));
}

function selected(b: GraphBuilder, x: Value): Value {
  const condition = b.op('Greater', [x.name, b.scalar(0)]);
  if (b.opset < 9 || b.random.chance(0.5)) return same(x, b.op('Mul', [x.name, b.cast(condition, 'fp32')]));
  const positive = b.random.chance(0.5) ? condition : b.op('Not', [b.op('Not', [condition])]);
  return same(x, b.op('Where', [positive, x.name, b.op('Mul', [x.name, b.scalar(0.1)])]));
}

function several(b: GraphBuilder, x: Value): Value {
  const opType = b.random.pick(['Sum', 'Mean', 'Max', 'Min']);
  return same(
    x,
    b.op(opType, [x.name, b.op('Mul', [x.name, b.scalar(0.5)]), b.scalar(0.25)].slice(0, b.opset >= 8 ? 3 : 2)),
  );
}

/** What mixed-precision training leaves in a graph. */
function halfIsland(b: GraphBuilder, x: Value): Value {
  const low = b.cast(x.name, 'fp16');
  const inner = b.random.chance(0.5) ? b.op('Relu', [low]) : b.op('Identity', [low]);
  return same(x, b.cast(inner, 'fp32'));
}

/** Through another type and back. (Not through its own: ONNX Runtime drops such casts and forgets bodies that read them.) */
function castChain(b: GraphBuilder, x: Value): Value {
  return same(x, b.cast(b.cast(x.name, b.random.pick(['fp64', 'fp16'])), 'fp32'));
}

function existingQuantization(b: GraphBuilder, x: Value): Value {
  const scale = b.floats([], [0.05]);
  const zero = b.random.chance(0.5)
    ? b.initializer({ dtype: 'int8', dims: [], data: new Int8Array(1) })
    : b.initializer({ dtype: 'uint8', dims: [], data: Uint8Array.of(128) });
  return same(x, b.op('DequantizeLinear', [b.op('QuantizeLinear', [x.name, scale, zero]), scale, zero]));
}

function passedOn(b: GraphBuilder, x: Value): Value {
  if (b.random.chance(0.5)) return same(x, b.op('Identity', [x.name]));
  return same(x, b.ops('Dropout', [x.name], b.random.integer(1, 2), b.opset < 12 ? { ratio: { float: 0.3 } } : {})[0]!);
}

/** A float computed from a shape and used as data: 1/√D, as attention scales. */
function scaledBySize(b: GraphBuilder, x: Value): Value {
  const size = b.cast(b.shapePart(x.name, [x.dims.length - 1]), 'fp32');
  return same(x, b.op('Mul', [b.op('Div', [x.name, b.op('Sqrt', [size])]), b.scalar(3)]));
}

/** A size computed in floats, beyond the integers of FP16: 2049 must not become 2048. */
function floatSize(b: GraphBuilder, x: Value): Value {
  const last = x.dims.at(-1)!;
  const factor = Math.ceil(2049 / last) + b.random.integer(0, 3);
  const size = b.cast(b.shapePart(x.name, [x.dims.length - 1]), 'fp32');
  const total = b.cast(b.op('Add', [b.op('Mul', [size, b.scalar(factor)]), b.scalar(1)]), 'int64');
  const made = b.op('ConstantOfShape', [total], {
    value: { tensor: { dtype: 'fp32', dims: [1], data: Float32Array.of(0.0001) } },
  });
  // Fails where the size is wrong: neighbours of 2049 round to even numbers in FP16.
  const checked = b.reshape(made, [last * factor + 1]);
  return same(x, b.op('Add', [x.name, b.reduce('ReduceSum', checked, [0], 1)]));
}

function expandedConstant(b: GraphBuilder, x: Value): Value {
  const filled = b.op('ConstantOfShape', [b.op('Shape', [x.name])], {
    value: { tensor: { dtype: 'fp32', dims: [1], data: Float32Array.of(0.25) } },
  });
  const other = b.random.chance(0.5) ? filled : b.op('Expand', [b.scalar(0.5), b.op('Shape', [x.name])]);
  return same(x, b.op(b.random.pick(['Add', 'Mul']), [x.name, other]));
}

/** Reshapes to a vector and back by sizes taken from the tensor. */
function throughVector(b: GraphBuilder, x: Value): Value {
  const shape = b.op('Shape', [x.name]);
  const flat = b.random.chance(0.5) ? b.op('Reshape', [x.name, b.ints([-1])]) : b.op('Flatten', [x.name], { axis: 1 });
  return same(x, b.op('Reshape', [activation(b, { name: flat, dims: [] }).name, shape]));
}

/** Sizes multiplied and concatenated, as exporters of `view(n, -1)` write it. */
function throughMatrix(b: GraphBuilder, x: Value): Value {
  const shape = b.op('Shape', [x.name]);
  const first = b.op('Gather', [shape, b.ints([0], [])], { axis: 0 });
  const second = b.op('Gather', [shape, b.ints([1], [])], { axis: 0 });
  const rows = b.unsqueeze(b.op('Mul', [first, second]), [0]);
  const target = b.op('Concat', [rows, b.ints([-1])], { axis: 0 });
  const matrix = b.op('Reshape', [x.name, target]);
  return same(x, b.op('Reshape', [affine(b, { name: matrix, dims: [] }).name, shape]));
}

function residual(b: GraphBuilder, x: Value): Value {
  const branch = activation(b, affine(b, x));
  return same(x, b.op('Add', b.random.chance(0.5) ? [x.name, branch.name] : [branch.name, x.name]));
}

function splitAndJoined(b: GraphBuilder, x: Value): Value | null {
  const axis = b.random.integer(1, x.dims.length - 1);
  const size = x.dims[axis]!;
  if (size < 2) return null;
  const first = b.random.integer(1, size - 1);
  const parts = b.split(x.name, axis, [first, size - first]);
  const changed = activation(b, { name: parts[0]!, dims: x.dims.map((s, i) => (i === axis ? first : s)) });
  return same(x, b.op('Concat', b.random.chance(0.5) ? [changed.name, parts[1]!] : parts, { axis }));
}

function sliced(b: GraphBuilder, x: Value): Value | null {
  const axis = b.random.integer(1, x.dims.length - 1);
  const size = x.dims[axis]!;
  if (size < 4) return null;
  const start = b.random.integer(0, 1);
  const dims = x.dims.map((s, i) => (i === axis ? s - start - 1 : s));
  return { name: b.slice(x.name, [start], [-1], [axis]), dims };
}

function padded(b: GraphBuilder, x: Value): Value | null {
  const axis = x.dims.length - 1;
  if (x.dims[axis]! < 2) return null;
  const [before, after] = [b.random.integer(0, 1), b.random.integer(0, 1)];
  const pads = new Array<number>(2 * x.dims.length).fill(0);
  pads[axis] = before;
  pads[x.dims.length + axis] = after;
  const mode = b.random.pick(['constant', 'reflect', 'edge']);
  const dims = x.dims.map((s, i) => (i === axis ? s + before + after : s));
  return { name: b.pad(x.name, pads, mode, b.random.pick([0, 0.5])), dims };
}

function decomposedNorm(b: GraphBuilder, x: Value): Value {
  const axis = x.dims.length - 1;
  const mean = b.reduce('ReduceMean', x.name, [axis], 1);
  const centred = b.op('Sub', [x.name, mean]);
  const square = b.random.chance(0.5) ? b.op('Mul', [centred, centred]) : b.op('Pow', [centred, b.scalar(2)]);
  const variance = b.reduce('ReduceMean', square, [axis], 1);
  const root = b.op('Sqrt', [b.op('Add', [variance, b.scalar(1e-5)])]);
  const normal = b.random.chance(0.5)
    ? b.op('Div', [centred, root])
    : b.op('Mul', [centred, b.op('Reciprocal', [root])]);
  const gamma = b.floats([x.dims[axis]!], b.random.normals(x.dims[axis]!));
  return same(x, b.op('Mul', [normal, gamma]));
}

function unitNorm(b: GraphBuilder, x: Value): Value {
  const norm = b.reduce('ReduceL2', x.name, [x.dims.length - 1], 1);
  return same(x, b.op('Div', [x.name, b.op('Add', [norm, b.scalar(0.01)])]));
}

function softmaxed(b: GraphBuilder, x: Value): Value {
  const opType = b.random.chance(0.8) ? 'Softmax' : 'LogSoftmax';
  return same(
    x,
    b.op('Mul', [b.softmax(x.name, x.dims.length, opType), b.scalar(opType === 'Softmax' ? x.dims.at(-1)! : 0.3)]),
  );
}

function reducedAndSpread(b: GraphBuilder, x: Value): Value {
  const opType = b.random.pick(['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceSum']);
  const reduced = b.reduce(opType, x.name, [x.dims.length - 1], 1);
  const factor = opType === 'ReduceSum' ? 1 / x.dims.at(-1)! : 0.5;
  return same(x, b.op('Add', [x.name, b.op('Mul', [reduced, b.scalar(factor)])]));
}

/** A node of the model's own function, whose body has a default for its attribute. */
function functionCall(b: GraphBuilder, x: Value): Value {
  if (b.functions.length === 0) {
    b.functions.push(
      newFunction({
        name: 'Gate',
        domain: 'local.functions',
        input: ['a'],
        output: ['c'],
        attributeProto: attributesOf({ alpha: { float: 0.3 } }),
        node: [
          newNode({
            opType: 'LeakyRelu',
            input: ['a'],
            output: ['inner'],
            attribute: [{ ...attributesOf({ alpha: { float: 0 } })[0]!, f: undefined, refAttrName: 'alpha' }],
          }),
          newNode({ opType: 'Sigmoid', input: ['a'], output: ['gate'] }),
          newNode({ opType: 'Mul', input: ['inner', 'gate'], output: ['c'] }),
        ],
        opsetImport: [newOperatorSetId({ domain: '', version: b.opset })],
      }),
    );
  }
  const attributes = b.random.chance(0.5) ? { alpha: { float: 0.1 } } : {};
  return same(x, b.ops('Gate', [x.name], 1, attributes, 'local.functions')[0]!);
}

/** A builder for a body, which shares the names of the graph around it. */
function innerBuilder(b: GraphBuilder): GraphBuilder {
  return new GraphBuilder(b.random, b.opset, (base) => b.unique(`inner_${base}`), true);
}

/** Both branches read tensors of the outer graph. */
function branch(b: GraphBuilder, x: Value): Value {
  const outer = b.op('Mul', [x.name, b.scalar(0.5)]);
  const body = (captured: readonly string[], opType: string) => {
    const inner = innerBuilder(b);
    const result = inner.op(opType, captured);
    const weighted = b.random.chance(0.5) ? inner.op('Mul', [result, inner.floats([], [0.7])]) : result;
    return bodyGraph(b.unique('branch'), inner, [], [declared(weighted, null)]);
  };
  const size = b.op('Gather', [b.op('Shape', [x.name]), b.ints([0], [])], { axis: 0 });
  const condition = b.op('Greater', [
    b.opset >= 9 ? size : b.cast(size, 'fp32'),
    b.opset >= 9 ? b.ints([b.random.integer(0, 3)], []) : b.scalar(1),
  ]);
  return same(
    x,
    b.op('If', [condition], {
      then_branch: { graph: body([x.name, outer], 'Add') },
      else_branch: { graph: body([x.name], 'Relu') },
    }),
  );
}

/** Carries a float state and reads a captured tensor in each turn. */
function loop(b: GraphBuilder, x: Value): Value {
  const inner = innerBuilder(b);
  const [turn, going, state] = [b.unique('turn'), b.unique('going'), b.unique('state')];
  const step = inner.op('Mul', [x.name, inner.floats([], [0.1])]);
  const next = inner.op('Add', [inner.op('Mul', [state, inner.floats([], [0.8])]), step]);
  const still = inner.op('Identity', [going]);
  const body = bodyGraph(
    b.unique('loop'),
    inner,
    [declared(turn, [], 'int64'), declared(going, [], 'bool'), declared(state, null)],
    [declared(still, [], 'bool'), declared(next, null)],
  );
  const yes = b.initializer({ dtype: 'bool', dims: [], data: Uint8Array.of(1) });
  return same(x, b.op('Loop', [b.ints([b.random.integer(1, 3)], []), yes, x.name], { body: { graph: body } }));
}

/** A running mean over the first axis. */
function scan(b: GraphBuilder, x: Value): Value {
  const inner = innerBuilder(b);
  const [state, item] = [b.unique('state'), b.unique('item')];
  const next = inner.op('Mul', [inner.op('Add', [state, item]), inner.floats([], [0.5])]);
  const output = inner.op('Identity', [next]);
  const body = bodyGraph(
    b.unique('scan'),
    inner,
    [declared(state, x.dims.slice(1)), declared(item, x.dims.slice(1))],
    [declared(next, null), declared(output, null)],
  );
  const start = b.floats(x.dims.slice(1), new Float32Array(elementCount(x.dims.slice(1))));
  return same(x, b.ops('Scan', [start, x.name], 2, { body: { graph: body }, num_scan_inputs: 1 })[1]!);
}

// Feature maps

function convolution(b: GraphBuilder, x: Value): Value | null {
  const [n = 1, channels = 1, height = 1, width = 1] = x.dims;
  const kernel = b.random.pick([1, 1, 3, 3, 5]);
  const dilation = kernel > 1 && b.random.chance(0.15) ? 2 : 1;
  const stride = b.random.chance(0.2) ? 2 : 1;
  const grouping = b.random.pick(['one', 'one', 'one', 'depthwise', 'groups']);
  const divisors = [2, 4].filter((g) => channels % g === 0);
  const group =
    grouping === 'depthwise' ? channels : grouping === 'groups' && divisors.length > 0 ? b.random.pick(divisors) : 1;
  const wanted = b.random.pick([8, 16, 16, 32, 32, 3, 20]);
  const filters =
    group === channels && group > 1 ? channels * b.random.pick([1, 1, 2]) : Math.ceil(wanted / group) * group;
  const extent = dilation * (kernel - 1);
  const samePadding = b.random.chance(0.7);
  const pads = samePadding
    ? [Math.floor(extent / 2), Math.floor(extent / 2), Math.ceil(extent / 2), Math.ceil(extent / 2)]
    : [0, 0, 1, 1];
  const size = (length: number, axis: number) =>
    Math.floor((length + pads[axis]! + pads[axis + 2]! - extent - 1) / stride) + 1;
  const dims = [n, filters, size(height, 0), size(width, 1)];
  if (dims[2]! < 1 || dims[3]! < 1) return null;
  const weight = b.weights([filters, channels / group, kernel, kernel], (channels / group) * kernel * kernel);
  const bias = b.random.chance(0.5)
    ? [b.floats([filters], b.random.normals(filters, 0.3))]
    : b.random.chance(0.1)
      ? ['']
      : [];
  const attributes = {
    ...(b.random.chance(0.8) ? { kernel_shape: [kernel, kernel] } : {}),
    ...(group > 1 ? { group } : {}),
    ...(stride > 1 ? { strides: [stride, stride] } : {}),
    ...(dilation > 1 ? { dilations: [dilation, dilation] } : {}),
    ...(samePadding && stride === 1 && dilation === 1 && b.random.chance(0.3) ? { auto_pad: 'SAME_UPPER' } : { pads }),
  };
  return { name: b.op('Conv', [x.name, weight, ...bias], attributes), dims };
}

function transposedConvolution(b: GraphBuilder, x: Value): Value | null {
  const [n = 1, channels = 1, height = 1, width = 1] = x.dims;
  if (height > 16) return null;
  const group = b.random.chance(0.3) && channels % 2 === 0 ? 2 : 1;
  const filters = b.random.pick([8, 16, 32]);
  const kernel = b.random.pick([2, 3, 4]);
  const pad = kernel > 2 ? 1 : 0;
  const extra = b.random.integer(0, 1);
  const weight = b.weights([channels, filters / group, kernel, kernel], ((channels / group) * kernel * kernel) / 4);
  const bias = b.random.chance(0.5) ? [b.floats([filters], b.random.normals(filters, 0.3))] : [];
  const size = (length: number) => (length - 1) * 2 + extra + kernel - 2 * pad;
  const name = b.op('ConvTranspose', [x.name, weight, ...bias], {
    strides: [2, 2],
    pads: [pad, pad, pad, pad],
    output_padding: [extra, extra],
    ...(group > 1 ? { group } : {}),
  });
  return { name, dims: [n, filters, size(height), size(width)] };
}

function batchNorm(b: GraphBuilder, x: Value): Value {
  const channels = x.dims[1]!;
  const positive = () => Float32Array.from({ length: channels }, () => b.random.between(0.5, 1.5));
  const parameters = [positive(), b.random.normals(channels, 0.3), b.random.normals(channels, 0.3), positive()];
  return same(
    x,
    b.op(
      'BatchNormalization',
      [x.name, ...parameters.map((values) => b.initializer({ dtype: 'fp32', dims: [channels], data: values }))],
      b.random.chance(0.5) ? { epsilon: { float: 1e-3 } } : {},
    ),
  );
}

function convolutionBlock(b: GraphBuilder, x: Value): Value | null {
  let current = convolution(b, x);
  if (current === null) return null;
  if (b.random.chance(0.2))
    current = same(
      current,
      b.op('Add', [current.name, b.floats([current.dims[1]!, 1, 1], b.random.normals(current.dims[1]!, 0.2))]),
    );
  if (b.random.chance(0.5)) current = batchNorm(b, current);
  return b.random.chance(0.7) ? activation(b, current) : current;
}

function residualBlock(b: GraphBuilder, x: Value): Value {
  const channels = x.dims[1]!;
  const conv = (source: string) =>
    b.op(
      'Conv',
      [
        source,
        b.weights([channels, channels, 3, 3], channels * 9),
        b.floats([channels], b.random.normals(channels, 0.2)),
      ],
      { pads: [1, 1, 1, 1] },
    );
  const branchEnd = conv(b.op('Relu', [conv(x.name)]));
  const skip = b.random.chance(0.3) ? conv(x.name) : x.name;
  const sum = b.op('Add', b.random.chance(0.5) ? [branchEnd, skip] : [skip, branchEnd]);
  return same(x, b.op('Relu', [sum]));
}

function inception(b: GraphBuilder, x: Value): Value {
  const channels = x.dims[1]!;
  const branchOf = () => b.op('Relu', [b.op('Conv', [x.name, b.weights([16, channels, 1, 1], channels)])]);
  const parts = [branchOf(), branchOf(), ...(b.random.chance(0.5) ? [x.name] : [])];
  const dims = x.dims.map((size, axis) => (axis === 1 ? 32 + (parts.length > 2 ? channels : 0) : size));
  return { name: b.op('Concat', parts, { axis: 1 }), dims };
}

function instanceNorm(b: GraphBuilder, x: Value): Value {
  const channels = x.dims[1]!;
  if (x.dims.slice(2).reduce((a, c) => a * c, 1) < 4) return x;
  const parameters = [
    b.floats([channels], b.random.normals(channels)),
    b.floats([channels], b.random.normals(channels, 0.2)),
  ];
  return same(x, b.op('InstanceNormalization', [x.name, ...parameters]));
}

function groupNorm(b: GraphBuilder, x: Value): Value | null {
  const channels = x.dims[1]!;
  if (channels % 4 !== 0) return null;
  const parameters = [b.random.normals(channels), b.random.normals(channels, 0.2)];
  if (b.opset >= 21)
    return same(
      x,
      b.op('GroupNormalization', [x.name, ...parameters.map((values) => b.floats([channels], values))], {
        num_groups: 4,
      }),
    );
  const grouped = b.reshape(x.name, [0, 4, -1]);
  const normal = b.op('InstanceNormalization', [grouped, b.floats([4], [1, 1, 1, 1]), b.floats([4], [0, 0, 0, 0])]);
  const back = b.op('Reshape', [normal, b.op('Shape', [x.name])]);
  const [scale, bias] = parameters.map((values) => b.floats([channels, 1, 1], values));
  return same(x, b.op('Add', [b.op('Mul', [back, scale!]), bias!]));
}

function pool(b: GraphBuilder, x: Value): Value | null {
  const [n = 1, channels = 1, height = 1, width = 1] = x.dims;
  if (height < 4 || width < 4) return null;
  const kernel = b.random.pick([2, 3]);
  const pad = kernel === 3 ? 1 : 0;
  const stride = b.random.pick([1, 2]);
  const average = b.random.chance(0.5);
  const roundUp = b.opset >= 10 && b.random.chance(0.2);
  const size = (length: number) => {
    const steps = (length + 2 * pad - kernel) / stride;
    return (roundUp ? Math.ceil(steps) : Math.floor(steps)) + 1;
  };
  // A last window that would begin in the padding is dropped by some versions only.
  if (roundUp && [height, width].some((length) => (size(length) - 1) * stride >= length + pad)) return null;
  const name = b.op(average ? 'AveragePool' : 'MaxPool', [x.name], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
    ...(average && b.random.chance(0.5) ? { count_include_pad: 1 } : {}),
    ...(roundUp ? { ceil_mode: 1 } : {}),
  });
  return { name, dims: [n, channels, size(height), size(width)] };
}

function squeezeAndExcite(b: GraphBuilder, x: Value): Value {
  const channels = x.dims[1]!;
  const pooled = b.random.chance(0.5) ? b.op('GlobalAveragePool', [x.name]) : b.reduce('ReduceMean', x.name, [2, 3], 1);
  const hidden = b.op('Relu', [b.op('Conv', [pooled, b.weights([8, channels, 1, 1], channels)])]);
  const gate = b.op(b.random.pick(['Sigmoid', 'HardSigmoid']), [
    b.op('Conv', [hidden, b.weights([channels, 8, 1, 1], 8)]),
  ]);
  return same(x, b.op('Mul', [x.name, gate]));
}

function localResponse(b: GraphBuilder, x: Value): Value {
  return same(x, b.op('LRN', [x.name], { size: 3 }));
}

function spaceAndDepth(b: GraphBuilder, x: Value): Value | null {
  const [n = 1, channels = 1, height = 1, width = 1] = x.dims;
  if (height % 2 !== 0 || width % 2 !== 0 || channels > 16) return null;
  const deep = {
    name: b.op('SpaceToDepth', [x.name], { blocksize: 2 }),
    dims: [n, channels * 4, height / 2, width / 2],
  };
  return b.random.chance(0.5) ? deep : same(x, b.op('DepthToSpace', [activation(b, deep).name], { blocksize: 2 }));
}

function channelsLast(b: GraphBuilder, x: Value): Value {
  const last = b.op('Transpose', [x.name], { perm: [0, 2, 3, 1] });
  const channels = x.dims[1]!;
  const product = b.op('MatMul', [last, b.weights([channels, channels], channels)]);
  return same(
    x,
    b.op('Transpose', [b.op('Add', [product, b.floats([channels], b.random.normals(channels, 0.1))])], {
      perm: [0, 3, 1, 2],
    }),
  );
}

function enlarged(b: GraphBuilder, x: Value): Value | null {
  const [n = 1, channels = 1, height = 1, width = 1] = x.dims;
  return height > 12 ? null : { name: b.enlarge(x, 2), dims: [n, channels, height * 2, width * 2] };
}

function channelShuffle(b: GraphBuilder, x: Value): Value | null {
  const [n = 1, channels = 1, height = 1, width = 1] = x.dims;
  if (channels % 2 !== 0) return null;
  const grouped = b.op('Transpose', [b.reshape(x.name, [n, 2, channels / 2, height, width])], {
    perm: [0, 2, 1, 3, 4],
  });
  return same(x, b.reshape(grouped, [n, channels, height, width]));
}

function mapToSequence(b: GraphBuilder, x: Value): Value {
  const [n = 1, channels = 1, height = 1, width = 1] = x.dims;
  const target = b.random.chance(0.5)
    ? b.ints([0, 0, -1])
    : b.op('Concat', [b.shapePart(x.name, [0, 1]), b.ints([-1])], { axis: 0 });
  const flat = b.op('Reshape', [x.name, target]);
  return { name: b.op('Transpose', [flat], { perm: [0, 2, 1] }), dims: [n, height * width, channels] };
}

function mapToVector(b: GraphBuilder, x: Value): Value {
  const pooled = b.op(b.random.pick(['GlobalAveragePool', 'GlobalMaxPool']), [x.name]);
  const flat = b.random.chance(0.5) ? b.op('Flatten', [pooled]) : b.squeeze(pooled, [2, 3]);
  return { name: flat, dims: x.dims.slice(0, 2) };
}

// Sequences

function linear(b: GraphBuilder, x: Value): Value {
  const depth = x.dims.at(-1)!;
  const width = b.random.pick([16, 32, 16, 24]);
  const product = b.op('MatMul', [x.name, b.weights([depth, width], depth)]);
  const bias = b.floats([width], b.random.normals(width, 0.2));
  const dims = [...x.dims.slice(0, -1), width];
  return {
    name: b.random.chance(0.7) ? b.op('Add', b.random.chance(0.5) ? [product, bias] : [bias, product]) : product,
    dims,
  };
}

function layerNorm(b: GraphBuilder, x: Value): Value {
  const depth = x.dims.at(-1)!;
  const scale = b.floats([depth], b.random.normals(depth));
  const bias = b.random.chance(0.7) ? [b.floats([depth], b.random.normals(depth, 0.2))] : [];
  return same(x, b.op('LayerNormalization', [x.name, scale, ...bias], { axis: -1 }));
}

function decomposedGelu(b: GraphBuilder, x: Value): Value {
  if (b.opset < 9 || b.random.chance(0.4)) {
    const cube = b.op('Mul', [b.op('Mul', [x.name, x.name]), x.name]);
    const inner = b.op('Add', [x.name, b.op('Mul', [cube, b.scalar(0.044715)])]);
    const gate = b.op('Add', [b.op('Tanh', [b.op('Mul', [inner, b.scalar(0.7978845608)])]), b.scalar(1)]);
    return same(x, b.op('Mul', [b.op('Mul', [x.name, gate]), b.scalar(0.5)]));
  }
  const gate = b.op('Add', [b.op('Erf', [b.op('Div', [x.name, b.scalar(Math.SQRT2)])]), b.scalar(1)]);
  return same(x, b.op('Mul', [b.op('Mul', [x.name, gate]), b.scalar(0.5)]));
}

/** Q·Kᵀ, a scale, a mask of one of the usual kinds, softmax, ·V. */
function attention(b: GraphBuilder, x: Value): Value {
  const [n = 1, length = 1, depth = 1] = x.dims;
  const heads = depth % 2 === 0 ? 2 : 1;
  const project = () => {
    const product = b.op('MatMul', [x.name, b.weights([depth, depth], depth)]);
    const split = b.reshape(product, [n, length, heads, depth / heads]);
    return b.op('Transpose', [split], { perm: [0, 2, 1, 3] });
  };
  const [q, k, v] = [project(), project(), project()];
  const scale = b.scalar(1 / Math.sqrt(depth / heads));
  const keys = b.op('Transpose', [k], { perm: [0, 1, 3, 2] });
  let scores = b.random.chance(0.5)
    ? b.op('Mul', [b.op('MatMul', [q, keys]), scale])
    : b.op('MatMul', [b.op('Mul', [q, scale]), keys]);
  scores = masked(b, scores, length);
  const weights = b.softmax(scores, 4);
  const mixed = b.op('Transpose', [b.op('MatMul', [weights, v])], { perm: [0, 2, 1, 3] });
  const joined = b.op('Reshape', [mixed, b.op('Shape', [x.name])]);
  const projected = b.op('MatMul', [joined, b.weights([depth, depth], depth)]);
  return same(x, b.random.chance(0.7) ? b.op('Add', [x.name, projected]) : projected);
}

function masked(b: GraphBuilder, scores: string, length: number): string {
  const causal = Array.from({ length: length * length }, (_, i) => (i % length > Math.floor(i / length) ? 1 : 0));
  const floor = b.random.pick([-1e9, -10000, -3.4028234663852886e38, -Infinity]);
  const kind = b.random.pick(['none', 'added', 'computed', 'where']);
  if (kind === 'added')
    return b.op('Add', [
      scores,
      b.floats(
        [1, 1, length, length],
        causal.map((hidden) => (hidden ? floor : 0)),
      ),
    ]);
  if (kind === 'computed') {
    // (1 − mask) · −10000, as BERT's exporters write it.
    const visible = b.cast(
      b.constant({
        dtype: 'int64',
        dims: [1, 1, length, length],
        data: BigInt64Array.from(causal, (hidden) => BigInt(1 - hidden)),
      }),
      'fp32',
    );
    return b.op('Add', [
      scores,
      b.op('Mul', [b.op('Sub', [b.scalar(1), visible]), b.scalar(Number.isFinite(floor) ? floor : -1e9)]),
    ]);
  }
  if (kind === 'where' && b.opset >= 9) {
    const hidden = b.constant({ dtype: 'bool', dims: [1, 1, length, length], data: Uint8Array.from(causal) });
    return b.op('Where', [hidden, b.floats([], [floor]), scores]);
  }
  return scores;
}

function positions(b: GraphBuilder, x: Value): Value {
  const [, length = 1, depth = 1] = x.dims;
  if (b.opset >= 11 && b.random.chance(0.5)) {
    const end = b.op('Gather', [b.op('Shape', [x.name]), b.ints([1], [])], { axis: 0 });
    const steps = b.cast(b.op('Range', [b.ints([0], []), end, b.ints([1], [])]), 'fp32');
    const angles = b.op('MatMul', [
      b.unsqueeze(steps, [1]),
      b.floats(
        [1, depth],
        Float32Array.from({ length: depth }, (_, i) => 1 / 10 ** (i / depth)),
      ),
    ]);
    return same(x, b.op('Add', [x.name, b.op(b.random.pick(['Sin', 'Cos']), [angles])]));
  }
  return same(x, b.op('Add', [x.name, b.floats([1, length, depth], b.random.normals(length * depth, 0.3))]));
}

function gathered(b: GraphBuilder, x: Value): Value {
  const [n = 1, length = 1, depth = 1] = x.dims;
  const picks = Array.from({ length: b.random.integer(1, 4) }, () => b.random.integer(0, length - 1));
  return { name: b.op('Gather', [x.name, b.ints(picks)], { axis: 1 }), dims: [n, picks.length, depth] };
}

function recurrent(b: GraphBuilder, x: Value): Value | null {
  const [n = 1, length = 1, depth = 1] = x.dims;
  if (length > 40) return null;
  const hidden = 16;
  const opType = b.random.pick(['LSTM', 'GRU', 'RNN']);
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[opType] ?? 1;
  const timeFirst = b.op('Transpose', [x.name], { perm: [1, 0, 2] });
  const weights = [b.weights([1, gates * hidden, depth], depth), b.weights([1, gates * hidden, hidden], hidden)];
  const bias = b.random.chance(0.5)
    ? [b.floats([1, 2 * gates * hidden], b.random.normals(2 * gates * hidden, 0.1))]
    : [];
  // An absent sequence length before a given initial state.
  const state =
    bias.length > 0 && b.random.chance(0.4) ? ['', b.floats([1, n, hidden], b.random.normals(n * hidden, 0.2))] : [];
  const [output] = b.ops(opType, [timeFirst, ...weights, ...bias, ...state], b.random.integer(1, 2), {
    hidden_size: hidden,
  });
  const flat = b.squeeze(output!, [1]);
  return { name: b.op('Transpose', [flat], { perm: [1, 0, 2] }), dims: [n, length, hidden] };
}

function einsum(b: GraphBuilder, x: Value): Value {
  const depth = x.dims[2]!;
  return {
    name: b.op('Einsum', [x.name, b.weights([depth, 16], depth)], { equation: 'bij,jk->bik' }),
    dims: [...x.dims.slice(0, 2), 16],
  };
}

function sequenceToVector(b: GraphBuilder, x: Value): Value {
  const [n = 1, length = 1, depth = 1] = x.dims;
  if (b.random.chance(0.5)) return { name: b.reduce('ReduceMean', x.name, [1], 0), dims: [n, depth] };
  const last = b.op('Gather', [x.name, b.ints([length - 1], [])], { axis: 1 });
  return { name: last, dims: [n, depth] };
}

function sequenceToMap(b: GraphBuilder, x: Value): Value {
  const [n = 1, length = 1, depth = 1] = x.dims;
  const flipped = b.op('Transpose', [x.name], { perm: [0, 2, 1] });
  return { name: b.unsqueeze(flipped, [2]), dims: [n, depth, 1, length] };
}

// Vectors

function gemm(b: GraphBuilder, x: Value): Value {
  const [n = 1, depth = 1] = x.dims;
  const width = b.random.pick([16, 32, 10, 24]);
  const transB = b.random.chance(0.5) ? 1 : 0;
  const weight = b.weights(transB ? [width, depth] : [depth, width], depth);
  const biasDims = b.random.pick([[width], [1, width], [1], []]);
  const bias =
    b.random.chance(0.7) || b.opset < 11 ? [b.floats(biasDims, b.random.normals(elementCount(biasDims), 0.2))] : [];
  const transA = b.random.chance(0.15) ? 1 : 0;
  const source = transA ? b.op('Transpose', [x.name], { perm: [1, 0] }) : x.name;
  const scales = b.random.chance(0.2) ? { alpha: { float: 0.5 }, beta: { float: 2 } } : {};
  return {
    name: b.op('Gemm', [source, weight, ...bias], {
      ...scales,
      ...(transB ? { transB } : {}),
      ...(transA ? { transA } : {}),
    }),
    dims: [n, width],
  };
}

function vectorToSequence(b: GraphBuilder, x: Value): Value {
  const [n = 1, depth = 1] = x.dims;
  return { name: b.unsqueeze(x.name, [1]), dims: [n, 1, depth] };
}

function topValues(b: GraphBuilder, x: Value): Value {
  const [n = 1, depth = 1] = x.dims;
  const k = Math.min(depth, 8);
  const [values] =
    b.opset < 10 ? b.ops('TopK', [x.name], 2, { axis: 1, k }) : b.ops('TopK', [x.name, b.ints([k])], 2, { axis: 1 });
  return { name: values!, dims: [n, k] };
}

export const blocks: readonly Block[] = [
  { name: 'activation', rank: null, make: activation },
  { name: 'affine', rank: null, make: affine },
  { name: 'extremeScale', rank: null, rare: true, make: extremeScale },
  { name: 'clipped', rank: null, make: clipped },
  { name: 'selected', rank: null, make: selected },
  { name: 'several', rank: null, sinceOpset: 8, make: several },
  { name: 'halfIsland', rank: null, rare: true, make: halfIsland },
  { name: 'castChain', rank: null, rare: true, make: castChain },
  { name: 'existingQuantization', rank: null, sinceOpset: 10, rare: true, make: existingQuantization },
  { name: 'passedOn', rank: null, make: passedOn },
  { name: 'scaledBySize', rank: null, make: scaledBySize },
  { name: 'floatSize', rank: null, sinceOpset: 9, rare: true, make: floatSize },
  { name: 'expandedConstant', rank: null, sinceOpset: 9, make: expandedConstant },
  { name: 'throughVector', rank: null, make: throughVector },
  { name: 'throughMatrix', rank: null, make: throughMatrix },
  { name: 'residual', rank: null, make: residual },
  { name: 'splitAndJoined', rank: null, make: splitAndJoined },
  { name: 'sliced', rank: null, make: sliced },
  { name: 'padded', rank: null, make: padded },
  { name: 'decomposedNorm', rank: null, make: decomposedNorm },
  { name: 'unitNorm', rank: null, rare: true, make: unitNorm },
  { name: 'softmaxed', rank: null, rare: true, make: softmaxed },
  { name: 'reducedAndSpread', rank: null, make: reducedAndSpread },
  { name: 'functionCall', rank: null, sinceOpset: 15, rare: true, make: functionCall },
  { name: 'branch', rank: null, rare: true, make: branch },
  { name: 'loop', rank: null, rare: true, make: loop },
  { name: 'scan', rank: null, sinceOpset: 9, rare: true, make: scan },
  { name: 'convolution', rank: 4, make: convolutionBlock },
  { name: 'convolution', rank: 4, make: convolutionBlock },
  { name: 'convolution', rank: 4, make: convolutionBlock },
  { name: 'convolution', rank: 4, make: convolutionBlock },
  { name: 'residualBlock', rank: 4, make: residualBlock },
  { name: 'residualBlock', rank: 4, make: residualBlock },
  { name: 'inception', rank: 4, make: inception },
  { name: 'transposedConvolution', rank: 4, make: transposedConvolution },
  { name: 'batchNorm', rank: 4, make: batchNorm },
  { name: 'instanceNorm', rank: 4, make: instanceNorm },
  { name: 'groupNorm', rank: 4, make: groupNorm },
  { name: 'pool', rank: 4, make: pool },
  { name: 'pool', rank: 4, make: pool },
  { name: 'squeezeAndExcite', rank: 4, make: squeezeAndExcite },
  { name: 'localResponse', rank: 4, rare: true, make: localResponse },
  { name: 'spaceAndDepth', rank: 4, make: spaceAndDepth },
  { name: 'channelsLast', rank: 4, make: channelsLast },
  { name: 'enlarged', rank: 4, make: enlarged },
  { name: 'channelShuffle', rank: 4, make: channelShuffle },
  { name: 'mapToSequence', rank: 4, make: mapToSequence },
  { name: 'mapToVector', rank: 4, make: mapToVector },
  { name: 'linear', rank: 3, make: linear },
  { name: 'linear', rank: 3, make: linear },
  { name: 'layerNorm', rank: 3, sinceOpset: 17, make: layerNorm },
  { name: 'layerNorm', rank: 3, sinceOpset: 17, make: layerNorm },
  { name: 'decomposedGelu', rank: 3, make: decomposedGelu },
  { name: 'attention', rank: 3, make: attention },
  { name: 'attention', rank: 3, make: attention },
  { name: 'positions', rank: 3, make: positions },
  { name: 'gathered', rank: 3, make: gathered },
  { name: 'recurrent', rank: 3, rare: true, make: recurrent },
  { name: 'einsum', rank: 3, sinceOpset: 12, rare: true, make: einsum },
  { name: 'sequenceToVector', rank: 3, make: sequenceToVector },
  { name: 'sequenceToMap', rank: 3, rare: true, make: sequenceToMap },
  { name: 'gemm', rank: 2, make: gemm },
  { name: 'gemm', rank: 2, make: gemm },
  { name: 'gemm', rank: 2, make: gemm },
  { name: 'vectorToSequence', rank: 2, make: vectorToSequence },
  { name: 'topValues', rank: 2, rare: true, make: topValues },
];
