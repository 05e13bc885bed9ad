/**
 * Cross-layer equalization in front of depthwise convolutions: every channel fills the tensor's range.
 *
 * One INT8 scale for a whole tensor leaves few levels to channels whose values are small. Between a convolution and a depthwise
 * one behind it a channel can be multiplied by any factor and divided by it again in the weights, through a ReLU too, without
 * changing what the model computes. Both weights have a scale per output channel, which takes the factor up in full: the
 * activation gains and nothing loses. (With other layers behind, their weights would pay; those are left alone.) Source: Nagel
 * et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, §4.1.
 *
 * Works on the prepared FP32 model with the factors of `measureChannels.ts`, before everything else of calibration, and once
 * more where the INT8 variant is written.
 */
import { getInt } from '../model/attributes';
import { cloneModel } from '../model/cloneModel';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { dataType, type NodeProto, type TensorProto } from '../model/onnx.generated';
import { makeTensor, readTensor } from '../model/tensorValues';

/** A convolution whose output reaches only depthwise convolutions. */
export interface EqualizablePair {
  /** The convolution; its name identifies the pair. */
  readonly producer: NodeProto;
  /** What the depthwise convolutions read: its output, or the ReLU of it. */
  readonly tensor: string;
  readonly readers: readonly NodeProto[];
  readonly channels: number;
  /** Number of axes of the tensor; channels are axis 1. */
  readonly rank: number;
}

/** Activations that a positive factor passes through. */
const homogeneous = new Set(['Relu', 'LeakyRelu']);

export function equalizablePairs(model: Model): EqualizablePair[] {
  const index = new GraphIndex(model.proto.graph);
  return model.proto.graph.node.flatMap((producer) => {
    const pair = pairOf(index, producer);
    return pair === null ? [] : [pair];
  });
}

function pairOf(index: GraphIndex, producer: NodeProto): EqualizablePair | null {
  const weight = floatConstant(index, producer.input[1]);
  const bias = producer.input[2] ?? '';
  if (producer.opType !== 'Conv' || weight === null) return null;
  if (bias !== '' && floatConstant(index, bias) === null) return null;
  const channels = weight.dims[0] ?? 0;
  let tensor = producer.output[0] ?? '';
  const [first, ...others] = index.consumers(tensor);
  if (first !== undefined && others.length === 0 && homogeneous.has(first.node.opType ?? '')) {
    if (isSeenElsewhere(index, tensor)) return null;
    tensor = first.node.output[0] ?? '';
  }
  const readers = index.consumers(tensor).map(({ node }) => node);
  const depthwise = readers.every((node) => node.input[0] === tensor && isDepthwise(index, node, channels));
  if (readers.length === 0 || !depthwise || isSeenElsewhere(index, tensor)) return null;
  return { producer, tensor, readers, channels, rank: weight.dims.length };
}

function isSeenElsewhere(index: GraphIndex, tensor: string): boolean {
  return index.isGraphOutput(tensor) || index.outerUses(tensor).length > 0;
}

function isDepthwise(index: GraphIndex, node: NodeProto, channels: number): boolean {
  const weight = floatConstant(index, node.input[1]);
  return node.opType === 'Conv' && weight?.dims[1] === 1 && channels > 1 && getInt(node, 'group', 1) === channels;
}

function floatConstant(index: GraphIndex, name: string | undefined): TensorProto | null {
  const constant = index.initializer(name ?? '');
  return constant?.dataType === dataType.FLOAT ? constant : null;
}

/**
 * @param factors by producer name: what each of its output channels is multiplied by
 * @returns a copy; the original is not changed. Pairs that the model does not have are passed over
 */
export function equalizeChannels(prepared: Model, factors: Readonly<Record<string, readonly number[]>>): Model {
  const equalized = cloneModel(prepared);
  const index = new GraphIndex(equalized.proto.graph);
  for (const pair of equalizablePairs(equalized)) {
    const gains = factors[pair.producer.name ?? ''];
    if (gains?.length !== pair.channels) continue;
    scaleRows(equalized, index, pair.producer, 1, (row) => gains[row] ?? 1);
    if ((pair.producer.input[2] ?? '') !== '') scaleRows(equalized, index, pair.producer, 2, (row) => gains[row] ?? 1);
    for (const reader of pair.readers) {
      const rows = index.initializer(reader.input[1] ?? '')?.dims[0] ?? pair.channels;
      const rowsPerChannel = rows / pair.channels;
      scaleRows(equalized, index, reader, 1, (row) => 1 / (gains[Math.floor(row / rowsPerChannel)] ?? 1));
    }
  }
  return equalized;
}

/** Gives a node a constant of its own in which each row along the first axis is multiplied. */
function scaleRows(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  inputIndex: number,
  factor: (row: number) => number,
): void {
  const { graph } = model.proto;
  const before = node.input[inputIndex] ?? '';
  // An earlier pair may have replaced this constant: the index does not know, the graph does.
  const position = graph.initializer.findIndex(({ name }) => name === before);
  const constant = graph.initializer[position];
  if (constant === undefined) return;
  const { dims, data } = readTensor(constant, model);
  const rowLength = data.length / (dims[0] ?? 1);
  const scaled = Float32Array.from(
    data as Float32Array,
    (value, element) => value * factor(Math.floor(element / rowLength)),
  );
  const name = index.uniqueName(`${before}_equalized`);
  const tensor = makeTensor(name, { dtype: 'fp32', dims, data: scaled });
  node.input[inputIndex] = name;
  const shared = graph.node.some(({ input }) => input.includes(before)) || index.outerUses(before).length > 0;
  if (shared) graph.initializer.push(tensor);
  else graph.initializer[position] = tensor;
}
