/**
 * Folds BatchNormalization into the convolution before it, and a constant added per channel into its bias.
 *
 * Must happen before weight scales are taken: the folded weights are what the GPU multiplies with. The arithmetic is
 * FP64; results agree with the unfolded graph to FP32 rounding (relative 1e-6), the only step of the preparation that
 * rounds at all. Part of `prepareModel.ts`.
 */
import { elementCount, type Tensor } from '../../contract/tensor';
import { getFloat, getInt } from '../../model/attributes';
import { flatGraph } from '../../model/flatGraph';
import { GraphIndex, walkGraphs } from '../../model/graphIndex';
import type { Model } from '../../model/model';
import type { GraphProto, NodeProto } from '../../model/onnx.generated';
import { makeTensor } from '../../model/tensorValues';
import { Constants } from '../constants';

/** Edits the graph and its bodies in place; repeats until nothing folds (Conv → Add → BatchNormalization is two steps). */
export function foldBatchNormalization(model: Model): void {
  while (foldOnce(model)) {
    // Each round changes producers and constants, so the next one starts from a new index.
  }
}

function foldOnce(model: Model): boolean {
  const outer = model.proto.graph;
  const names = new GraphIndex(outer);
  const constants = new Constants(flatGraph(outer), model);
  const removed = new Set<NodeProto>();
  for (const graph of walkGraphs(outer)) {
    const folder = new Folder(graph, graph === outer ? names : new GraphIndex(graph), constants, names);
    for (const node of graph.node) if (folder.fold(node, removed)) removed.add(node);
    graph.node = graph.node.filter((node) => !removed.has(node));
  }
  return removed.size > 0;
}

class Folder {
  constructor(
    private readonly graph: GraphProto,
    private readonly index: GraphIndex,
    private readonly constants: Constants,
    /** Index of the outermost graph, which knows every name. */
    private readonly names: GraphIndex,
  ) {}

  /** Folds a node into the convolution that makes its input; false if that is not possible. */
  fold(node: NodeProto, removed: ReadonlySet<NodeProto>): boolean {
    if (node.opType !== 'BatchNormalization' && node.opType !== 'Add') return false;
    const source = node.input.find((name) => name !== '' && !this.constants.has(name)) ?? '';
    const convolution = this.index.producer(source);
    if (convolution === undefined || removed.has(convolution) || !this.isFoldable(convolution, source)) return false;
    // One fold per convolution and round: its constants change.
    if (node.input.length < 2 || convolution.output[0] !== source) return false;
    const channels = this.channels(convolution);
    const affine =
      node.opType === 'Add' ? this.biasOf(node, convolution, channels) : this.normalization(node, channels);
    if (affine === null) return false;
    this.rewrite(convolution, channels, affine);
    convolution.output = [node.output[0]!];
    return true;
  }

  private isFoldable(node: NodeProto, output: string): boolean {
    if (node.opType !== 'Conv' && node.opType !== 'ConvTranspose') return false;
    const alone =
      this.index.consumers(output).length === 1 &&
      !this.index.isGraphOutput(output) &&
      this.index.outerUses(output).length === 0;
    const weight = node.input[1] ?? '';
    const bias = node.input[2] ?? '';
    return alone && this.isFloat(weight) && (bias === '' || this.isFloat(bias));
  }

  private isFloat(name: string): boolean {
    return this.constants.has(name) && this.constants.tensor(name)?.dtype === 'fp32';
  }

  private channels(node: NodeProto): number {
    const dims = this.constants.dims(node.input[1]!)!;
    return node.opType === 'Conv' ? dims[0]! : dims[1]! * getInt(node, 'group', 1);
  }

