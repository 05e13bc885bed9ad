/**
 * The layers of a quantized model that correspond to layers of the FP32 model it was made from.
 *
 * Bias correction compares the two: `biasProbe.ts` measures, `correctBiases.ts` writes.
 */
import { getFloat } from '../model/attributes';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import type { NodeProto, TensorProto } from '../model/onnx.generated';

/** A layer with constant weights that adds one bias per output channel. */
export interface BiasedLayer {
  /** The node of the FP32 model; its name identifies the layer. */
  readonly node: NodeProto;
  readonly channels: number;
  /** Axis of the output that counts channels, and the rank; a MatMul's rank is not known and its axis is the last. */
  readonly output: { readonly axis: number; readonly rank: number } | 'lastAxis';
}

/** The layer that a node is, or null: not of a kind that has a bias, or with computed weights. */
export function biasedLayer(index: GraphIndex, node: NodeProto): BiasedLayer | null {
  const weight = index.initializer(node.input[1] ?? '');
  if (weight === undefined || (node.domain ?? '') !== '') return null;
  const { dims } = weight;
  switch (node.opType) {
    case 'Conv':
      return { node, channels: dims[0] ?? 0, output: { axis: 1, rank: dims.length } };
    case 'Gemm':
      return { node, channels: gemmChannels(node, weight), output: { axis: 1, rank: 2 } };
    case 'MatMul':
      return dims.length < 2 ? null : { node, channels: dims.at(-1) ?? 0, output: 'lastAxis' };
    default:
      return null;
  }
}

function gemmChannels(node: NodeProto, { dims }: TensorProto): number {
  const transposed = node.attribute.some(({ name, i }) => name === 'transB' && i === 1n);
  return dims[transposed ? 0 : 1] ?? 0;
}

/** Where a layer's bias is: which node reads it, at which input, and by what it is multiplied. */
export interface BiasPlace {
  readonly node: NodeProto;
  readonly inputIndex: number;
  /** The constant there, or null where the layer has no bias yet. */
  readonly constant: TensorProto | null;
  readonly factor: number;
}

/** Null where the bias is no constant with one value per channel. */
export function biasPlace(index: GraphIndex, { node, channels }: BiasedLayer): BiasPlace | null {
  if (node.opType === 'MatMul') return addedBias(index, node, channels);
  const name = node.input[2] ?? '';
  const factor = node.opType === 'Gemm' ? getFloat(node, 'beta', 1) : 1;
  if (name === '') return factor === 0 ? null : { node, inputIndex: 2, constant: null, factor };
  const constant = index.initializer(name);
  return constant === undefined || factor === 0 || !isPerChannel(constant, channels)
    ? null
    : { node, inputIndex: 2, constant, factor };
}

/** The constant that the one reader of a MatMul adds to it. */
function addedBias(index: GraphIndex, node: NodeProto, channels: number): BiasPlace | null {
  const output = node.output[0] ?? '';
  const [reader, ...others] = index.consumers(output);
  if (reader === undefined || others.length > 0 || reader.node.opType !== 'Add') return null;
  if (index.isGraphOutput(output) || index.outerUses(output).length > 0) return null;
  const inputIndex = 1 - reader.inputIndex;
  const constant = index.initializer(reader.node.input[inputIndex] ?? '');
  return constant === undefined || !isPerChannel(constant, channels)
    ? null
    : { node: reader.node, inputIndex, constant, factor: 1 };
}

function isPerChannel({ dims, dataType }: TensorProto, channels: number): boolean {
  return (
    dataType === 1 && dims.at(-1) === channels && dims.every((size, axis) => axis === dims.length - 1 || size === 1)
  );
}

/** Layers of the prepared model that the quantized one computes from 8-bit inputs, and whose bias can be corrected. */
export function correctableLayers(prepared: Model, quantized: Model): BiasedLayer[] {
  const index = new GraphIndex(prepared.proto.graph);
  const quantizedIndex = new GraphIndex(quantized.proto.graph);
  const rewritten = new Map(quantized.proto.graph.node.map((node) => [node.name, node]));
  const isDequantized = (name: string | undefined): boolean =>
    quantizedIndex.producer(name ?? '')?.opType === 'DequantizeLinear';
  return prepared.proto.graph.node.flatMap((node) => {
    const layer = isDequantized(rewritten.get(node.name)?.input[0]) ? biasedLayer(index, node) : null;
    return layer === null || biasPlace(index, layer) === null ? [] : [layer];
  });
}
