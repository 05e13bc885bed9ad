/**
 * Evaluates nodes whose inputs are all constants, where that is exact: moves of elements and integer arithmetic.
 *
 * Exporters leave shapes, axes and reshaped biases as small computations; rules and folding of biases need them as
 * constants. Float arithmetic is never evaluated here, so nothing rounds. Part of `prepareModel.ts`.
 */
import { elementCount, type Tensor, type TensorData } from '../../contract/tensor';
import { getInt, getInts, hasAttribute } from '../../model/attributes';
import { dtypeOrNull } from '../../model/dtype';
import { flatGraph } from '../../model/flatGraph';
import { GraphIndex, walkGraphs } from '../../model/graphIndex';
import { normalDomain, opsetVersion, type Model } from '../../model/model';
import type { GraphProto, NodeProto } from '../../model/onnx.generated';
import { makeTensor } from '../../model/tensorValues';
import { Constants } from '../constants';

/** Results larger than this are not folded: they would bloat the file (Expand, ConstantOfShape). */
const largestNewTensor = 1 << 16;

/** Edits the graph and its bodies in place; nodes must be in topological order and names unique. */
export function foldConstants(model: Model): void {
  const values = new Map<string, Tensor>();
  const constants = new Constants(flatGraph(model.proto.graph), model);
  for (const graph of walkGraphs(model.proto.graph)) foldGraph(graph, opsetVersion(model.proto), values, constants);
}

/** @param values what was folded so far, here and in the graphs around this one; added to */
function foldGraph(graph: GraphProto, opset: number, values: Map<string, Tensor>, constants: Constants): void {
  const index = new GraphIndex(graph);
  const get = (name: string): Tensor | undefined => values.get(name) ?? constants.tensor(name);
  graph.node = graph.node.filter((node) => {
    const [output = ''] = node.output;
    if (node.output.length !== 1 || index.isGraphOutput(output) || normalDomain(node.domain) !== '') return true;
    if (!node.input.every((name) => name === '' || values.has(name) || constants.has(name))) return true;
    if (!foldable.has(node.opType ?? '') || node.input.some((name) => index.isGraphInput(name))) return true;
    const result = evaluate(node, get, opset);
    if (result === null) return true;
    values.set(output, result);
    graph.initializer.push(makeTensor(output, result));
    return false;
  });
}

const foldable = new Set(
  'Reshape Squeeze Unsqueeze Flatten Transpose Cast Concat Gather Slice Shape Size ConstantOfShape Add Sub Mul Div'.split(
    ' ',
  ),
);

/** The result of a node over constants, or null if it is not one of the exact cases. */
function evaluate(node: NodeProto, get: (name: string) => Tensor | undefined, opset: number): Tensor | null {
  const inputs = node.input.map((name) => (name === '' ? undefined : get(name)));
  const [first, second] = inputs;
  if (first === undefined || first.dtype === 'int4' || first.dtype === 'uint4' || first.dtype === 'string') return null;
  switch (node.opType) {
    case 'Reshape':
      return second === undefined ? null : reshape(node, first, integers(second));
    case 'Flatten':
      return flatten(first, getInt(node, 'axis', 1));
    case 'Squeeze':
      return squeeze(first, axesOf(node, second));
    case 'Unsqueeze':
      return unsqueeze(first, axesOf(node, second));
    case 'Transpose':
      return transpose(first, getInts(node, 'perm'));
    case 'Cast':
      return cast(node, first);
    case 'Concat':
      return concat(node, inputs);
    case 'Gather':
      return second === undefined ? null : gather(first, second, getInt(node, 'axis', 0));
    case 'Slice':
      return opset < 10 ? null : slice(first, inputs);
    case 'Shape':
      return shapeOf(node, first);
    case 'Size':
      return { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(elementCount(first.dims))) };
    case 'ConstantOfShape':
      return hasAttribute(node, 'value') ? null : zeros(integers(first));
    default:
      return second === undefined ? null : arithmetic(node.opType ?? '', first, second);
  }
}

