/**
 * A graph that the CPU runtime can run in place of one whose types it has no kernels for: BF16.
 *
 * Computes in FP32 and rounds to BF16 (Cast there and back) wherever the original would have stored BF16, weights included:
 * what a GPU with FP32 accumulation does. Nodes that only move or select values are not rounded again. FP16 and FP8 need none
 * of it: the runtime's FP16 casts and FP8 Q/DQ kernels round for real (verified with ONNX Runtime 1.30). Used by the write
 * stage; evaluation and CPU latency of a simulated variant are marked so.
 */
import { getInt, getTensor, setInt, setTensor } from '../model/attributes';
import { cloneModel } from '../model/cloneModel';
import { fromBfloat16Array } from '../model/float16';
import { GraphIndex, subgraphs, walkGraphs } from '../model/graphIndex';
import type { Model } from '../model/model';
import { opsetVersion } from '../model/model';
import {
  dataType,
  newNode,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../model/onnx.generated';
import { makeTensor, readTensor } from '../model/tensorValues';
import { inferTypes, type TensorTypes } from './inferTypes';
import { copyOperators } from './precisionRules';
import { simplifyCasts } from './simplifyCasts';

export interface Simulation {
  readonly model: Model;
  /** False: the runtime runs the graph itself, and `model` is the one that was given. */
  readonly simulated: boolean;
}

/** @param model a variant as `applyPlan.ts` writes it; not changed */
export function simulate(model: Model): Simulation {
  if (![...walkGraphs(model.proto.graph)].some(usesBfloat16)) return { model, simulated: false };
  const simulated = cloneModel(model);
  const { graph } = simulated.proto;
  simulateGraph(graph, simulated, new GraphIndex(graph), undefined);
  simplifyCasts(simulated);
  return { model: simulated, simulated: true };
}

function usesBfloat16(graph: GraphProto): boolean {
  const isBfloat16 = (value: ValueInfoProto) => value.type?.tensorType?.elemType === dataType.BFLOAT16;
  return (
    graph.initializer.some((tensor) => tensor.dataType === dataType.BFLOAT16) ||
    [...graph.input, ...graph.output].some(isBfloat16) ||
    graph.node.some((node) => node.opType === 'Cast' && getInt(node, 'to', 0) === dataType.BFLOAT16)
  );
}

/** Rounding changes nothing behind these: their results are among their inputs. */
const selecting = new Set([
  ...copyOperators,
  'Relu',
  'MaxPool',
  'GlobalMaxPool',
  'Where',
  'Max',
  'Min',
  'ReduceMax',
  'ReduceMin',
  'Neg',
  'Abs',
]);

function simulateGraph(graph: GraphProto, model: Model, names: GraphIndex, outer: TensorTypes | undefined): void {
  const types = inferTypes(graph, opsetVersion(model.proto), outer);
  graph.initializer = graph.initializer.map((tensor) => widened(tensor, model));
  for (const value of [...graph.input, ...graph.output, ...graph.valueInfo]) widenValue(value);
  const nodes: NodeProto[] = [];
  // Graph inputs arrive as FP32 and are rounded on entry, under a name of their own.
  const renames = new Map<string, string>();
  for (const input of graph.input) {
    const name = input.name ?? '';
    if (outer !== undefined || types.get(name) !== 'bf16') continue;
    const rounded = names.uniqueName(`${name}_rounded`);
    nodes.push(...roundingCasts(name, rounded, names));
    renames.set(name, rounded);
  }
  for (const node of graph.node) {
    node.input = node.input.map((name) => renames.get(name) ?? name);
    nodes.push(node);
    const rounds = !selecting.has(node.opType ?? '') && subgraphs(node).length === 0;
    widenAttributes(node, model);
    for (const body of subgraphs(node)) simulateGraph(body, model, names, types);
    node.output = node.output.map((name) => {
      if (name === '' || types.get(name) !== 'bf16' || !rounds) return name;
      const exact = names.uniqueName(`${name}_exact`);
      nodes.push(...roundingCasts(exact, name, names));
      return exact;
    });
  }
  graph.node = nodes;
}

/** FP32 → BF16 → FP32. */
function roundingCasts(from: string, to: string, names: GraphIndex): NodeProto[] {
  const middle = names.uniqueName(`${to}_bf16`);
  return [newCast(from, middle, dataType.BFLOAT16, names), newCast(middle, to, dataType.FLOAT, names)];
}

function newCast(from: string, to: string, type: number, names: GraphIndex): NodeProto {
  const node = newNode({ opType: 'Cast', name: names.uniqueName(`Round_${to}`), input: [from], output: [to] });
  setInt(node, 'to', type);
  return node;
}

/** Attributes that name BF16: the FP32 result is rounded behind the node like any other. */
function widenAttributes(node: NodeProto, model: Model): void {
  for (const name of ['to', 'dtype', 'output_dtype', 'stash_type']) {
    if (getInt(node, name, 0) === dataType.BFLOAT16) setInt(node, name, dataType.FLOAT);
  }
  const value = getTensor(node, 'value');
  if (value?.dataType === dataType.BFLOAT16) setTensor(node, 'value', widened(value, model));
}

function widened(tensor: TensorProto, model: Model): TensorProto {
  if (tensor.dataType !== dataType.BFLOAT16) return tensor;
  const { dims, data } = readTensor(tensor, model);
  return makeTensor(tensor.name ?? '', { dtype: 'fp32', dims, data: fromBfloat16Array(data as Uint16Array) });
}

function widenValue(value: ValueInfoProto): void {
  const tensorType = value.type?.tensorType;
  if (tensorType?.elemType === dataType.BFLOAT16) tensorType.elemType = dataType.FLOAT;
}
