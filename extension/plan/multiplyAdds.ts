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
