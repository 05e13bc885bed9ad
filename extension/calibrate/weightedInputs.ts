/**
 * How the layers with constant weights read their inputs: which channels, and which positions under one kernel.
 *
 * `measureInputMoments.ts` measures by it, `roundWeights.ts` rounds by what was measured.
 */
import { getInt, getInts, getString } from '../model/attributes';
import type { GraphIndex } from '../model/graphIndex';
import { opsetVersion, type Model } from '../model/model';
import { dataType, type NodeProto } from '../model/onnx.generated';
import type { ChannelAxis } from './probeNodes';
import { biasedLayer } from './quantizedLayers';

export interface WeightedInput {
  readonly tensor: string;
  readonly channels: ChannelAxis;
  /** The kernel that slides over it; null where each output reads one position. */
  readonly kernel: Kernel | null;
}

/** As the attributes of a pooling operator. */
export interface Kernel {
  /** Elements per channel. */
  readonly taps: number;
  readonly ints: Readonly<Record<string, readonly number[]>>;
  readonly autoPad: string;
}

/** Null for a node of another kind, one with computed weights, and a product that has its channels on another axis. */
export function weightedInput(model: Model, index: GraphIndex, node: NodeProto): WeightedInput | null {
  const weight = index.initializer(node.input[1] ?? '');
  if (biasedLayer(index, node) === null || weight?.dataType !== dataType.FLOAT) return null;
  const tensor = node.input[0] ?? '';
  const { dims } = weight;
  if (node.opType === 'Conv') {
    const channels = (dims[1] ?? 0) * getInt(node, 'group', 1);
    return { tensor, channels: { channels, axis: 1, rank: dims.length }, kernel: kernelOf(model, node, dims.slice(2)) };
  }
  if (dims.length !== 2 || getInt(node, 'transA', 0) === 1) return null;
  const channels = dims[getInt(node, 'transB', 0) === 1 ? 1 : 0] ?? 0;
  return { tensor, channels: { channels, axis: 'last', rank: null }, kernel: null };
}

/** AveragePool takes dilations from this opset on. */
const dilatedPooling = 19;

/** Null too where no pooling operator reads the same positions: the layer then counts as one without neighbours. */
function kernelOf(model: Model, node: NodeProto, shape: readonly number[]): Kernel | null {
  const taps = shape.reduce((product, size) => product * size, 1);
  if (taps === 1) return null;
  const ones = shape.map(() => 1);
  const dilations = getInts(node, 'dilations', ones);
  const isDilated = dilations.some((dilation) => dilation !== 1);
  if (isDilated && opsetVersion(model.proto) < dilatedPooling) return null;
  const autoPad = getString(node, 'auto_pad', 'NOTSET');
  const pads = getInts(node, 'pads', [...ones, ...ones].fill(0));
  // Runtimes refuse to pool what is padding alone.
  if (pads.some((pad, side) => pad >= (shape[side % shape.length] ?? 0))) return null;
  const ints = {
    kernel_shape: shape,
    strides: getInts(node, 'strides', ones),
    ...(autoPad === 'NOTSET' ? { pads } : {}),
    ...(isDilated ? { dilations } : {}),
  };
  return { taps, ints, autoPad };
}
