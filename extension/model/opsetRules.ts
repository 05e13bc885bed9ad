/**
 * Rewrites of single nodes from one version of an operator to the next: exact, or refused.
 *
 * The cases that `opsetChanges.ts` marks as `rewrite`; applied by `upgradeOpset.ts`. Source: ONNX's Changelog, and
 * ONNX Runtime's kernels where the older text leaves the arithmetic open (Resize and Upsample before opset 11).
 */
import type { DType, Tensor } from '../contract/tensor';
import {
  findAttribute,
  getFloat,
  getFloats,
  getInt,
  getInts,
  getString,
  hasAttribute,
  removeAttribute,
  setInt,
  setString,
} from './attributes';
import { toBfloat16, toFloat16 } from './float16';
import { attributeType, newAttribute, newNode, type NodeProto } from './onnx.generated';
import type { UpgradeScope } from './upgradeScope';

/** Changes the node in place; throws `Refusal` when no exact rewrite exists. */
export type OpsetRule = (node: NodeProto, scope: UpgradeScope) => void;

/** Why a node has no exact counterpart, as the end of a sentence. */
export class Refusal extends Error {}

/** By operator and the version that asks for the rewrite. */
export const opsetRules: Readonly<Record<string, OpsetRule>> = {
  'BatchNormalization 9': batchNormalization9,
  'BatchNormalization 14': batchNormalization14,
  'Clip 11': clip11,
  'DFT 20': dft20,
  'Dropout 10': dropout10,
  'Dropout 12': dropout12,
  'GridSample 20': gridSample20,
  'GroupNormalization 21': groupNormalization21,
  'Hardmax 13': lastAxis13,
  'LogSoftmax 13': lastAxis13,
  'Pad 11': pad11,
  'ReduceL1 18': axesToInput,
  'ReduceL2 18': axesToInput,
  'ReduceLogSum 18': axesToInput,
  'ReduceLogSumExp 18': axesToInput,
  'ReduceMax 18': axesToInput,
  'ReduceMean 18': axesToInput,
  'ReduceMin 18': axesToInput,
  'ReduceProd 18': axesToInput,
  'ReduceSum 13': axesToInput,
  'ReduceSumSquare 18': axesToInput,
  'Resize 11': resize11,
  'Resize 13': resize13,
  'RoiAlign 16': roiAlign16,
  'Scatter 11': scatter11,
  'Slice 10': slice10,
  'Softmax 13': lastAxis13,
  'Split 13': split13,
  'Split 18': split18,
  'Squeeze 13': axesToInput,
  'TopK 10': topK10,
  'Unsqueeze 13': axesToInput,
  'Upsample 9': upsample9,
  'Upsample 10': upsample10,
};

function axesToInput(node: NodeProto, scope: UpgradeScope): void {
  intsToInput(node, 'axes', 1, scope);
}

function split13(node: NodeProto, scope: UpgradeScope): void {
  intsToInput(node, 'split', 1, scope);
}

function split18(node: NodeProto): void {
  if (input(node, 1) === '') setInt(node, 'num_outputs', node.output.length);
}

function slice10(node: NodeProto, scope: UpgradeScope): void {
  intsToInput(node, 'starts', 1, scope);
  intsToInput(node, 'ends', 2, scope);
  intsToInput(node, 'axes', 3, scope);
}

function topK10(node: NodeProto, scope: UpgradeScope): void {
  intsToInput(node, 'k', 1, scope);
}

function dft20(node: NodeProto, scope: UpgradeScope): void {
  const axis = getInt(node, 'axis', 1);
  refuseReference(node, 'axis');
  removeAttribute(node, 'axis');
  setInput(node, 2, scope.constant(nameFor(node, 'axis'), int64([axis], [])));
}

/** In opset 7 the mask has the type of the data; nothing can tell whether a reader counts on that. */
function dropout10(node: NodeProto, scope: UpgradeScope): void {
  if (scope.isRead(node.output[1] ?? '')) throw new Refusal('its mask is used, which is boolean in later versions');
}

