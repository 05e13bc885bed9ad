/**
 * Residual sums: which input of an Add is the skip connection.
 *
 * TensorRT runs `Conv + Add (+ ReLU)` as one INT8 kernel when the skip input comes through Q/DQ and the branch that ends in
 * the convolution is left raw. Where both branches end in one, the shorter path from their common ancestor is the skip.
 */
import type { GraphIndex } from '../model/graphIndex';
import type { NodeProto } from '../model/onnx.generated';
import type { Constants } from './constants';

/** Search depth; residual blocks are shorter by far, and the search must not cross the whole network. */
const deepest = 64;

/**
 * @param layers the quantized layers
 * @returns the position of the skip input, or null if the sum is not residual
 */
export function residualSkipInput(
  node: NodeProto,
  index: GraphIndex,
  constants: Constants,
  layers: ReadonlySet<NodeProto>,
): 0 | 1 | null {
  const [first = '', second = ''] = node.input;
  if (first === '' || second === '' || first === second || constants.has(first) || constants.has(second)) return null;
  const firstFused = endsInLayer(first, index, constants, layers);
  const secondFused = endsInLayer(second, index, constants, layers);
  if (!firstFused && !secondFused) return null;
  if (firstFused !== secondFused) return shareAncestor(first, second, index) === null ? null : firstFused ? 1 : 0;
  const lengths = shareAncestor(first, second, index);
  if (lengths === null) return null;
  return lengths[0] > lengths[1] ? 1 : 0;
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

/** Lengths of the two paths from the nearest common ancestor, or null if there is none near. */
function shareAncestor(first: string, second: string, index: GraphIndex): [number, number] | null {
  const left = ancestors(first, index);
  const right = ancestors(second, index);
  let best: [number, number] | null = null;
  for (const [tensor, length] of left) {
    const other = right.get(tensor);
    if (other !== undefined && (best === null || length + other < best[0] + best[1])) best = [length, other];
  }
  return best;
}

/** Tensors before a tensor with their distance in nodes, the tensor itself at 0. */
function ancestors(tensor: string, index: GraphIndex): Map<string, number> {
  const distances = new Map([[tensor, 0]]);
  let front = [tensor];
  for (let distance = 1; distance <= deepest && front.length > 0; distance++) {
    const next: string[] = [];
    for (const name of front) {
      for (const input of index.producer(name)?.input ?? []) {
        if (input === '' || distances.has(input) || index.initializer(input) !== undefined) continue;
        distances.set(input, distance);
        next.push(input);
      }
    }
    front = next;
  }
  return distances;
}
