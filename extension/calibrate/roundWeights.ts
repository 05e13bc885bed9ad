/**
 * Weights of an FP16 or BF16 variant, rounded so that their errors cancel in the layer's output.
 *
 * Rounding every weight to the nearest number is not the best rounding of a layer ("Up or Down? Adaptive Rounding for
 * Post-Training Quantization", Nagel et al., ICML 2020): behind a ReLU all inputs are positive, under a kernel neighbours are
 * alike, and errors of one sign add up to a shift that later layers do not average out. So some weights, those near the middle
 * between two numbers first, take the other one. The engine computes the same operations in the same time.
 *
 * Works on the written variant beside the prepared model, with what `measureInputMoments.ts` found; `roundRow.ts` chooses.
 * Layers that stayed in FP32, and weights that several nodes share, are left as they are.
 */
import type { InputMoments } from '../contract/calibrationTable';
import { getFloat, getInt } from '../model/attributes';
import { fromBfloat16Array, fromFloat16Array } from '../model/float16';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { dataType, type NodeProto, type TensorProto } from '../model/onnx.generated';
import { makeTensor, readTensor } from '../model/tensorValues';
import { biasedLayer, biasPlace, type BiasedLayer } from './quantizedLayers';
import { RowRounder } from './roundRow';
import { weightedInput } from './weightedInputs';

/**
 * Rounds in place.
 * @param written what `applyPlan` made of the prepared model at FP16 or BF16
 * @param moments by node name; layers without are left as they are
 */
export function roundWeights(written: Model, prepared: Model, moments: ReadonlyMap<string, InputMoments>): void {
  const before = new GraphIndex(prepared.proto.graph);
  const after = new WrittenLayers(written);
  for (const node of prepared.proto.graph.node) {
    const inputs = moments.get(node.name ?? '');
    const layer = biasedLayer(before, node);
    const read = weightedInput(prepared, before, node);
    const weight = after.ownConstant(node, 1);
    if (inputs === undefined || layer === null || read === null || weight === null) continue;
    const exact = readTensor(before.initializer(node.input[1] ?? '')!, prepared);
    const format = formats.get(weight.dataType ?? 0);
    if (format === undefined || exact.dims.join() !== weight.dims.join()) continue;
    if (inputs.mean.length !== read.channels.channels) continue;
    const nearest = readTensor(weight, written);
    const shifts = biasErrors(layer, before, prepared, after);
    const [weights, patterns] = [exact.data as Float32Array, nearest.data as Uint16Array];
    const data = roundLayer(rowsOf(node, exact.dims), weights, patterns, format, inputs, shifts);
    after.replace(weight, makeTensor(weight.name ?? '', { ...nearest, data }));
  }
}

/** A 16-bit floating-point format. */
interface Format {
  readonly decode: (patterns: Uint16Array) => Float32Array;
  /** The pattern of infinity. */
  readonly infinity: number;
}

const formats: ReadonlyMap<number, Format> = new Map([
  [dataType.FLOAT16, { decode: fromFloat16Array, infinity: 0x7c00 }],
  [dataType.BFLOAT16, { decode: fromBfloat16Array, infinity: 0x7f80 }],
]);

/** Where the weights of each output channel lie. */
interface Rows {
  readonly count: number;
  /** Input channels that one row reads. */
  readonly channels: number;
  readonly taps: number;
  /** Distance between the first elements of two rows, and between two elements of one. */
  readonly rowStride: number;
  readonly stride: number;
  /** Rows that read the same channels; the next group reads the next ones. */
  readonly rowsPerGroup: number;
}

function rowsOf(node: NodeProto, dims: readonly number[]): Rows {
  const [first = 1, second = 1, ...kernel] = dims;
  if (node.opType !== 'Conv' && getInt(node, 'transB', 0) === 0) {
    return { count: second, channels: first, taps: 1, rowStride: 1, stride: second, rowsPerGroup: second };
  }
  const taps = kernel.reduce((product, size) => product * size, 1);
  const rowsPerGroup = node.opType === 'Conv' ? Math.max(Math.floor(first / getInt(node, 'group', 1)), 1) : first;
  return { count: first, channels: second, taps, rowStride: second * taps, stride: 1, rowsPerGroup };
}

