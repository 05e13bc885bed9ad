/**
 * Evaluates DequantizeLinear over constants of 32-bit integers.
 *
 * ONNX Runtime's quantizer keeps the biases of a model with Q/DQ pairs so. TensorRT's parser takes 8 and 4 bits only ("input has
 * type Int32"), and a bias is added as a float there anyway. The product is the one that the runtime would compute, rounded the
 * same way. Part of `prepareModel.ts`, once constants are initializers.
 */
import { elementCount, type Tensor } from '../../contract/tensor';
import { getInt } from '../../model/attributes';
import { GraphIndex } from '../../model/graphIndex';
import { normalDomain, type Model } from '../../model/model';
import type { NodeProto } from '../../model/onnx.generated';
import { makeTensor } from '../../model/tensorValues';
import { Constants } from '../constants';

/** Edits the outer graph in place. */
export function foldDequantizedBiases(model: Model): void {
  const { graph } = model.proto;
  const index = new GraphIndex(graph);
  const constants = new Constants(graph, model);
  graph.node = graph.node.filter((node) => {
    const [output = ''] = node.output;
    if (node.opType !== 'DequantizeLinear' || normalDomain(node.domain) !== '' || index.isGraphOutput(output))
      return true;
    if (node.input.some((name) => index.isGraphInput(name))) return true;
    const folded = dequantized(node, constants);
    if (folded === null) return true;
    graph.initializer.push(makeTensor(output, folded));
    return false;
  });
}

/** Null for what is not a constant of 32-bit integers with constant FP32 scales; its zero point is 0 by definition. */
function dequantized(node: NodeProto, constants: Constants): Tensor | null {
  const [integers = '', scaleName = ''] = node.input;
  const stored = constants.tensor(integers);
  const scale = constants.tensor(scaleName);
  if (stored?.dtype !== 'int32' || scale?.dtype !== 'fp32') return null;
  const { dims } = stored;
  const scales = scale.data as Float32Array;
  const axis = getInt(node, 'axis', 1);
  const along = axis < 0 ? axis + dims.length : axis;
  if (scales.length > 1 && (scale.dims.length !== 1 || dims[along] !== scales.length)) return null;
  const run = elementCount(dims.slice(along + 1));
  const data = Float32Array.from(stored.data as Int32Array, (value, position) => {
    const factor = scales[scales.length === 1 ? 0 : Math.floor(position / run) % scales.length]!;
    return Math.fround(value) * factor;
  });
  return { dtype: 'fp32', dims, data };
}
