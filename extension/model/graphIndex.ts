/**
 * Questions about one graph: who makes a tensor, who reads it, what subgraphs capture.
 *
 * Used by validation and by every rewrite. An index is a snapshot: build a new one after editing the graph.
 */
import { CodedError } from '../contract/errors';
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from './onnx.generated';

/** A use of a tensor. */
export interface Consumer {
  readonly node: NodeProto;
  readonly inputIndex: number;
}

export class GraphIndex {
  private readonly producers = new Map<string, NodeProto>();
  private readonly uses = new Map<string, Consumer[]>();
  private readonly initializers = new Map<string, TensorProto>();
  private readonly inputs: Map<string, ValueInfoProto>;
  private readonly outputs: Map<string, ValueInfoProto>;
  private readonly valueInfos: Map<string, ValueInfoProto>;
  private readonly captured = new Map<string, NodeProto[]>();
  private readonly captures: boolean;
  /** All names in use, once `uniqueName` is first asked: most indexes never are. */
  private names: Set<string> | null = null;

  /** @param captures false: what bodies read is not looked at (`flatGraph.ts` lists their nodes as the graph's own) */
  constructor(
    readonly graph: GraphProto,
    { captures = true }: { readonly captures?: boolean } = {},
  ) {
    this.captures = captures;
    this.inputs = new Map(graph.input.map((value) => [value.name ?? '', value]));
    this.outputs = new Map(graph.output.map((value) => [value.name ?? '', value]));
    this.valueInfos = new Map(graph.valueInfo.map((value) => [value.name ?? '', value]));
    for (const tensor of graph.initializer) this.initializers.set(tensor.name ?? '', tensor);
    for (const node of graph.node) this.addNode(node, captures);
  }

  /** The node of this graph that makes a tensor. */
  producer(tensor: string): NodeProto | undefined {
    return this.producers.get(tensor);
  }

  /** Direct uses by nodes of this graph, in node order; not those inside their subgraphs (`outerUses`). */
  consumers(tensor: string): readonly Consumer[] {
    return this.uses.get(tensor) ?? [];
  }

  initializer(tensor: string): TensorProto | undefined {
    return this.initializers.get(tensor);
  }

  /** Also true for an initializer that is listed as an input, as models before IR version 4 do. */
  isGraphInput(tensor: string): boolean {
    return this.inputs.has(tensor);
  }

  isGraphOutput(tensor: string): boolean {
    return this.outputs.has(tensor);
  }

  /** Nodes of this graph whose subgraphs read the tensor. */
  outerUses(tensor: string): readonly NodeProto[] {
    return this.captured.get(tensor) ?? [];
  }

  /** What the graph declares about a tensor: as an input, an output or in `value_info`. */
  valueInfo(tensor: string): ValueInfoProto | undefined {
    return this.inputs.get(tensor) ?? this.outputs.get(tensor) ?? this.valueInfos.get(tensor);
  }

  /** A tensor or node name that occurs nowhere in this graph and its subgraphs; taken once given. */
  uniqueName(base: string): string {
    this.names ??= this.namesInUse();
    let name = base;
    for (let i = 1; this.names.has(name); i++) name = `${base}_${i}`;
    this.names.add(name);
    return name;
  }

  private namesInUse(): Set<string> {
    const names = new Set<string>();
    for (const inner of this.captures ? walkGraphs(this.graph) : [this.graph]) collectNames(inner, names);
    return names;
  }

  private addNode(node: NodeProto, captures: boolean): void {
    for (const output of node.output) if (output !== '') this.producers.set(output, node);
    node.input.forEach((input, inputIndex) => {
      if (input === '') return;
      const uses = this.uses.get(input);
      if (uses === undefined) this.uses.set(input, [{ node, inputIndex }]);
      else uses.push({ node, inputIndex });
    });
    if (!captures) return;
    for (const name of capturedTensors(node)) {
      const nodes = this.captured.get(name);
      if (nodes === undefined) this.captured.set(name, [node]);
      else nodes.push(node);
    }
  }
}

/** The graphs that a node carries (bodies of If, Loop, Scan …). */
export function subgraphs(node: NodeProto): GraphProto[] {
  const found: GraphProto[] = [];
  for (const attribute of node.attribute) {
    if (attribute.g !== undefined) found.push(attribute.g);
    found.push(...attribute.graphs);
  }
  return found;
}

