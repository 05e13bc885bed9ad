/**
 * What a layer of an INT8 variant gains in 8 bits, and what it costs to leave it in FP16: its own time, and the conversions that
 * kernels around it need or no longer need.
 *
 * A convolution in 8 bits reads and writes a layout of its own (32 channels to a word). Read off TensorRT 10.6's engines on an
 * H200 (docs/measurements/h200-trt10.6):
 *
 * - A tensor that a convolution stores in 8 bits for readers in 8 bits costs nothing beyond that: its activation and a residual
 *   sum run in the convolution's kernel, and the next one reads what is there.
 * - In front of a convolution whose input no 8-bit kernel stores there is a kernel that quantizes: it reads 2 bytes, writes 1.
 * - A convolution in 8 bits whose output anyone reads otherwise stores FP16 in its own layout, and a kernel behind it copies that
 *   to the layout of FP16 kernels: 2 bytes read, 2 written; what quantizes it for other readers comes on top.
 * - A Split hands on the 8 bits that it is given. So does a sum behind an activation, in a kernel of its own that reads both inputs in
 *   8 bits (`residualSums.ts`); the copies around it are not counted, since not every TensorRT makes them.
 * - Matrix products need neither: elementwise kernels around them quantize on the way.
 *
 * So one layer left out of a chain costs more than its own time, and one layer alone in 8 bits is slower than in FP16. All times are
 * in bytes moved, of one sample; arithmetic at `multiplyAddsPerByte`.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import { elementCount } from '../contract/tensor';
import { getInt } from '../model/attributes';
import { GraphIndex } from '../model/graphIndex';
import type { GraphProto, NodeProto } from '../model/onnx.generated';
import { FusedKernels, isConvolution } from './fusedKernels';
import { multiplyAdds } from './multiplyAdds';

/**
 * Multiply-adds that a GPU does in INT8 while it moves one byte; half as many in FP16. Between 200 (Orin, H200) and 400 (L4): layers with fewer
 * per byte, among them all depthwise convolutions, wait for memory.
 */
const multiplyAddsPerByte = 256;

/** Bytes that converting kernels move for each element of a tensor. */
const quantizing = 3;
const copying = 4;

export class QuantizedTimes {
  private readonly index: GraphIndex;
  private readonly kernels: FusedKernels;
  /** What each layer's kernel stores: of its activation and residual sum the tensors that others read. */
  private readonly stored = new Map<NodeProto, string[]>();
  /** Tensors that a layer of the variant depends on. */
  private readonly leading = new Set<string>();

  /**
   * @param graph sorted
   * @param layers those that the variant has in 8 bits if none is kept
   */
  constructor(
    graph: GraphProto,
    private readonly ranges: TensorRanges,
    private readonly layers: ReadonlySet<NodeProto>,
  ) {
    this.index = new GraphIndex(graph);
    this.kernels = new FusedKernels(this.index, graph.node);
    for (const name of graph.node.flatMap(({ output }) => output)) {
      const owner = this.kernels.owner(name);
      if (owner !== null && this.isStored(name, owner))
        this.stored.set(owner, [...(this.stored.get(owner) ?? []), name]);
    }
    for (const node of graph.node.toReversed()) {
      if (this.layers.has(node) || node.output.some((name) => this.leading.has(name)))
        for (const name of node.input) this.leading.add(name);
    }
  }

  /** Time of a layer in 8 bits, its conversions aside; FP16 takes as much again. 0 where its shapes are not known. */
  layer(node: NodeProto): number {
    const arithmetic = multiplyAdds(node, this.index, this.ranges);
    return arithmetic === 0 ? 0 : this.moved(node) + arithmetic / multiplyAddsPerByte;
  }

  /** Time of all layers in 8 bits, with conversions. */
  total(): number {
    const layers = [...this.layers];
    const tensors = new Set(layers.flatMap((node) => this.tensorsOf(node)));
    return layers.reduce((sum, node) => sum + this.layer(node), 0) + this.conversionsOf(tensors, new Choice(new Set()));
  }

  /**
   * How much longer the variant takes if layers stay in FP16; negative where 8 bits cost more than they save.
   * @param kept layers that stay anyway
   */
  costOfKeeping(nodes: readonly NodeProto[], kept: ReadonlySet<NodeProto>): number {
    const changed = this.withGrouped(nodes).filter((node) => !kept.has(node));
    const after = new Set([...kept, ...changed]);
    const tensors = new Set(changed.flatMap((node) => this.tensorsOf(node)));
    return (
      changed.reduce((sum, node) => sum + this.layer(node), 0) +
      this.conversionsOf(tensors, new Choice(after)) -
      this.conversionsOf(tensors, new Choice(kept))
    );
  }

  /** Layers with the grouped convolutions in front of them, which TensorRT has not from 8 bits to more (`placeQuantization.ts`). */
  private withGrouped(nodes: readonly NodeProto[]): NodeProto[] {
    const found = new Set(nodes);
    // A set hands out what is added to it meanwhile.
    for (const node of found) {
      const owner = this.layerInFront(node);
      if (owner !== null && getInt(owner, 'group', 1) > 1) found.add(owner);
    }
    return [...found];
  }

  /** The layer of the variant whose kernel makes what a layer reads. */
  layerInFront(node: NodeProto): NodeProto | null {
    const owner = this.kernels.owner(node.input[0] ?? '');
    return owner !== null && this.layers.has(owner) ? owner : null;
  }

