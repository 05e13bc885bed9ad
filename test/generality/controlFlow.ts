/**
 * Blocks whose nodes lie in bodies of If, Loop and Scan: convolutions, products, norms and activations from `blocks.ts`, with
 * captured tensors and weights, nested bodies, branches that use the same names, several and captured outputs.
 */
import type { ValueInfoProto } from '../../extension/model/onnx.generated';
import type { Block } from './blocks';
import { bodyGraph, declared, GraphBuilder, type Value } from './graphBuilder';

/** A builder for a body; some of its weights belong to the graph around it. */
class BodyBuilder extends GraphBuilder {
  constructor(
    readonly outer: GraphBuilder,
    naming: (base: string, index: number) => string,
  ) {
    super(outer.random, outer.opset, naming, true);
  }

  override initializer(...given: Parameters<GraphBuilder['initializer']>): string {
    // Before opset 9 every initializer had to be an input of its graph, which a body cannot have.
    const captured = this.opset < 9 || this.random.chance(0.5);
    return captured ? this.outer.initializer(...given) : super.initializer(...given);
  }

  override scalar(value: number): string {
    return this.random.chance(0.5) ? this.outer.scalar(value) : super.scalar(value);
  }
}

/** @param pieces what bodies are made of */
export function controlFlowBlocks(pieces: readonly Block[]): Block[] {
  const inner = pieces.filter(({ name }) => name !== 'functionCall');
  const block = (name: string, make: (b: GraphBuilder, x: Value, pieces: readonly Block[]) => Value | null): Block => {
    return { name, rank: null, sinceOpset: 8, rare: true, make: (b, x) => make(b, x, inner) };
  };
  const nested = [...inner, block('branchOfBlocks', branchOfBlocks)];
  return [
    block('branchOfBlocks', (b, x) => branchOfBlocks(b, x, nested)),
    block('branchOfBlocks', (b, x) => branchOfBlocks(b, x, nested)),
    block('loopOfBlocks', (b, x) => loopOfBlocks(b, x, nested)),
    { ...block('scanOfBlocks', (b, x) => scanOfBlocks(b, x, nested)), sinceOpset: 9 },
  ];
}

/** One to four blocks that keep the shape; what else a block would give is taken back. */
function chain(b: BodyBuilder, x: Value, pieces: readonly Block[]): Value {
  const fitting = pieces.filter(
    ({ rank, sinceOpset = 0, rare = false }) =>
      (rank ?? x.dims.length) === x.dims.length && sinceOpset <= b.opset && (!rare || b.random.chance(0.3)),
  );
  let value = x;
  const wanted = b.random.integer(1, 4);
  for (let attempt = 0, made = 0; attempt < 12 && made < wanted; attempt++) {
    const before = b.nodes.length;
    const next = b.random.pick(fitting).make(b, value);
    if (next?.dims.join() === x.dims.join() && next.name !== value.name) {
      value = next;
      made++;
    } else {
      b.nodes.length = before;
      b.forget();
    }
  }
  return value;
}

/** The result of a body, made by a node of the body as runtimes demand. */
function given(b: BodyBuilder, { name }: Value): string {
  return b.nodes.some(({ output }) => output.includes(name)) ? name : b.op('Identity', [name]);
}

/** An If on the data, the free batch, a fixed size or a constant. */
function branchOfBlocks(b: GraphBuilder, x: Value, pieces: readonly Block[]): Value {
  const twice = b.random.chance(0.3);
  const side = b.random.chance(0.5) ? b.op('Mul', [x.name, b.scalar(0.5)]) : x.name;
  const scope = b.unique('scope');
  // The branches may use the same names: they are never both in sight.
  const alike = b.random.chance(0.5);
  const body = (number: number) => {
    const naming = alike
      ? (base: string, index: number) => `${scope}/${base}_${index}`
      : (base: string) => b.unique(`inner_${base}`);
    const inner = new BodyBuilder(b, naming);
    const result = chain(inner, number === 0 ? x : { name: side, dims: x.dims }, pieces);
    const results = [given(inner, result)];
    if (twice) results.push(given(inner, b.random.chance(0.5) ? { name: side, dims: x.dims } : result));
    const outputs = results.map((name, at) => (at > 0 && name === results[0] ? inner.op('Identity', [name]) : name));
    return bodyGraph(
      b.unique('branch'),
      inner,
      [],
      outputs.map((name) => declared(name, null)),
    );
  };
  const branches = { then_branch: { graph: body(0) }, else_branch: { graph: body(1) } };
  const [first = '', second] = b.ops('If', [condition(b, x)], twice ? 2 : 1, branches);
  const name = second === undefined ? first : b.op('Add', [first, b.op('Mul', [second, b.scalar(0.5)])]);
  return { name, dims: x.dims };
}

