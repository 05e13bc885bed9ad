/**
 * Sizes of tensors as far as the declared input shapes decide them: forward rules of the common operators.
 *
 * Only `staticValues.ts` asks, to decide conditions such as "is this dimension 1". So the rules need not be complete: an unknown
 * operator, a free dimension or an odd attribute gives unknown, never a guess. `value_info` is not trusted, as exporters leave
 * it stale.
 */
import { getInt, getInts, getString, hasAttribute } from '../../model/attributes';
import type { NodeProto } from '../../model/onnx.generated';

/** Sizes per axis; null for one that is not known. */
export type Sizes = readonly (number | null)[];

/** What is known of a node's inputs. */
export interface KnownInputs {
  /** Undefined where not even the rank is known, and for absent inputs. */
  shape(position: number): Sizes | undefined;
  /** Elements of an integer input where all of them are known. */
  integers(position: number): readonly number[] | undefined;
}

type Rule = (node: NodeProto, inputs: KnownInputs) => Sizes | undefined;

/** Shape of a node's first output, or undefined. Further outputs have no rule. */
export function outputShape(node: NodeProto, inputs: KnownInputs): Sizes | undefined {
  return rules.get(node.opType ?? '')?.(node, inputs);
}

const sameAsFirst: Rule = (_, inputs) => inputs.shape(0);

const broadcast: Rule = (node, inputs) => {
  const shapes = node.input.map((_, position) => inputs.shape(position));
  return shapes.includes(undefined) ? undefined : broadcastSizes(shapes as Sizes[]);
};

/** An axis that is free in one operand and larger than 1 in another has the size of the latter. */
function broadcastSizes(shapes: readonly Sizes[]): Sizes {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape): number | null => {
      const own = axis - (rank - shape.length);
      return own < 0 ? 1 : (shape[own] ?? null);
    });
    const large = sizes.find((size) => size !== null && size !== 1);
    return large ?? (sizes.includes(null) ? null : 1);
  });
}

/** Convolutions and pools: N × C × spatial, the latter by the window. */
function windowed(node: NodeProto, x: Sizes, channels: number | null, kernel: readonly (number | null)[]): Sizes {
  const spatial = x.slice(2).map((size, axis) => {
    const plain = getString(node, 'auto_pad', 'NOTSET') === 'NOTSET' && getInt(node, 'ceil_mode', 0) === 0;
    const window = kernel[axis];
    if (!plain || size === null || window === null || window === undefined) return null;
    const pads = getInts(node, 'pads', []);
    const dilation = getInts(node, 'dilations', [])[axis] ?? 1;
    const stride = getInts(node, 'strides', [])[axis] ?? 1;
    const padded = size + (pads[axis] ?? 0) + (pads[axis + x.length - 2] ?? 0);
    return Math.floor((padded - dilation * (window - 1) - 1) / stride) + 1;
  });
  return [x[0] ?? null, channels, ...spatial];
}

const convolution: Rule = (node, inputs) => {
  const [x, weight] = [inputs.shape(0), inputs.shape(1)];
  return x === undefined || weight === undefined ? undefined : windowed(node, x, weight[0] ?? null, weight.slice(2));
};

const pool: Rule = (node, inputs) => {
  const x = inputs.shape(0);
  return x && windowed(node, x, x[1] ?? null, getInts(node, 'kernel_shape', []));
};

const globalPool: Rule = (_, inputs) => inputs.shape(0)?.map((size, axis) => (axis < 2 ? size : 1));

const matrixProduct: Rule = (_, inputs) => {
  const [a, b] = [inputs.shape(0), inputs.shape(1)];
  if (a === undefined || b === undefined || a.length < 2 || b.length < 2) return undefined;
  return [...broadcastSizes([a.slice(0, -2), b.slice(0, -2)]), a.at(-2)!, b.at(-1)!];
};

const gemm: Rule = (node, inputs) => {
  const [a, b] = [inputs.shape(0), inputs.shape(1)];
  if (a?.length !== 2 || b?.length !== 2) return undefined;
  return [a[getInt(node, 'transA', 0) === 1 ? 1 : 0]!, b[getInt(node, 'transB', 0) === 1 ? 0 : 1]!];
};

const transpose: Rule = (node, inputs) => {
  const x = inputs.shape(0);
  const order = getInts(node, 'perm') ?? x?.map((_, axis) => x.length - 1 - axis);
  return x && order?.map((axis) => x[axis] ?? null);
};

/** Axes from the input (opset 13) or the attribute before it; undefined: given, but not known, or not given at all. */
function axesOf(node: NodeProto, inputs: KnownInputs, position: number): readonly number[] | undefined {
  return (node.input[position] ?? '') === '' ? getInts(node, 'axes') : inputs.integers(position);
}

const squeeze: Rule = (node, inputs) => {
  const x = inputs.shape(0);
  const axes = axesOf(node, inputs, 1)?.map((axis) => (axis < 0 ? axis + (x?.length ?? 0) : axis));
  if (x === undefined) return undefined;
  if (axes !== undefined) return x.filter((_, axis) => !axes.includes(axis));
  // Without axes every 1 goes: the rank is open as long as a size is.
  return (node.input[1] ?? '') !== '' || x.includes(null) ? undefined : x.filter((size) => size !== 1);
};

