/**
 * Decides which matrix products read their weights in INT4, in blocks of which size, and why the others do not.
 *
 * Weight-only: activations and arithmetic stay in FP16, so no scales of activations and no data are needed. The limits are
 * TensorRT's (documentation, "Quantization Schemes": blocks of 64 or 128, along one of the last two axes, constant weights); what they
 * exclude stays in FP16. Comes after `decidePrecisions.ts`; `writeInt4.ts` writes what is placed here.
 */
import { getInt } from '../../model/attributes';
import type { Model } from '../../model/model';
import type { NodeProto } from '../../model/onnx.generated';
import { Constants } from '../constants';
import type { PrecisionDecisions } from '../decidePrecisions';
import { keepRuleFor, type KeepRule } from '../keepRules';

/** Rows that share a scale, as TensorRT takes them; the largest first. */
const blockSizes: readonly number[] = [128, 64];
export const defaultBlock = 128;

/** Input of MatMul and Gemm that holds the weights. */
export const weightInput = 1;

/**
 * Below this depth or width a product is bound by its launch rather than by its weights, which is what INT4 saves; a last layer of few
 * classes would only lose accuracy. The smallest block is as deep.
 */
const fewest = 64;

/** The constant matrix of one product. */
export interface Int4Weight {
  readonly node: NodeProto;
  /** Initializer of rank 2, or more for stacked matrices. */
  readonly tensor: string;
  /** Stored as N × K: a Gemm with transB. */
  readonly transposed: boolean;
  readonly block: number;
}

export interface Int4Placement {
  readonly weights: readonly Int4Weight[];
  /** Products that keep their weights in the precision around them, and why. */
  readonly exclusions: ReadonlyMap<NodeProto, string>;
}

export interface Int4Options {
  readonly keep: readonly KeepRule[];
  /** The block wanted; a layer that it does not divide takes the largest that does. */
  readonly block: number;
}

export function placeInt4(model: Model, decisions: PrecisionDecisions, { keep, block }: Int4Options): Int4Placement {
  const constants = new Constants(model.proto.graph, model);
  const weights: Int4Weight[] = [];
  const exclusions = new Map<NodeProto, string>();
  for (const node of model.proto.graph.node) {
    const decision = decisions.nodes.get(node);
    if (decision === undefined || (node.opType !== 'MatMul' && node.opType !== 'Gemm')) continue;
    const kept = keepRuleFor(node, keep);
    const reason = kept === undefined ? decision.reason : `kept in ${kept.precision} by the rule "${kept.match}"`;
    const found = reason === null ? weightOf(node, constants, block) : { reason };
    if ('reason' in found) exclusions.set(node, found.reason);
    else weights.push(found);
  }
  return { weights, exclusions };
}

function weightOf(node: NodeProto, constants: Constants, wanted: number): Int4Weight | { readonly reason: string } {
  const tensor = node.input[weightInput] ?? '';
  const dims = constants.dims(tensor);
  if (dims === undefined) {
    const isLeft = constants.has(node.input[0]);
    return { reason: isLeft ? 'its constant is on the left' : 'multiplies two activations and has no weights' };
  }
  if (dims.length < 2) return { reason: 'multiplies by a vector' };
  const transposed = node.opType === 'Gemm' && getInt(node, 'transB', 0) === 1;
  const [first = 0, second = 0] = dims.slice(-2);
  const [depth, width] = transposed ? [second, first] : [first, second];
  if (depth < fewest || width < fewest)
    return { reason: `is too small (${depth} × ${width}) to gain from INT4 weights` };
  if (width % 2 === 1) return { reason: `has ${width} columns; INT4 packs two to a byte and needs an even number` };
  const block = blockSizes.find((size) => size <= wanted && depth % size === 0);
  if (block === undefined)
    return { reason: `its depth of ${depth} cannot be cut into blocks of 64, the smallest of TensorRT` };
  if ((constants.range(tensor)?.nonFinite ?? 1) > 0) return { reason: 'its weights are not all finite' };
  return { node, tensor, transposed, block };
}