/** The ratio only matters in training, which needs the third input; it is kept for readers of the graph. */
function dropout12(node: NodeProto, scope: UpgradeScope): void {
  refuseReference(node, 'ratio');
  const ratio = getFloat(node, 'ratio', 0.5);
  if (!removeAttribute(node, 'ratio')) return;
  setInput(node, 1, scope.constant(nameFor(node, 'ratio'), float32([ratio], [])));
}

function clip11(node: NodeProto, scope: UpgradeScope): void {
  for (const [index, name] of [
    [1, 'min'],
    [2, 'max'],
  ] as const) {
    if (!hasAttribute(node, name)) continue;
    refuseReference(node, name);
    const value = getFloat(node, name, 0);
    removeAttribute(node, name);
    setInput(node, index, scope.constant(nameFor(node, name), scalarLike(value, node, scope)));
  }
}

function pad11(node: NodeProto, scope: UpgradeScope): void {
  refuseReference(node, 'value');
  const value = getFloat(node, 'value', 0);
  removeAttribute(node, 'value');
  intsToInput(node, 'pads', 1, scope);
  if (value !== 0) setInput(node, 2, scope.constant(nameFor(node, 'value'), scalarLike(value, node, scope)));
}

function batchNormalization9(node: NodeProto): void {
  if (getInt(node, 'spatial', 1) !== 1) throw new Refusal('spatial = 0 has no counterpart in later versions');
  removeAttribute(node, 'spatial');
}

/** Outputs beyond the first serve training. They are dropped where nothing reads them. */
function batchNormalization14(node: NodeProto, scope: UpgradeScope): void {
  if (node.output.slice(1).some((name) => scope.isRead(name))) {
    throw new Refusal('its outputs for training are used, and these changed their meaning');
  }
  node.output.length = 1;
}

function roiAlign16(node: NodeProto): void {
  if (!hasAttribute(node, 'coordinate_transformation_mode')) {
    setString(node, 'coordinate_transformation_mode', 'output_half_pixel');
  }
}

function scatter11(node: NodeProto): void {
  node.opType = 'ScatterElements';
}

function gridSample20(node: NodeProto): void {
  refuseReference(node, 'mode');
  const mode = getString(node, 'mode', 'bilinear');
  const renamed = { bilinear: 'linear', bicubic: 'cubic' }[mode];
  if (renamed !== undefined) setString(node, 'mode', renamed);
}

/**
 * Until opset 11 these flatten their input to a matrix at `axis` and work on its rows. Where that axis is the last one
 * the two agree; else the flattening is written out.
 */
function lastAxis13(node: NodeProto, scope: UpgradeScope): void {
  refuseReference(node, 'axis');
  const axis = getInt(node, 'axis', 1);
  const source = input(node, 0);
  const rank = scope.rank(source);
  if (axis === -1 || (rank !== null && axis === rank - 1)) {
    setInt(node, 'axis', -1);
    return;
  }
  const result = node.output[0] ?? '';
  const shape = scope.unique(`${result}_shape`);
  const rows = scope.unique(`${result}_rows`);
  const flat = scope.unique(`${result}_flat`);
  scope.insertBefore(newNode({ name: shape, opType: 'Shape', input: [source], output: [shape] }));
  const flatten = newNode({ name: rows, opType: 'Flatten', input: [source], output: [rows] });
  setInt(flatten, 'axis', axis);
  scope.insertBefore(flatten);
  const reshape = newNode({
    name: scope.unique(`${flat}_reshape`),
    opType: 'Reshape',
    input: [flat, shape],
    output: [result],
  });
  // Sizes of zero mean zero here, not "as in the input".
  if (scope.target >= 14) setInt(reshape, 'allowzero', 1);
  node.input[0] = rows;
  node.output[0] = flat;
  setInt(node, 'axis', -1);
  scope.insertAfter(reshape);
}

function upsample9(node: NodeProto, scope: UpgradeScope): void {
  refuseReference(node, 'scales');
  const scales = getFloats(node, 'scales');
  if (scales === undefined) throw new Refusal('it has no scales');
  removeAttribute(node, 'scales');
  setInput(node, 1, scope.constant(nameFor(node, 'scales'), float32(scales, [scales.length])));
}