function condition(b: GraphBuilder, x: Value): string {
  const kind = b.random.pick(['data', 'data', 'size', 'constant'] as const);
  const answer = b.random.chance(0.5);
  if (kind === 'constant')
    return b.constant({ dtype: 'bool', dims: b.random.pick([[], [1]]), data: Uint8Array.of(Number(answer)) });
  if (kind === 'data') {
    const sum = b.reduce(
      'ReduceSum',
      x.name,
      x.dims.map((_, axis) => axis),
      0,
    );
    // Far from zero, so that no rounding takes the other branch.
    return b.op('Greater', [sum, b.scalar(answer ? -1e9 : 1e9)]);
  }
  const axis = b.random.integer(0, x.dims.length - 1);
  const size = b.op('Gather', [b.op('Shape', [x.name]), b.ints([axis], [])], { axis: 0 });
  return b.op('Equal', [size, b.ints([answer ? x.dims[axis]! : 1], [])]);
}

/** The state goes through blocks; sometimes every turn's result is given out as well. */
function loopOfBlocks(b: GraphBuilder, x: Value, pieces: readonly Block[]): Value {
  const inner = new BodyBuilder(b, (base) => b.unique(`inner_${base}`));
  const [turn, going, state] = [b.unique('turn'), b.unique('going'), b.unique('state')];
  const changed = chain(inner, { name: b.random.chance(0.7) ? state : x.name, dims: x.dims }, pieces);
  const half = inner.op('Mul', [changed.name, inner.scalar(0.5)]);
  const next = inner.op('Add', [half, inner.op('Mul', [state, inner.scalar(0.4)])]);
  const stacked = b.random.chance(0.4);
  const outputs: ValueInfoProto[] = [
    // Passed on as it came, or through a node.
    declared(b.random.chance(0.5) ? going : inner.op('Identity', [going]), [], 'bool'),
    declared(next, null),
    ...(stacked ? [declared(given(inner, half === changed.name ? x : { name: half, dims: x.dims }), null)] : []),
  ];
  const inputs = [declared(turn, [], 'int64'), declared(going, [], 'bool'), declared(state, null)];
  const body = bodyGraph(b.unique('loop'), inner, inputs, outputs);
  const yes = b.random.chance(0.5) ? b.initializer({ dtype: 'bool', dims: [], data: Uint8Array.of(1) }) : '';
  const turns = b.ints([b.random.integer(1, 3)], []);
  const [last = '', all] = b.ops('Loop', [turns, yes, x.name], stacked ? 2 : 1, { body: { graph: body } });
  if (all === undefined) return { name: last, dims: x.dims };
  const first = b.op('Gather', [all, b.ints([0], [])], { axis: 0 });
  return { name: b.op('Add', [last, first]), dims: x.dims };
}

/** Slices along the first axis go through blocks one by one; blocks take tensors of at least two axes. */
function scanOfBlocks(b: GraphBuilder, x: Value, pieces: readonly Block[]): Value | null {
  if (x.dims.length < 3) return null;
  const inner = new BodyBuilder(b, (base) => b.unique(`inner_${base}`));
  const [state, item] = [b.unique('state'), b.unique('item')];
  const dims = x.dims.slice(1);
  const changed = chain(inner, { name: item, dims }, pieces);
  const mixed = inner.op('Add', [inner.op('Mul', [changed.name, inner.scalar(0.5)]), state]);
  const next = inner.op('Mul', [mixed, inner.scalar(0.5)]);
  const output = b.random.chance(0.5) ? given(inner, changed) : inner.op('Tanh', [next]);
  const body = bodyGraph(
    b.unique('scan'),
    inner,
    [declared(state, dims), declared(item, dims)],
    [declared(next, dims), declared(output, dims)],
  );
  const start = b.floats(dims, new Float32Array(dims.reduce((a, c) => a * c, 1)));
  const [, all = ''] = b.ops('Scan', [start, x.name], 2, { body: { graph: body }, num_scan_inputs: 1 });
  return { name: all, dims: x.dims };
}