/** A graph and all graphs inside it, outer ones first. */
export function* walkGraphs(graph: GraphProto): Generator<GraphProto> {
  yield graph;
  for (const node of graph.node) for (const inner of subgraphs(node)) yield* walkGraphs(inner);
}

/** Tensors of enclosing graphs that a node's subgraphs read. */
export function capturedTensors(node: NodeProto): Set<string> {
  const captured = new Set<string>();
  for (const graph of subgraphs(node)) for (const name of freeTensors(graph)) captured.add(name);
  return captured;
}

/** Names that a graph reads, directly or further inside, and does not define itself. */
export function freeTensors(graph: GraphProto): Set<string> {
  const defined = new Set(definedTensors(graph));
  const free = new Set<string>();
  const read = (name: string): void => {
    if (name !== '' && !defined.has(name)) free.add(name);
  };
  for (const node of graph.node) {
    node.input.forEach(read);
    capturedTensors(node).forEach(read);
  }
  for (const output of graph.output) read(output.name ?? '');
  return free;
}

/** Names that a graph defines: inputs, initializers and what its own nodes make. */
export function* definedTensors(graph: GraphProto): Generator<string> {
  for (const input of graph.input) yield input.name ?? '';
  for (const tensor of graph.initializer) yield tensor.name ?? '';
  for (const sparse of graph.sparseInitializer) yield sparse.values?.name ?? '';
  for (const node of graph.node) yield* node.output;
}

/**
 * The nodes in an order in which every tensor is made before it is read, captured ones included. Keeps the order of the
 * file where that is already right (Kahn's algorithm, lowest original index first).
 * @throws CodedError MODEL_INVALID naming a node on a cycle
 */
export function topologicalSort(graph: GraphProto): NodeProto[] {
  const nodes = graph.node;
  const madeBy = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const output of node.output) if (output !== '') madeBy.set(output, index);
  });
  const followers: number[][] = nodes.map(() => []);
  const waiting = nodes.map((node, index) => {
    const before = new Set<number>();
    for (const name of [...node.input, ...capturedTensors(node)]) {
      const producer = madeBy.get(name);
      if (producer !== undefined) before.add(producer);
    }
    for (const producer of before) followers[producer]!.push(index);
    return before.size;
  });
  const ready = new IndexHeap();
  waiting.forEach((count, index) => {
    if (count === 0) ready.push(index);
  });
  const sorted: NodeProto[] = [];
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    sorted.push(nodes[index]!);
    for (const follower of followers[index]!) {
      waiting[follower]! -= 1;
      if (waiting[follower] === 0) ready.push(follower);
    }
  }
  if (sorted.length < nodes.length) throw cycle(nodes[onCycle(waiting, followers)]!);
  return sorted;
}

/** A node on a cycle: stepping back from any waiting node through waiting ones must come to one twice. */
function onCycle(waiting: readonly number[], followers: readonly number[][]): number {
  const before = new Map<number, number>();
  followers.forEach((after, index) => {
    if (waiting[index]! > 0) for (const follower of after) before.set(follower, index);
  });
  const seen = new Set<number>();
  let index = waiting.findIndex((count) => count > 0);
  while (!seen.has(index)) {
    seen.add(index);
    index = before.get(index)!;
  }
  return index;
}

/** Name for messages: the node's own, else its first output. */
export function describeNode(node: NodeProto): string {
  const own = node.name !== undefined && node.name !== '' ? node.name : node.output.find((output) => output !== '');
  return own ?? node.opType ?? 'a node without a name';
}

function cycle(node: NodeProto): CodedError {
  return new CodedError({
    code: 'MODEL_INVALID',
    reason: `The graph has a cycle; node ${describeNode(node)} (${node.opType}) waits for its own result.`,
    fix: 'Export the model again; a graph must be free of cycles.',
    place: { node: describeNode(node) },
  });
}

function collectNames(graph: GraphProto, names: Set<string>): void {
  for (const name of definedTensors(graph)) names.add(name);
  for (const output of graph.output) names.add(output.name ?? '');
  for (const node of graph.node) {
    names.add(node.name ?? '');
    for (const input of node.input) names.add(input);
  }
}

/** Binary min-heap of node positions. */
class IndexHeap {
  private readonly items: number[] = [];

  push(item: number): void {
    const items = this.items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= item) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child += 1;
      if (items[child]! >= last) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