/** Upsample never shrinks, so nearest always rounds down. */
function upsample10(node: NodeProto): void {
  node.opType = 'Resize';
  setString(node, 'nearest_mode', 'floor');
}

/**
 * Resize of opset 10 scales coordinates without an offset. How "nearest" rounds was left open; ONNX Runtime rounds down
 * along an axis that grows and up along one that shrinks.
 */
function resize11(node: NodeProto, scope: UpgradeScope): void {
  const scales = input(node, 1);
  const roi = scope.constant(nameFor(node, 'roi'), float32([], [0]));
  node.input = [input(node, 0), roi, scales];
  setString(node, 'coordinate_transformation_mode', 'asymmetric');
  if (getString(node, 'mode', 'nearest') !== 'nearest' || hasAttribute(node, 'nearest_mode')) return;
  const known = Array.from((scope.constantValue(scales)?.data ?? []) as Float32Array);
  if (known.length > 0 && known.every((scale) => scale >= 1)) setString(node, 'nearest_mode', 'floor');
  else if (known.length > 0 && known.every((scale) => scale <= 1)) setString(node, 'nearest_mode', 'ceil');
  else growThenShrink(node, scales, scope);
}

/** Two steps, each of which leaves alone the axes of the other: for scales of both kinds or not known before running. */
function growThenShrink(node: NodeProto, scales: string, scope: UpgradeScope): void {
  const one = scope.constant(nameFor(node, 'one'), float32([1], [1]));
  const limit = (opType: 'Max' | 'Min', suffix: string): string => {
    const name = scope.unique(nameFor(node, suffix));
    scope.insertBefore(newNode({ name, opType, input: [scales, one], output: [name] }));
    return name;
  };
  const growing = limit('Max', 'growing');
  const shrinking = limit('Min', 'shrinking');
  const grown = scope.unique(nameFor(node, 'grown'));
  const [source = '', roi = ''] = node.input;
  const grow = newNode({ name: grown, opType: 'Resize', input: [source, roi, growing], output: [grown] });
  setString(grow, 'coordinate_transformation_mode', 'asymmetric');
  setString(grow, 'nearest_mode', 'floor');
  scope.insertBefore(grow);
  node.input = [grown, roi, shrinking];
  setString(node, 'nearest_mode', 'ceil');
}

function resize13(node: NodeProto, scope: UpgradeScope): void {
  if (getString(node, 'coordinate_transformation_mode', 'half_pixel') === 'tf_half_pixel_for_nn') {
    // floor((i + 0.5) / s) of the one is round-half-up((i + 0.5) / s - 0.5) of the other.
    const isFloor = getString(node, 'nearest_mode', 'round_prefer_floor') === 'floor';
    if (getString(node, 'mode', 'nearest') !== 'nearest' || !isFloor) {
      throw new Refusal('coordinate_transformation_mode tf_half_pixel_for_nn is gone');
    }
    setString(node, 'coordinate_transformation_mode', 'half_pixel');
    setString(node, 'nearest_mode', 'round_prefer_ceil');
  }
  // Opset 11 has scales or sizes as an empty tensor where the other one counts; later it must be absent.
  const isEmpty = (index: number): boolean => scope.constantValue(input(node, index))?.data.length === 0;
  if (input(node, 3) === '') return;
  if (isEmpty(3)) node.input.length = 3;
  else if (scope.constantValue(input(node, 2)) === null || isEmpty(2)) node.input[2] = '';
  else throw new Refusal('it has both scales and sizes');
}