const unsqueeze: Rule = (node, inputs) => {
  const x = inputs.shape(0);
  const axes = axesOf(node, inputs, 1);
  if (x === undefined || axes === undefined) return undefined;
  const rank = x.length + axes.length;
  const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = x[Symbol.iterator]();
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.next().value ?? null)));
};

const reduce: Rule = (node, inputs) => {
  const x = inputs.shape(0);
  if (x === undefined || getInt(node, 'noop_with_empty_axes', 0) !== 0) return undefined;
  const given = (node.input[1] ?? '') !== '';
  const axes = given ? inputs.integers(1) : (getInts(node, 'axes') ?? x.map((_, axis) => axis));
  if (axes === undefined || axes.length === 0) return undefined;
  const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + x.length : axis)));
  if (getInt(node, 'keepdims', 1) === 1) return x.map((size, axis) => (reduced.has(axis) ? 1 : size));
  return x.filter((_, axis) => !reduced.has(axis));
};

const concat: Rule = (node, inputs) => {
  const shapes = node.input.map((_, position) => inputs.shape(position));
  const [first] = shapes;
  if (first === undefined || shapes.includes(undefined)) return undefined;
  const axis = getInt(node, 'axis', 0) + (getInt(node, 'axis', 0) < 0 ? first.length : 0);
  return first.map((size, at) => {
    const sizes = (shapes as Sizes[]).map((shape) => shape[at] ?? null);
    if (at !== axis) return sizes.find((known) => known !== null) ?? size;
    return sizes.includes(null) ? null : sizes.reduce<number>((sum, known) => sum + known!, 0);
  });
};

const gather: Rule = (node, inputs) => {
  const [data, indices] = [inputs.shape(0), inputs.shape(1)];
  if (data === undefined || indices === undefined) return undefined;
  const axis = getInt(node, 'axis', 0) + (getInt(node, 'axis', 0) < 0 ? data.length : 0);
  return [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)];
};

const reshape: Rule = (node, inputs) => {
  const wanted = inputs.integers(1);
  const x = inputs.shape(0);
  if (wanted === undefined) return undefined;
  const copiesZero = getInt(node, 'allowzero', 0) === 0;
  const sizes = wanted.map((size, axis) => (size === 0 && copiesZero ? (x?.[axis] ?? null) : size));
  const open = sizes.indexOf(-1);
  if (open < 0) return sizes;
  const count = x === undefined ? null : product(x);
  const rest = product(sizes.filter((_, axis) => axis !== open));
  return sizes.map((size, axis) => (axis !== open ? size : count === null || !rest ? null : count / rest));
};

const flatten: Rule = (node, inputs) => {
  const x = inputs.shape(0);
  if (x === undefined) return undefined;
  const split = getInt(node, 'axis', 1) + (getInt(node, 'axis', 1) < 0 ? x.length : 0);
  return [product(x.slice(0, split)), product(x.slice(split))];
};

function product(sizes: Sizes): number | null {
  return sizes.reduce<number | null>((all, size) => (all === null || size === null ? null : all * size), 1);
}

/** Keeps the rank; sizes along the sliced axes are left open. */
const slice: Rule = (node, inputs) => {
  const x = inputs.shape(0);
  const given = (node.input[3] ?? '') !== '';
  const axes = given ? inputs.integers(3) : getInts(node, 'axes');
  const sliced = new Set(axes?.map((axis) => (axis < 0 ? axis + (x?.length ?? 0) : axis)));
  return x?.map((size, axis) => (axes === undefined || sliced.has(axis) ? null : size));
};

const shapeVector: Rule = (node, inputs) => {
  const x = inputs.shape(0);
  const whole = !hasAttribute(node, 'start') && !hasAttribute(node, 'end');
  return x && whole ? [x.length] : undefined;
};

const rules = new Map<string, Rule>(
  (
    [
      [
        'Identity Cast CastLike Dropout Relu LeakyRelu PRelu Elu Selu Celu Gelu Sigmoid HardSigmoid HardSwish Mish Tanh Softplus ' +
          'Softsign ThresholdedRelu Clip Softmax LogSoftmax Hardmax Abs Neg Exp Log Sqrt Erf Sin Cos Floor Ceil Round Sign Not ' +
          'Reciprocal BatchNormalization InstanceNormalization GroupNormalization LayerNormalization RMSNormalization ' +
          'LpNormalization LRN CumSum Trilu',
        sameAsFirst,
      ],
      [
        'Add Sub Mul Div Pow Min Max Sum Mean Mod Where Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor',
        broadcast,
      ],
      ['Conv', convolution],
      ['MaxPool AveragePool', pool],
      ['GlobalAveragePool GlobalMaxPool', globalPool],
      ['MatMul', matrixProduct],
      ['Gemm', gemm],
      ['Transpose', transpose],
      ['Squeeze', squeeze],
      ['Unsqueeze', unsqueeze],
      ['ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2', reduce],
      ['Concat', concat],
      ['Gather', gather],
      ['Reshape', reshape],
      ['Flatten', flatten],
      ['Slice', slice],
      ['Shape', shapeVector],
    ] as const
  ).flatMap(([names, rule]) => names.split(' ').map((name) => [name, rule] as const)),
);
