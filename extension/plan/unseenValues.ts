/**
 * What stays FP32 in a body whose values nobody saw: in a branch that the data did not take, or because the runtime shows only
 * the outer graph.
 *
 * Such nodes are decided as in a model without data, except for those that can turn ordinary values into values beyond FP16
 * (products and quotients of computed values, constants beyond FP16), the means whose sum comes before the division, and what
 * reads such values, up to an operator that bounds them again.
 */
import type { GraphIndex } from '../model/graphIndex';
import type { NodeProto } from '../model/onnx.generated';
import type { Constants } from './constants';
import type { TensorTypes } from './inferTypes';
import { averagingOperators, copyOperators } from './precisionRules';

/** Results lie within ±1, between constants, or are normalized. */
const bounding = new Set(
  (
    'Sigmoid HardSigmoid Tanh Softsign Softmax LogSoftmax Sin Cos Erf Clip LayerNormalization RMSNormalization ' +
    'InstanceNormalization GroupNormalization'
  ).split(' '),
);
const products = new Set(['Mul', 'MatMul', 'Gemm', 'Conv', 'ConvTranspose']);

export class UnseenValues {
  /** Tensors that may hold values beyond FP16. */
  private readonly beyond = new Set<string>();

  constructor(
    private readonly index: GraphIndex,
    private readonly constants: Constants,
    private readonly types: TensorTypes,
  ) {}

  /** Notes that a node's results may be beyond FP16. */
  mark(node: NodeProto): void {
    if (!bounding.has(node.opType ?? '')) for (const name of node.output) this.beyond.add(name);
  }

  /** Why a node should stay FP32, as a clause that follows its name; null for one that keeps the size of its values. */
  reason(node: NodeProto): string | null {
    const opType = node.opType ?? '';
    const far = node.input.find((name) => this.beyond.has(name));
    const reason = far === undefined ? this.unboundedReason(node) : `reads ${far}, which may be beyond FP16`;
    if (reason !== null) this.mark(node);
    // The mean itself is no larger than what it averages.
    return reason ?? (averagingOperators.has(opType) && opType !== 'AveragePool' ? 'sums before it divides' : null);
  }

  private unboundedReason(node: NodeProto): string | null {
    const [first = '', second = ''] = node.input;
    switch (node.opType) {
      case 'Div':
        return this.constants.has(second) ? null : 'divides by a computed value';
      case 'Reciprocal':
        return 'divides by a computed value';
      case 'Pow':
        return 'raises a computed value to a power';
      default:
        return products.has(node.opType ?? '') && this.isOpen(first) && this.isOpen(second)
          ? 'multiplies two computed values'
          : null;
    }
  }

  /** A computed value of any size. */
  private isOpen(name: string): boolean {
    if (this.types.get(name) !== 'fp32' || this.constants.has(name)) return false;
    let node = this.index.producer(name);
    while (node !== undefined && copyOperators.has(node.opType ?? '')) node = this.index.producer(node.input[0] ?? '');
    return node === undefined || !bounding.has(node.opType ?? '');
  }
}
