/**
 * A random model from a seed, valid and runnable by construction, with the inputs to run it on.
 *
 * Chains of blocks (`blocks.ts`, `controlFlow.ts`) of random kind, opset, sizes and names; several inputs and outputs, intermediate outputs,
 * inputs and constants that are outputs. The same seed gives the same model; with fewer blocks, a prefix of it.
 */
import { elementCount, type Tensor } from '../../extension/contract/tensor';
import type { Model } from '../../extension/model/model';
import { newGraph, newModel, newOperatorSetId, type ValueInfoProto } from '../../extension/model/onnx.generated';
import { blocks } from './blocks';
import { controlFlowBlocks } from './controlFlow';
import { declared, GraphBuilder, type Value } from './graphBuilder';
import { RandomNumbers } from './randomNumbers';

export interface RandomGraph {
  readonly model: Model;
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Names of the blocks, in order. */
  readonly blocks: readonly string[];
  /** How many there would be without a limit. */
  readonly wanted: number;
}

const allBlocks = [...blocks, ...controlFlowBlocks(blocks)];

const irVersions = [3, 3, 4, 5, 6, 7, 7, 7, 8, 8, 8, 8, 9, 9, 10, 10];

/** Ways in which exporters name things, and names made to collide with those that the rewriter invents. */
const namings: readonly ((base: string, index: number) => string)[] = [
  (base, index) => `${base}_${index}`,
  (_, index) => `${index}`,
  (base, index) => `/model/layers.${index}/${base}/Output:0`,
  (base, index) => `${base} ${index} (weird "name") é漢`,
  (base, index) => `${base}|${index}`,
  (_, index) => `t${'_fp16'.repeat(index % 4)}${Math.floor(index / 4)}`,
  (_, index) => `x${Math.floor(index / 3)}${['', '_fp16', '_bf16'][index % 3]}`,
];

/** @param limit most blocks; for making a failing graph smaller */
export function randomGraph(seed: number, limit = Infinity): RandomGraph {
  const random = new RandomNumbers(seed);
  const opset = random.integer(7, 22);
  const naming = random.pick(namings);
  const b = new GraphBuilder(random, opset, naming);
  const feeds: Record<string, Tensor> = {};
  const inputs: ValueInfoProto[] = [];
  const addInput = (dims: readonly number[]): Value => {
    const name = b.unique('input');
    const scale = random.pick([1, 1, 1, 10, 0.05]);
    feeds[name] = { dtype: 'fp32', dims, data: random.normals(elementCount(dims), scale) };
    // The first axis is free more often than not, others sometimes; the channels of a feature map never are.
    const isFree = (axis: number) => !(dims.length === 4 && axis === 1) && random.chance(0.15);
    const shape = dims.map((size, axis) =>
      axis === 0 ? random.pick(['N', 'batch', null, size]) : isFree(axis) ? `axis${axis}_${inputs.length}` : size,
    );
    inputs.push(declared(name, shape));
    // Models normalize their inputs; the range of what follows does not depend on the scale above.
    return scale === 1 ? { name, dims } : { name: b.op('Mul', [name, b.scalar(1 / scale)]), dims };
  };
  const n = random.integer(1, 2);
  const live: Value[] = [addInput(firstDims(random, n))];
  const names: string[] = [];
  const wanted = random.integer(2, 14);
  for (let attempt = 0; names.length < Math.min(wanted, limit) && attempt < 60; attempt++) {
    if (random.chance(0.05)) live.push(addInput(firstDims(random, n)));
    // Mostly on from where we are, sometimes from further back: several consumers.
    const x = random.chance(0.8) ? live.at(-1)! : random.pick(live);
    const fitting = allBlocks.filter(
      (block) =>
        (block.rank ?? x.dims.length) === x.dims.length &&
        (block.sinceOpset ?? 0) <= opset &&
        (!(block.rare ?? false) || random.chance(0.35)),
    );
    const block = random.pick(fitting);
    const size = elementCount(x.dims);
    const made = size > 40_000 ? null : block.make(b, x);
    if (made === null) continue;
    live.push(joined(b, made, live));
    names.push(block.name);
  }
  return { model: finished(b, inputs, live, opset, n), feeds, blocks: names, wanted };
}

