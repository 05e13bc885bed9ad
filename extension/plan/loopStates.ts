/**
 * Which nodes of Loop and Scan bodies stay FP32 for being run again and again: those that add to a state that the body carries
 * from one iteration to the next, and all of a body that has nothing to gain.
 *
 * The state itself is FP32, but a sum that is rounded to 11 bits in every iteration is no better than a state of 11 bits: small
 * steps vanish beside a large total. So what leads from the state that comes in to the state that goes out by sums, products
 * and selections alone stays FP32 (the `c = f · c + i · g` of an LSTM). What passes a matrix product or an activation does not
 * add up and is decided like any node.
 */
import { getInt } from '../model/attributes';
import { flatGraph } from '../model/flatGraph';
import { subgraphs, type GraphIndex } from '../model/graphIndex';
import type { GraphProto, NodeProto } from '../model/onnx.generated';
import { copyOperators } from './precisionRules';

const accumulating = new Set('Add Sub Mul Div Neg Sum Mean Max Min Where ScatterElements ScatterND'.split(' '));

/** What reduced precision makes faster by more than the casts around it cost. */
const products = new Set('Conv ConvTranspose MatMul Gemm LSTM GRU RNN Attention'.split(' '));

/**
 * Nodes of Loop and Scan bodies without a matrix product or a convolution: they would be cast there and back in every iteration
 * for a few sums. TensorRT-RTX 1.7.1 also fails to compile some of such bodies in FP16 and BF16 (Myelin, tiled layouts), and
 * none was found with products.
 */
export function idleBodyNodes(nodes: readonly NodeProto[]): Set<NodeProto> {
  const found = new Set<NodeProto>();
  for (const node of nodes) {
    if (node.opType !== 'Loop' && node.opType !== 'Scan') continue;
    for (const body of subgraphs(node)) {
      const inner = flatGraph(body).node;
      if (!inner.some(({ opType }) => products.has(opType ?? ''))) for (const one of inner) found.add(one);
    }
  }
  return found;
}

/**
 * Nodes that add to a carried state.
 * @param nodes of the model and its bodies, with an index over them (`flatGraph.ts`)
 */
export function stateNodes(nodes: readonly NodeProto[], index: GraphIndex): Set<NodeProto> {
  const found = new Set<NodeProto>();
  for (const node of nodes) {
    const [body] = subgraphs(node);
    if (body === undefined) continue;
    const { before, after } = carried(node, body);
    const path = new StatePath(new Set(before), index, found);
    for (const name of after) path.leadsToState(name);
  }
  return found;
}

/** Names of the carried tensors inside the body, as it gets them and as it leaves them. */
function carried(node: NodeProto, body: GraphProto): { before: string[]; after: string[] } {
  const names = (values: GraphProto['input']) => values.map(({ name }) => name ?? '');
  if (node.opType === 'Loop') {
    // In front of the carried tensors: iteration number and condition of the inputs, condition of the outputs.
    const before = names(body.input.slice(2));
    return { before, after: names(body.output.slice(1, 1 + before.length)) };
  }
  if (node.opType !== 'Scan') return { before: [], after: [] };
  const count = body.input.length - getInt(node, 'num_scan_inputs', 0);
  return { before: names(body.input.slice(0, count)), after: names(body.output.slice(0, count)) };
}

class StatePath {
  private readonly known = new Map<string, boolean>();

  constructor(
    private readonly states: ReadonlySet<string>,
    private readonly index: GraphIndex,
    private readonly found: Set<NodeProto>,
  ) {}

  /** Is the tensor the state, or made of it by accumulating nodes alone? Marks these. */
  leadsToState(name: string): boolean {
    if (this.states.has(name)) return true;
    const known = this.known.get(name);
    if (known !== undefined) return known;
    this.known.set(name, false);
    const node = this.index.producer(name);
    if (node === undefined) return false;
    let leads = false;
    for (const source of sources(node)) if (this.leadsToState(source)) leads = true;
    if (leads) this.found.add(node);
    this.known.set(name, leads);
    return leads;
  }
}

/** What a result is made of; an If passes on what its branches make. */
function sources(node: NodeProto): string[] {
  const opType = node.opType ?? '';
  if (opType === 'If') return subgraphs(node).flatMap(({ output }) => output.map(({ name }) => name ?? ''));
  return accumulating.has(opType) || copyOperators.has(opType) ? node.input : [];
}
