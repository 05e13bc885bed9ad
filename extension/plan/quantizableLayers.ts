/**
 * Which layers are worth 8 bits, and how: the activation input, the weight input and the axis of its scales.
 *
 * Sizes follow what TensorRT has fast kernels for (ModelOpt's exclusions, ALGORITHMS §2). Layers that read one position per
 * sample are left alone: they are bound by memory latency, gain nothing, and squeeze-excite branches among them are the
 * most sensitive part of mobile networks.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import { elementCount } from '../contract/tensor';
import { getInt } from '../model/attributes';
import type { GraphIndex } from '../model/graphIndex';
import type { NodeProto } from '../model/onnx.generated';
import type { Constants } from './constants';
import type { TensorTypes } from './inferTypes';
import type { QuantizedType } from './placeQuantization';

export interface QuantizableLayer {
  readonly activation: number;
  readonly weight: number;
  /** Axis of the weight with one scale per element; null for a single scale. */
  readonly axis: number | null;
}

export interface LayerContext {
  readonly dtype: QuantizedType;
  readonly index: GraphIndex;
  readonly constants: Constants;
  readonly types: TensorTypes;
  readonly ranges: TensorRanges | null;
}

/** Operators that have 8-bit kernels with weights. */
export const quantizableTypes: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** Channels below which INT8 tensor-core kernels do not pay. */
const fewChannels = 16;
/** FP8 convolutions exist only for kernels up to this volume. */
const largestFp8Kernel = 32;

export function quantizableLayer(
  node: NodeProto,
  context: LayerContext,
): QuantizableLayer | { readonly reason: string } {
  const isProduct = node.opType === 'Gemm' || node.opType === 'MatMul';
  return isProduct ? matrixProduct(node, context) : convolution(node, context);
}

function convolution(node: NodeProto, context: LayerContext): QuantizableLayer | { reason: string } {
  const { constants, dtype, index, ranges } = context;
  const dims = constants.dims(node.input[1] ?? '');
  if (dims === undefined) return { reason: 'its weights are not constant' };
  const transposed = node.opType === 'ConvTranspose';
  if (transposed && dtype === 'fp8e4m3') return { reason: 'TensorRT has no FP8 transposed convolution' };
  const group = getInt(node, 'group', 1);
  const kernel = dims.slice(2);
  const outputs = transposed ? (dims[1] ?? 0) * group : (dims[0] ?? 0);
  const inputs = transposed ? (dims[0] ?? 0) / group : (dims[1] ?? 0);
  const positions = spatialSize(ranges?.tensors.get(node.output[0] ?? '')?.dims);
  if (positions === 1) return { reason: 'computes one position per sample, where 8 bits gain nothing' };
  if (dtype === 'fp8e4m3') {
    if (group > 1) return { reason: 'TensorRT has no FP8 grouped convolution' };
    if (outputs <= fewChannels || inputs <= fewChannels) return { reason: `has ${fewChannels} channels or fewer` };
    if (elementCount(kernel) > largestFp8Kernel)
      return { reason: `has a kernel of more than ${largestFp8Kernel} elements` };
  } else if (!enoughChannels({ group, inputs, outputs, kernel, first: index.isGraphInput(node.input[0] ?? '') })) {
    return { reason: `has too few channels (${inputs} in a group → ${outputs}) for an INT8 kernel` };
  }
  // Output channels of a grouped transposed convolution are spread over groups along axis 1: one scale for all.
  const axis = transposed ? (group === 1 ? 1 : null) : 0;
  return { activation: 0, weight: 1, axis };
}

interface Channels {
  readonly group: number;
  /** Input channels in a group. */
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: readonly number[];
  readonly first: boolean;
}

function enoughChannels({ group, inputs, outputs, kernel, first }: Channels): boolean {
  if (inputs >= fewChannels && outputs >= fewChannels) return true;
  if (group > 1) return outputs % 8 === 0 && kernel.every((size) => size >= 3);
  const aligned = inputs % 8 === 0 || outputs % 8 === 0;
  const square = kernel.every((size) => size === kernel[0]);
  return aligned && square && (first || inputs >= fewChannels || outputs >= fewChannels);
}

function matrixProduct(node: NodeProto, context: LayerContext): QuantizableLayer | { reason: string } {
  const { constants, ranges } = context;
  const [first = '', second = ''] = node.input;
  const weightDims = constants.dims(second);
  if (weightDims === undefined) {
    const reason = constants.has(first)
      ? 'its constant is on the left'
      : 'multiplies two activations (attention), which need more than 8 bits';
    return { reason };
  }
  if (weightDims.length < 2) return { reason: 'multiplies by a vector' };
  const transposed = node.opType === 'Gemm' && getInt(node, 'transB', 0) === 1;
  const [rows = 0, columns = 0] = weightDims.slice(-2);
  const [depth, width] = transposed ? [columns, rows] : [rows, columns];
  if (width < fewChannels || depth < fewChannels)
    return { reason: `is too small (${depth} × ${width}) for an INT8 kernel` };
  const activation = ranges?.tensors.get(first)?.dims;
  if (activation !== undefined) {
    const inputTransposed = node.opType === 'Gemm' && getInt(node, 'transA', 0) === 1;
    const count = inputTransposed ? (activation.at(-1) ?? 0) : elementCount(activation.slice(0, -1));
    if (count === 1) return { reason: 'computes one row per sample, where 8 bits gain nothing' };
  }
  // One scale per output column; for stacked matrices that is the last axis, never axis 1.
  const axis = transposed ? 0 : weightDims.length - 1;
  return { activation: 0, weight: 1, axis };
}

/** Positions of a feature map N×C×spatial…, or undefined where the shape is not known. */
function spatialSize(dims: readonly number[] | undefined): number | undefined {
  return dims === undefined || dims.length < 3 ? undefined : elementCount(dims.slice(2));
}