function integers(tensor: Tensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** Axes from the input (opset 13) or the attribute before it; undefined: not given. */
function axesOf(node: NodeProto, input: Tensor | undefined): number[] | undefined {
  return input === undefined ? getInts(node, 'axes') : integers(input);
}

function withDims(tensor: Tensor, dims: readonly number[]): Tensor | null {
  return elementCount(dims) === elementCount(tensor.dims) ? { ...tensor, dims } : null;
}

function reshape(node: NodeProto, tensor: Tensor, shape: readonly number[]): Tensor | null {
  const copiesZero = getInt(node, 'allowzero', 0) === 0;
  const dims = shape.map((size, axis) => (size === 0 && copiesZero ? (tensor.dims[axis] ?? 0) : size));
  const open = dims.indexOf(-1);
  if (open >= 0) {
    const known = dims.reduce((product, size, axis) => (axis === open ? product : product * size), 1);
    if (known === 0) return null;
    dims[open] = elementCount(tensor.dims) / known;
  }
  return withDims(tensor, dims);
}

function flatten(tensor: Tensor, axis: number): Tensor | null {
  const split = axis < 0 ? axis + tensor.dims.length : axis;
  return withDims(tensor, [elementCount(tensor.dims.slice(0, split)), elementCount(tensor.dims.slice(split))]);
}

function squeeze(tensor: Tensor, axes: readonly number[] | undefined): Tensor | null {
  const rank = tensor.dims.length;
  const drop = new Set(axes?.map((axis) => (axis < 0 ? axis + rank : axis)));
  const dims = tensor.dims.filter((size, axis) => (axes === undefined ? size !== 1 : !drop.has(axis)));
  return withDims(tensor, dims);
}

function unsqueeze(tensor: Tensor, axes: readonly number[] | undefined): Tensor | null {
  if (axes === undefined) return null;
  const rank = tensor.dims.length + axes.length;
  const insert = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = tensor.dims[Symbol.iterator]();
  const dims = Array.from({ length: rank }, (_, axis) => (insert.has(axis) ? 1 : Number(rest.next().value ?? 1)));
  return withDims(tensor, dims);
}

function transpose(tensor: Tensor, perm: readonly number[] | undefined): Tensor | null {
  const { dims } = tensor;
  const order = perm ?? dims.map((_, axis) => dims.length - 1 - axis);
  if (order.length !== dims.length) return null;
  const strides = dims.map((_, axis) => elementCount(dims.slice(axis + 1)));
  const outDims = order.map((axis) => dims[axis]!);
  const outStrides = order.map((axis) => strides[axis]!);
  const data = tensor.data.slice() as TensorData;
  const position = new Array<number>(outDims.length).fill(0);
  for (let target = 0, source = 0; target < data.length; target++) {
    data[target] = tensor.data[source]!;
    for (let axis = outDims.length - 1; axis >= 0; axis--) {
      position[axis]! += 1;
      source += outStrides[axis]!;
      if (position[axis]! < outDims[axis]!) break;
      source -= outStrides[axis]! * outDims[axis]!;
      position[axis] = 0;
    }
  }
  return { dtype: tensor.dtype, dims: outDims, data };
}

/** Only between integers, and only where every value fits. */
function cast(node: NodeProto, tensor: Tensor): Tensor | null {
  const target = dtypeOrNull(getInt(node, 'to', 0));
  if (target === tensor.dtype) return tensor;
  if (tensor.dtype !== 'int32' && tensor.dtype !== 'int64') return null;
  const values = integers(tensor);
  if (target === 'int64') return { dtype: 'int64', dims: tensor.dims, data: BigInt64Array.from(values, BigInt) };
  if (target !== 'int32' || values.some((value) => Math.abs(value) > 2 ** 31 - 1)) return null;
  return { dtype: 'int32', dims: tensor.dims, data: Int32Array.from(values) };
}

function concat(node: NodeProto, inputs: readonly (Tensor | undefined)[]): Tensor | null {
  const tensors = inputs.filter((tensor) => tensor !== undefined);
  const [first] = tensors;
  const isVector = tensors.every((tensor) => tensor.dims.length === 1 && tensor.dtype === first?.dtype);
  if (first === undefined || tensors.length !== inputs.length || !isVector) return null;
  if (getInt(node, 'axis', 0) > 0 || first.dtype !== 'int64') return null;
  const data = BigInt64Array.from(tensors.flatMap((tensor) => Array.from(tensor.data as BigInt64Array)));
  return { dtype: 'int64', dims: [data.length], data };
}

/** Elements of a vector. */
function gather(tensor: Tensor, indices: Tensor, axis: number): Tensor | null {
  if (tensor.dims.length !== 1 || (axis !== 0 && axis !== -1)) return null;
  const size = tensor.dims[0]!;
  const positions = integers(indices).map((position) => (position < 0 ? position + size : position));
  if (positions.some((position) => position < 0 || position >= size)) return null;
  return pick(tensor, positions, indices.dims);
}

/** A range of a vector. */
function slice(tensor: Tensor, inputs: readonly (Tensor | undefined)[]): Tensor | null {
  const [, starts, ends, axes, steps] = inputs;
  if (tensor.dims.length !== 1 || starts === undefined || ends === undefined) return null;
  const [start = 0, end = 0, axis = 0, step = 1] = [starts, ends, axes, steps].map((input) =>
    input === undefined ? undefined : integers(input)[0],
  );
  if ((axis !== 0 && axis !== -1) || step !== 1) return null;
  const size = tensor.dims[0]!;
  const clamp = (value: number) => Math.min(size, Math.max(0, value < 0 ? value + size : value));
  const [from, to] = [clamp(start), clamp(end)];
  const positions = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  return pick(tensor, positions, [positions.length]);
}

function pick(tensor: Tensor, positions: readonly number[], dims: readonly number[]): Tensor {
  const data = tensor.data.slice(0, positions.length) as TensorData;
  const target =
    data.length === positions.length
      ? data
      : new (tensor.data.constructor as new (n: number) => TensorData)(positions.length);
  positions.forEach((position, i) => {
    target[i] = tensor.data[position]!;
  });
  return { dtype: tensor.dtype, dims, data: target };
}

function shapeOf(node: NodeProto, tensor: Tensor): Tensor {
  const end = hasAttribute(node, 'end') ? getInt(node, 'end', 0) : tensor.dims.length;
  const dims = tensor.dims.slice(getInt(node, 'start', 0), end);
  return { dtype: 'int64', dims: [dims.length], data: BigInt64Array.from(dims, BigInt) };
}

function zeros(dims: readonly number[]): Tensor | null {
  const count = elementCount(dims);
  return count > largestNewTensor ? null : { dtype: 'fp32', dims, data: new Float32Array(count) };
}

/** int64 scalars and vectors; floats would round. */
function arithmetic(opType: string, left: Tensor, right: Tensor): Tensor | null {
  if (left.dtype !== 'int64' || right.dtype !== 'int64') return null;
  const [a, b] = [left.data as BigInt64Array, right.data as BigInt64Array];
  const larger = a.length >= b.length ? left : right;
  if (a.length !== b.length && a.length !== 1 && b.length !== 1) return null;
  if (larger.dims.length > 1 || (larger === left ? right : left).dims.length > larger.dims.length) return null;
  const data = new BigInt64Array(larger.data.length);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!];
    if (opType === 'Div' && y === 0n) return null;
    data[i] = opType === 'Add' ? x + y : opType === 'Sub' ? x - y : opType === 'Mul' ? x * y : x / y;
  }
  return { dtype: 'int64', dims: larger.dims, data };
}
