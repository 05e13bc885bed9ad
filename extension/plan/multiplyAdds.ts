/** How much a layer does: what INT8 saves on it, and what leaving it out costs. */
import type { TensorRanges } from '../contract/calibrationTable';
import { elementCount } from '../contract/tensor';
import { getInt } from '../model/attributes';
import type { GraphIndex } from '../model/graphIndex';
import type { NodeProto } from '../model/onnx.generated';

/**
 * Multiply-adds of a Conv, Gemm or MatMul with constant weights for one sample, from the output shape that calibration saw;
 * 0 where that is not known.
 */
export function multiplyAdds(node: NodeProto, index: GraphIndex, ranges: TensorRanges): number {
  const weight = index.initializer(node.input[1] ?? '');
  const output = ranges.tensors.get(node.output[0] ?? '');
  if (weight === undefined || output === undefined) return 0;
  return elementCount(output.dims) * termsPerOutput(node, weight.dims);
}

/** Products that are summed into one output element. */
function termsPerOutput(node: NodeProto, dims: readonly number[]): number {
  switch (node.opType) {
    case 'Conv':
      return elementCount(dims.slice(1));
    case 'Gemm':
      return dims[getInt(node, 'transB', 0) === 1 ? 1 : 0] ?? 0;
    case 'MatMul':
      return dims.at(-2) ?? 0;
    default:
      return 0;
  }
}

/**
 * Multiply-adds that a GPU does in INT8 while it moves one byte. Between 200 (Orin, H200) and 400 (L4): layers with fewer
 * per byte, among them all depthwise convolutions, wait for memory.
 */
const multiplyAddsPerByte = 256;

/**
 * Time of a layer in INT8, in bytes moved: its input, output and weights, and its arithmetic at `multiplyAddsPerByte`. 0 where
 * the shapes are not known.
 */
export function layerTime(node: NodeProto, index: GraphIndex, ranges: TensorRanges): number {
  const arithmetic = multiplyAdds(node, index, ranges);
  if (arithmetic === 0) return 0;
  const elements = (name: string | undefined) => elementCount(ranges.tensors.get(name ?? '')?.dims ?? []);
  const weights = elementCount(index.initializer(node.input[1] ?? '')?.dims ?? []);
  return elements(node.input[0]) + elements(node.output[0]) + weights + arithmetic / multiplyAddsPerByte;
}
