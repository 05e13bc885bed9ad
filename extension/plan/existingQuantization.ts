/**
 * What a model that was quantized before it came here means for its variants, in the user's words.
 *
 * Q/DQ pairs with plain scales are what TensorRT reads: they stay, and INT8 adds its own around other layers. Zero points and the
 * integer operators of ONNX Runtime's CPU kernels have no engine at any precision. Either way FP32 is the quantized model, so what
 * the first quantization lost shows nowhere in the comparison. Shown by `inspect` and `convert`.
 */
import { describeNode, walkGraphs } from '../model/graphIndex';
import { normalDomain, type Model } from '../model/model';
import type { NodeProto } from '../model/onnx.generated';
import { Constants } from './constants';

/** Operators that compute in integers themselves. */
const integerOperators =
  /^(DynamicQuantize\w+|ConvInteger|MatMulInteger\w*|QLinear\w+|QGemm|QAttention|QEmbedLayer\w+)$/;

/** @returns one sentence or two for each kind that the model has */
export function existingQuantization(model: Model): string[] {
  const integer: NodeProto[] = [];
  let pairs = 0;
  const shifted: NodeProto[] = [];
  for (const graph of walkGraphs(model.proto.graph)) {
    const constants = new Constants(graph, model);
    for (const node of graph.node) {
      const opType = node.opType ?? '';
      if (integerOperators.test(opType)) integer.push(node);
      if (opType !== 'QuantizeLinear' || !standardDomains.has(normalDomain(node.domain))) continue;
      pairs += 1;
      if (hasZeroPoint(node, constants)) shifted.push(node);
    }
  }
  return [
    ...(integer.length === 0 ? [] : [integerWarning(integer)]),
    ...(pairs === 0 ? [] : [pairsWarning(pairs)]),
    ...(shifted.length === 0 ? [] : [zeroPointWarning(shifted)]),
  ];
}

/** Does the model hold Q/DQ pairs? */
export function isQuantized(model: Model): boolean {
  for (const graph of walkGraphs(model.proto.graph)) {
    if (graph.node.some(({ opType }) => opType === 'QuantizeLinear')) return true;
  }
  return false;
}

/** Is this an operator of a model quantized for ONNX Runtime's own kernels, which no other precision can replace? */
export function isIntegerOperator(opType: string): boolean {
  return integerOperators.test(opType);
}

const standardDomains: ReadonlySet<string> = new Set(['', 'com.microsoft']);

function hasZeroPoint(node: NodeProto, constants: Constants): boolean {
  const zeroPoint = constants.tensor(node.input[2] ?? '');
  return (
    zeroPoint !== undefined && Array.from(zeroPoint.data as ArrayLike<number>).some((value) => Number(value) !== 0)
  );
}

function integerWarning(nodes: readonly NodeProto[]): string {
  const kinds = [...new Set(nodes.map(({ opType }) => opType ?? ''))].join(', ');
  return (
    `The model was quantized for ONNX Runtime's own kernels (${kinds}; first in node "${describeNode(nodes[0]!)}"). ` +
    'TensorRT has no such operators, and no precision replaces them: convert the float model that it was made from.'
  );
}

function pairsWarning(count: number): string {
  return (
    `The model holds ${count} QuantizeLinear nodes already. They stay in every variant, INT8 and FP8 add theirs only around ` +
    'other layers, and the FP32 that all are compared with is this quantized model, not the float model that it was made from.'
  );
}

function zeroPointWarning(nodes: readonly NodeProto[]): string {
  return (
    `${nodes.length} of them have a zero point other than 0, first "${describeNode(nodes[0]!)}"; TensorRT takes scales only. ` +
    'Convert the float model, or quantize it again with symmetric activations (ActivationSymmetric of ONNX Runtime).'
  );
}