  /** γ/√(σ²+ε) and β − μ·that, per channel. */
  private normalization(node: NodeProto, channels: number): Affine | null {
    if (getInt(node, 'training_mode', 0) !== 0 || node.output.slice(1).some((name) => name !== '')) return null;
    const [gamma, beta, mean, variance] = node.input
      .slice(1, 5)
      .map((name) => (this.isFloat(name) ? this.constants.floats(name) : undefined));
    if (gamma === undefined || beta === undefined || mean === undefined || variance === undefined) return null;
    if ([gamma, beta, mean, variance].some((values) => values.length !== channels)) return null;
    const epsilon = getFloat(node, 'epsilon', 1e-5);
    const factors = new Float64Array(channels);
    const offsets = new Float64Array(channels);
    for (let c = 0; c < channels; c++) {
      factors[c] = gamma[c]! / Math.sqrt(variance[c]! + epsilon);
      offsets[c] = beta[c]! - mean[c]! * factors[c]!;
    }
    const finite = factors.every(Number.isFinite) && offsets.every(Number.isFinite);
    return finite ? { factors, offsets } : null;
  }

  /** A constant of shape [C, 1, …] (any number of leading ones), which is a bias. */
  private biasOf(node: NodeProto, convolution: NodeProto, channels: number): Affine | null {
    const name = node.input.find((input) => this.constants.has(input));
    if (name === undefined || !this.isFloat(name)) return null;
    const dims = this.constants.dims(name)!;
    const rank = this.constants.dims(convolution.input[1]!)!.length;
    if (dims.length > rank) return null;
    const aligned = [...new Array<number>(rank - dims.length).fill(1), ...dims];
    const perChannel = aligned.every((size, axis) => size === (axis === 1 ? channels : 1));
    if (!perChannel && elementCount(dims) !== 1) return null;
    const values = this.constants.floats(name)!;
    const offsets = Float64Array.from({ length: channels }, (_, c) => values[perChannel ? c : 0]!);
    return { factors: null, offsets };
  }

  private rewrite(node: NodeProto, channels: number, { factors, offsets }: Affine): void {
    const weightName = node.input[1]!;
    const biasName = node.input[2] ?? '';
    const bias = biasName === '' ? null : this.constants.floats(biasName)!;
    const newBias = new Float32Array(channels);
    for (let c = 0; c < channels; c++) newBias[c] = (bias?.[c] ?? 0) * (factors?.[c] ?? 1) + offsets[c]!;
    if (factors !== null) {
      const weight = this.constants.tensor(weightName)!;
      node.input[1] = this.add(`${weightName}_folded`, scaleWeight(node, weight, factors));
    }
    const name = this.add(biasName === '' ? `${weightName}_bias` : `${biasName}_folded`, {
      dtype: 'fp32',
      dims: [channels],
      data: newBias,
    });
    node.input = [node.input[0]!, node.input[1]!, name];
  }

  private add(base: string, tensor: Tensor): string {
    const name = this.names.uniqueName(base);
    this.graph.initializer.push(makeTensor(name, tensor));
    return name;
  }
}

/** y ← factor · y + offset, per output channel; null factors are ones. */
interface Affine {
  readonly factors: Float64Array | null;
  readonly offsets: Float64Array;
}

/** Multiplies the weights of each output channel: axis 0 of Conv [M, C/g, …], axis 1 of ConvTranspose [C, M/g, …]. */
function scaleWeight(node: NodeProto, weight: Tensor, factors: Float64Array): Tensor {
  const source = weight.data as Float32Array;
  const data = new Float32Array(source.length);
  const { dims } = weight;
  const inner = elementCount(dims.slice(2));
  const [first = 1, second = 1] = dims;
  const transposed = node.opType === 'ConvTranspose';
  const perGroup = first / getInt(node, 'group', 1);
  for (let a = 0, i = 0; a < first; a++) {
    for (let b = 0; b < second; b++) {
      const channel = transposed ? Math.floor(a / perGroup) * second + b : a;
      const factor = factors[channel]!;
      for (let k = 0; k < inner; k++, i++) data[i] = source[i]! * factor;
    }
  }
  return { dtype: 'fp32', dims, data };
}
