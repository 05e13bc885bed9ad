/**
 * Which tensors TensorRT computes in the kernel of which layer: a convolution or matrix product takes in the activation behind it and
 * the residual sum it ends in, so that what lies between is never stored.
 *
 * Read off the engines of TensorRT 10.6 on an H200 (docs/measurements/h200-trt10.6), whose layers are named for the nodes in
 * them: `Conv + Relu`, `Conv + Clip`, `Conv + PWN(Sigmoid, Mul)`, `Conv + Add`; an Add behind `Conv + PWN(Sigmoid, Mul)` has a
 * kernel of its own. A GELU is left apart, as one operator and as five with constants: in 16 bits it fuses, but where 8 bits are
 * stored behind it the builder of a strongly typed network ends with an internal error
 * (`Assertion type() == expectedDataType<T>()`). So are activations that have not been seen there.
 */
import type { GraphIndex } from '../model/graphIndex';
import type { NodeProto } from '../model/onnx.generated';
import { quantizableTypes } from './quantizableLayers';

export class FusedKernels {
  private readonly owners = new Map<string, NodeProto>();

  /** @param nodes of the graph that is indexed, sorted */
  constructor(
    private readonly index: GraphIndex,
    nodes: readonly NodeProto[],
  ) {
    for (const node of nodes) {
      const owner = this.find(node);
      if (owner !== null) for (const name of node.output) this.owners.set(name, owner);
    }
  }

  /** The layer in whose kernel a tensor is computed; null where it is none's. */
  owner(tensor: string): NodeProto | null {
    return this.owners.get(tensor) ?? null;
  }

  private find(node: NodeProto): NodeProto | null {
    if (isLayer(node)) return node;
    if (!fusing.has(node.opType ?? '')) return null;
    const computed = node.input.filter((name) => name !== '' && this.index.initializer(name) === undefined);
    if (computed.length < node.input.length && node.opType !== 'Clip') return null;
    const owners = new Set(computed.map((name) => this.owner(name)));
    if (owners.size === 1) return [...owners][0] ?? null;
    if (node.opType !== 'Add') return null;
    // A residual sum runs in the kernel of the branch that ends in a layer, without an activation, and is read by nobody else.
    const branches = computed.filter((name) => this.index.consumers(name).length === 1);
    const layers = branches.map((name) => this.index.producer(name)).filter((node) => node !== undefined);
    return layers.find(isLayer) ?? null;
  }
}

const isLayer = (node: NodeProto): boolean => quantizableTypes.has(node.opType ?? '');

export const isConvolution = (node: NodeProto | null): boolean =>
  node?.opType === 'Conv' || node?.opType === 'ConvTranspose';

/** Operators that run in the kernel of the layer in front of them, if they read nothing else. */
const fusing = new Set(['Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Mul', 'Add']);