function firstDims(random: RandomNumbers, n: number): number[] {
  const kind = random.pick([4, 4, 4, 3, 3, 2]);
  if (kind === 4) return [n, random.pick([3, 8, 16, 16, 32]), random.integer(6, 14), random.integer(6, 14)];
  if (kind === 3) return [n, random.integer(2, 9), random.pick([16, 32, 24])];
  return [n, random.pick([16, 32, 24])];
}

/** Sometimes adds an earlier tensor of the same shape: branches that meet. */
function joined(b: GraphBuilder, made: Value, live: readonly Value[]): Value {
  const others = live.filter((value) => value.dims.join() === made.dims.join() && value.name !== made.name);
  if (others.length === 0 || !b.random.chance(0.2)) return made;
  const other = b.random.pick(others).name;
  // A difference of equal numbers would be nothing but rounding, so what is subtracted is made smaller.
  const operands = b.random.chance(0.3) ? [made.name, b.op('Mul', [other, b.scalar(0.3)])] : null;
  const name = operands === null ? b.op(b.random.pick(['Add', 'Max']), [made.name, other]) : b.op('Sub', operands);
  return { name, dims: made.dims };
}

function finished(
  b: GraphBuilder,
  inputs: readonly ValueInfoProto[],
  live: readonly Value[],
  opset: number,
  n: number,
): Model {
  const { random } = b;
  const outputs = new Map<string, Value>();
  // Every tensor that nothing reads is an output, so that nothing is dead; some others are outputs as well.
  const read = new Set(b.nodes.flatMap((node) => node.input));
  const isInput = (name: string) => inputs.some((input) => input.name === name);
  for (const value of live) {
    // Rarely an input: TensorRT renames one that is an output as well.
    const chosen = random.chance(isInput(value.name) ? 0.02 : 0.1);
    if (chosen || (!read.has(value.name) && !isInput(value.name))) outputs.set(value.name, value);
  }
  const last = live.at(-1)!;
  outputs.set(last.name, last);
  const declaredOutputs = [...outputs.values()].map(({ name, dims }) =>
    declared(
      name,
      random.pick([dims, dims.map((size, axis) => (axis === 0 && size === n ? null : size)), dims.map(() => null)]),
    ),
  );
  const [weight] = b.initializers.filter(({ dataType }) => dataType === 1);
  if (weight !== undefined && random.chance(0.05)) declaredOutputs.push(declared(weight.name!, weight.dims));
  const irVersion = irVersions[opset - 7]!;
  const listed = irVersion < 4 || random.chance(0.1) ? b.initializers.map((tensor) => constantInput(tensor)) : [];
  const graph = newGraph({
    name: 'random',
    node: b.nodes,
    initializer: b.initializers,
    input: [...inputs, ...listed],
    output: declaredOutputs,
  });
  const opsetImport = [newOperatorSetId({ domain: '', version: opset })];
  if (b.functions.length > 0) opsetImport.push(newOperatorSetId({ domain: 'local.functions', version: 1 }));
  const proto = newModel({
    irVersion: b.functions.length > 0 ? Math.max(8, irVersion) : irVersion,
    opsetImport,
    graph,
    functions: b.functions,
  });
  return { proto: { ...proto, graph }, path: 'random.onnx' };
}

function constantInput(tensor: {
  name?: string | undefined;
  dims: number[];
  dataType?: number | undefined;
}): ValueInfoProto {
  const value = declared(tensor.name ?? '', tensor.dims);
  value.type!.tensorType!.elemType = tensor.dataType;
  return value;
}