/** From one scale and bias per group to one per channel, by repeating each for the channels of its group. */
function groupNormalization21(node: NodeProto, scope: UpgradeScope): void {
  refuseReference(node, 'num_groups');
  const groups = getInt(node, 'num_groups', 0);
  const base = node.output[0] ?? '';
  const add = (opType: string, inputs: string[], suffix: string): NodeProto => {
    const name = scope.unique(`${base}_${suffix}`);
    const added = newNode({ name, opType, input: inputs, output: [name] });
    scope.insertBefore(added);
    return added;
  };
  const channels = add('Shape', [input(node, 0)], 'channels');
  setInt(channels, 'start', 1);
  setInt(channels, 'end', 2);
  const count = scope.constant(`${base}_groups`, int64([groups], [1]));
  const each = add('Div', [channels.output[0]!, count], 'group_size');
  const expanded = add('Concat', [count, each.output[0]!], 'grid');
  setInt(expanded, 'axis', 0);
  const column = scope.constant(`${base}_column`, int64([groups, 1], [2]));
  const flat = scope.constant(`${base}_flat`, int64([-1], [1]));
  for (const index of [1, 2]) {
    const asColumn = add('Reshape', [input(node, index), column], `column${index}`);
    const grid = add('Expand', [asColumn.output[0]!, expanded.output[0]!], `grid${index}`);
    node.input[index] = add('Reshape', [grid.output[0]!, flat], `channels${index}`).output[0]!;
  }
}

/** Turns an attribute with one or several integers into a constant input; nothing happens where it is absent. */
function intsToInput(node: NodeProto, name: string, index: number, scope: UpgradeScope): void {
  const attribute = findAttribute(node, name);
  if (attribute === undefined) return;
  if (attribute.refAttrName !== undefined && attribute.refAttrName !== '') {
    // In a function the value is a parameter, which a Constant node can hand on.
    if (attribute.type === attributeType.INT) throw new Refusal(`its ${name} is a parameter of a function`);
    const tensor = scope.unique(nameFor(node, name));
    const { refAttrName } = attribute;
    const value = newAttribute({ name: 'value_ints', refAttrName, type: attributeType.INTS });
    scope.insertBefore(newNode({ name: tensor, opType: 'Constant', output: [tensor], attribute: [value] }));
    setInput(node, index, tensor);
  } else {
    const values = attribute.type === attributeType.INT ? [getInt(node, name, 0)] : (getInts(node, name) ?? []);
    setInput(node, index, scope.constant(nameFor(node, name), int64(values, [values.length])));
  }
  removeAttribute(node, name);
}

/** A function's parameter cannot be computed with while rewriting. */
function refuseReference(node: NodeProto, name: string): void {
  const reference = findAttribute(node, name)?.refAttrName;
  if (reference !== undefined && reference !== '') throw new Refusal(`its ${name} is a parameter of a function`);
}

function input(node: NodeProto, index: number): string {
  return node.input[index] ?? '';
}

/** Sets an input; the optional ones before it stay absent. */
function setInput(node: NodeProto, index: number, tensor: string): void {
  while (node.input.length < index) node.input.push('');
  node.input[index] = tensor;
}

function nameFor(node: NodeProto, what: string): string {
  return `${node.output.find((output) => output !== '') ?? node.opType}_${what}`;
}

function int64(values: readonly number[], dims: readonly number[]): Tensor {
  return { dtype: 'int64', dims, data: BigInt64Array.from(values, BigInt) };
}

function float32(values: readonly number[], dims: readonly number[]): Tensor {
  return { dtype: 'fp32', dims, data: Float32Array.from(values) };
}

/** A scalar of the type of a node's first input; FP32 where that cannot be told, as nearly all models are. */
function scalarLike(value: number, node: NodeProto, scope: UpgradeScope): Tensor {
  const dtype = scope.dtype(input(node, 0)) ?? 'fp32';
  return { dtype, dims: [], data: scalarData(value, dtype) };
}

function scalarData(value: number, dtype: DType): Tensor['data'] {
  switch (dtype) {
    case 'fp32':
      return Float32Array.of(value);
    case 'fp64':
      return Float64Array.of(value);
    case 'fp16':
      return Uint16Array.of(toFloat16(value));
    case 'bf16':
      return Uint16Array.of(toBfloat16(value));
    default:
      throw new Refusal(`its data is ${dtype}, for which the older version was not defined`);
  }
}