function roundLayer(
  { count, channels, taps, rowStride, stride, rowsPerGroup }: Rows,
  exact: Float32Array,
  nearest: Uint16Array,
  { decode, infinity }: Format,
  moments: InputMoments,
  shifts: readonly number[],
): Uint16Array {
  const length = channels * taps;
  const rounder = new RowRounder(channels, taps);
  const rounded = nearest.slice();
  const patterns = new Uint16Array(2 * length);
  const errors = new Float64Array(length);
  const others = new Float64Array(length);
  for (let row = 0; row < count; row++) {
    const start = row * rowStride;
    for (let i = 0; i < length; i++) patterns[i] = nearest[start + i * stride]!;
    const values = decode(patterns.subarray(0, length));
    for (let i = 0; i < length; i++) {
      patterns[length + i] = otherNeighbour(patterns[i]!, values[i]!, exact[start + i * stride]!, infinity);
    }
    const alternatives = decode(patterns.subarray(length));
    for (let i = 0; i < length; i++) {
      const weight = exact[start + i * stride]!;
      errors[i] = values[i]! - weight;
      others[i] = alternatives[i]! - weight;
    }
    rounder.round(errors, others, moments, Math.floor(row / rowsPerGroup) * channels, shifts[row] ?? 0);
    for (let i = 0; i < length; i++) {
      if (rounder.changed[i] === 1) rounded[start + i * stride] = patterns[length + i]!;
    }
  }
  return rounded;
}

/**
 * The number on the other side of a weight; the nearest one where there is none: the weight is exact, zero would lose its sign, or
 * there is only infinity.
 */
function otherNeighbour(pattern: number, value: number, weight: number, infinity: number): number {
  if (value === weight || Number.isNaN(value)) return pattern;
  const magnitude = pattern & 0x7fff;
  const next = Math.abs(weight) > Math.abs(value) ? magnitude + 1 : magnitude - 1;
  return next < 1 || next >= infinity ? pattern : (pattern & 0x8000) | next;
}

/** What rounding did to the biases, in units of the weighted sum. */
function biasErrors(layer: BiasedLayer, before: GraphIndex, prepared: Model, after: WrittenLayers): number[] {
  const place = biasPlace(before, layer);
  if (place?.constant == null) return [];
  const written = after.constant(place.node, place.inputIndex);
  const format = formats.get(written?.dataType ?? 0);
  if (written === null || format === undefined) return [];
  const exact = readTensor(place.constant, prepared).data as Float32Array;
  const rounded = format.decode(readTensor(written, after.model).data as Uint16Array);
  if (rounded.length !== exact.length) return [];
  const factor = place.factor / (layer.node.opType === 'Gemm' ? getFloat(layer.node, 'alpha', 1) : 1);
  return Array.from(exact, (bias, channel) => {
    const error = factor * (rounded[channel]! - bias);
    return Number.isFinite(error) ? error : 0;
  });
}

/** The constants of a variant by the nodes of the model that it was made from. */
class WrittenLayers {
  private readonly index: GraphIndex;
  private readonly nodes: ReadonlyMap<string | undefined, NodeProto>;
  private readonly positions: ReadonlyMap<TensorProto, number>;

  constructor(readonly model: Model) {
    const { graph } = model.proto;
    this.index = new GraphIndex(graph);
    this.nodes = new Map(graph.node.map((node) => [node.name, node]));
    this.positions = new Map(graph.initializer.map((tensor, position) => [tensor, position]));
  }

  constant({ name }: NodeProto, input: number): TensorProto | null {
    return this.index.initializer(this.nodes.get(name)?.input[input] ?? '') ?? null;
  }

  /** Null where other nodes read it too, or the caller may replace it. */
  ownConstant(node: NodeProto, input: number): TensorProto | null {
    const constant = this.constant(node, input);
    const name = constant?.name ?? '';
    const uses = this.index.consumers(name).length + this.index.outerUses(name).length;
    return uses === 1 && !this.index.isGraphInput(name) && !this.index.isGraphOutput(name) ? constant : null;
  }

  replace(tensor: TensorProto, by: TensorProto): void {
    this.model.proto.graph.initializer[this.positions.get(tensor)!] = by;
  }
}
