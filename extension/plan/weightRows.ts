/** Where the weights of each output channel of a layer lie, for what treats them together: `roundRow.ts`. */
import { getInt } from '../model/attributes';
import type { NodeProto } from '../model/onnx.generated';

export interface WeightRows {
  readonly count: number;
  /** Input channels that one row reads. */
  readonly channels: number;
  /** Elements per channel, one after the other. */
  readonly taps: number;
  /** Distance between the first elements of two rows. */
  readonly rowStride: number;
  /** Distance between two elements of a row. */
  readonly stride: number;
  /** Rows that read the same channels; the next as many read the next ones. */
  readonly rowsPerGroup: number;
}

/** @param node a Conv, Gemm or MatMul @param dims of its weight */
export function weightRows(node: NodeProto, dims: readonly number[]): WeightRows {
  const [first = 1, second = 1, ...kernel] = dims;
  if (node.opType !== 'Conv' && getInt(node, 'transB', 0) === 0) {
    return { count: second, channels: first, taps: 1, rowStride: 1, stride: second, rowsPerGroup: second };
  }
  const taps = kernel.reduce((product, size) => product * size, 1);
  const rowsPerGroup = node.opType === 'Conv' ? Math.max(Math.floor(first / getInt(node, 'group', 1)), 1) : first;
  return { count: first, channels: second, taps, rowStride: second * taps, stride: 1, rowsPerGroup };
}

/** The first input channel that a row reads. */
export function firstChannel({ channels, rowsPerGroup }: WeightRows, row: number): number {
  return Math.floor(row / rowsPerGroup) * channels;
}
