/**
 * Residual sums: which inputs of an Add are read in 8 bits.
 *
 * TensorRT runs `Conv + Add (+ ReLU)` as one INT8 kernel when the skip input comes through Q/DQ and the branch that ends in
 * the convolution is left raw. Where both branches end in one, the shorter path from their common ancestor is the skip.
 *
 * With an activation between convolution and sum (the bottlenecks of YOLO) the sum is a kernel of its own. Raw, the branch would be
 * stored in 16 bits in the layout of 8-bit convolutions, copied to another and activated by a third kernel; so both inputs are
 * read in 8 bits, and convolution and activation are one kernel again (docs/measurements/h200-trt10.6).
 */
import type { GraphIndex } from '../model/graphIndex';
import type { NodeProto } from '../model/onnx.generated';
import type { Constants } from './constants';
import { isConvolution, type FusedKernels } from './fusedKernels';

/** Search depth; residual blocks are shorter by far, and the search must not cross the whole network. */
const deepest = 64;

export interface ResidualContext {
  readonly index: GraphIndex;
  readonly constants: Constants;
  readonly kernels: FusedKernels;
  /** The quantized layers. */
  readonly layers: ReadonlySet<NodeProto>;
  /** Is the sum read in 8 bits by all who read it? */
  readonly isQuantized: boolean;
}

/** @returns positions of the inputs to read in 8 bits; none if the sum is not residual */
export function residualInputs(node: NodeProto, context: ResidualContext): readonly number[] {
  const { index, constants, layers } = context;
  const [first = '', second = ''] = node.input;
  if (first === '' || second === '' || first === second || constants.has(first) || constants.has(second)) return [];
  const firstFused = endsInLayer(first, index, constants, layers);
  const secondFused = endsInLayer(second, index, constants, layers);
  const isOwnKernel = () => context.isQuantized && [first, second].some((name) => endsInActivation(name, context));
  if (!firstFused && !secondFused && !isOwnKernel()) return [];
  const lengths = shareAncestor(first, second, index);
  if (lengths === null) return [];
  if (firstFused && secondFused) return [lengths[0] > lengths[1] ? 1 : 0];
  return firstFused || secondFused ? [firstFused ? 1 : 0] : [0, 1];
}

/** Is the tensor what a quantized convolution's kernel stores behind an activation, for the sum alone? */
function endsInActivation(tensor: string, { index, kernels, layers }: ResidualContext): boolean {
  const owner = kernels.owner(tensor);
  return owner !== null && isConvolution(owner) && layers.has(owner) && index.consumers(tensor).length === 1;
}

/** Does the tensor come straight from a quantized layer (with its bias), used nowhere else? */
function endsInLayer(tensor: string, index: GraphIndex, constants: Constants, layers: ReadonlySet<NodeProto>): boolean {
  const node = index.producer(tensor);
  if (node === undefined || index.consumers(tensor).length !== 1) return false;
  if (layers.has(node)) return true;
  const isBias = node.opType === 'Add' && node.input.some((name) => constants.has(name));
  if (!isBias) return false;
  const inner = node.input.find((name) => !constants.has(name)) ?? '';
  return endsInLayer(inner, index, constants, layers);
}

/**
 * Lengths of the two paths from the nearest common ancestor, or null if there is none near; of equally near ones, the paths of which
 * the first is the shortest. Both sides are searched step by step and no farther than a nearer one could be: residual blocks are short,
 * and the network before them is not.
 */
function shareAncestor(first: string, second: string, index: GraphIndex): [number, number] | null {
  const left = new Ancestors(first, index);
  const right = new Ancestors(second, index);
  let nearest: [number, number] | null = null;
  // What has not been seen lies at least `distance` from one of the two.
  for (let distance = 1; distance <= deepest && (nearest === null || sum(nearest) >= distance); distance++) {
    for (const tensor of [...left.step(), ...right.step()]) {
      const lengths: [number, number] = [left.distance(tensor), right.distance(tensor)];
      const lead = nearest === null ? -Infinity : sum(lengths) - sum(nearest) || lengths[0] - nearest[0];
      if (sum(lengths) < Infinity && lead < 0) nearest = lengths;
    }
  }
  return nearest;
}

function sum([first, second]: readonly [number, number]): number {
  return first + second;
}

/** Tensors before a tensor with their distance in nodes, the tensor itself at 0. */
class Ancestors {
  private readonly distances: Map<string, number>;
  private front: readonly string[];
  private steps = 0;

  constructor(
    tensor: string,
    private readonly index: GraphIndex,
  ) {
    this.distances = new Map([[tensor, 0]]);
    this.front = [tensor];
  }

  /** Infinity for a tensor that was not seen. */
  distance(tensor: string): number {
    return this.distances.get(tensor) ?? Infinity;
  }

  /** Goes one node farther, to the tensors returned. */
  step(): readonly string[] {
    const { index, distances } = this;
    const next: string[] = [];
    this.steps++;
    for (const name of this.front) {
      for (const input of index.producer(name)?.input ?? []) {
        if (input === '' || distances.has(input) || index.initializer(input) !== undefined) continue;
        distances.set(input, this.steps);
        next.push(input);
      }
    }
    this.front = next;
    return next;
  }
}