  /** Is it a convolution that no kernel in 8 bits feeds, and that leads to no other layer? */
  isAlone(node: NodeProto): boolean {
    return (
      isConvolution(node) && this.layerInFront(node) === null && !node.output.some((name) => this.leading.has(name))
    );
  }

  private moved(node: NodeProto): number {
    const weights = elementCount(this.index.initializer(node.input[1] ?? '')?.dims ?? []);
    return this.elements(node.input[0] ?? '') + this.elements(node.output[0] ?? '') + weights;
  }

  private elements(tensor: string): number {
    const dims = this.ranges.tensors.get(tensor)?.dims;
    return dims === undefined ? 0 : elementCount(dims);
  }

  /** What a layer reads, what leaves its kernel, and sums of that in kernels of their own. */
  private tensorsOf(node: NodeProto): string[] {
    const leaving = this.stored.get(node) ?? [];
    const sums = leaving.flatMap((name) =>
      this.index
        .consumers(name)
        .flatMap((use) => (use.node.opType === 'Add' ? use.node.output : []))
        .filter((sum) => this.kernels.owner(sum) === null),
    );
    return [...new Set([...this.sources(node.input[0] ?? ''), ...leaving, ...sums])];
  }

  /** The tensors that a tensor is put together from, as operators that work in any type do it. */
  private sources(tensor: string): string[] {
    const node = this.index.producer(tensor);
    return node !== undefined && anyType.has(node.opType ?? '')
      ? dataInputs(node).flatMap((name) => this.sources(name))
      : [tensor];
  }

  private isStored(tensor: string, layer: NodeProto): boolean {
    if (this.index.isGraphOutput(tensor) || this.index.outerUses(tensor).length > 0) return true;
    return this.index.consumers(tensor).some(({ node }) => this.kernels.owner(node.output[0] ?? '') !== layer);
  }

  private conversionsOf(tensors: Iterable<string>, choice: Choice): number {
    return [...tensors].reduce((sum, tensor) => sum + this.conversions(tensor, choice), 0);
  }

  private conversions(tensor: string, choice: Choice): number {
    const readers = this.readers(tensor, choice);
    const owner = this.kernels.owner(tensor);
    const size = this.elements(tensor);
    const quantizer = readers.convolution ? quantizing * size : 0;
    if (owner === null) return this.index.isGraphInput(tensor) || this.isSum(tensor, choice) ? 0 : quantizer;
    if (!isConvolution(owner)) return 0;
    if (!this.isInEightBits(owner, choice)) return quantizer;
    // One byte more is written than a layer's own time counts.
    return readers.raw ? (1 + copying) * size + quantizer : 0;
  }

  private isInEightBits(layer: NodeProto | null, { kept }: Choice): boolean {
    return layer !== null && this.layers.has(layer) && !kept.has(layer);
  }

  /** Is it a sum with a kernel of its own that reads and writes 8 bits (`residualSums.ts`)? */
  private isSum(tensor: string, choice: Choice): boolean {
    const node = this.index.producer(tensor);
    if (node?.opType !== 'Add' || this.kernels.owner(tensor) !== null || this.readers(tensor, choice).raw) return false;
    return node.input.some((name) => {
      const owner = this.kernels.owner(name);
      return isConvolution(owner) && this.isInEightBits(owner, choice) && this.index.consumers(name).length === 1;
    });
  }

  private readers(tensor: string, choice: Choice): Readers {
    const known = choice.readers.get(tensor);
    if (known !== undefined) return known;
    const found = this.findReaders(tensor, choice);
    choice.readers.set(tensor, found);
    return found;
  }

  private findReaders(tensor: string, choice: Choice): Readers {
    const owner = this.kernels.owner(tensor);
    let convolution = false;
    let raw = this.index.isGraphOutput(tensor) || this.index.outerUses(tensor).length > 0;
    const uses = this.index.consumers(tensor);
    for (const { node, inputIndex } of uses) {
      const [output = ''] = node.output;
      const makes = this.kernels.owner(output);
      if (owner !== null && makes === owner) continue;
      if (anyType.has(node.opType ?? '')) {
        const behind = node.output.filter((name) => name !== '').map((name) => this.readers(name, choice));
        convolution ||= behind.some((readers) => readers.convolution);
        raw ||= behind.some((readers) => readers.raw);
        // Behind a pool the scale is another than before it: two kernels quantize what is stored in FP16.
        raw ||= node.opType === 'MaxPool' && uses.length > 1;
      } else if (inputIndex === 0 && this.isInEightBits(node, choice)) convolution ||= isConvolution(node);
      // The other input of a residual sum is read in 8 bits by the kernel that ends in the sum.
      else if (node.opType !== 'Add' || !(this.isInEightBits(makes, choice) || this.isSum(output, choice))) raw = true;
    }
    return { convolution, raw };
  }
}

/** Layers that are kept, and what that means for tensors. */
class Choice {
  readonly readers = new Map<string, Readers>();
  constructor(readonly kept: ReadonlySet<NodeProto>) {}
}

/** Who reads a tensor outside of the kernel that makes it. */
interface Readers {
  /** A convolution in 8 bits. */
  readonly convolution: boolean;
  /** Anything that does not read 8 bits. */
  readonly raw: boolean;
}

/** Operators that hand on what they read, in 8 bits if it is in 8 bits. */
const anyType = new Set(['MaxPool', 'Concat', 'Split']);

const dataInputs = (node: NodeProto): string[] => (node.opType === 'Split' ? node.input.slice(0, 1) : node.input);
