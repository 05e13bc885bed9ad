/**
 * A graph that the CPU runtime can run in place of one whose types it does not store: BF16, for which it has no kernels, and
 * FP16, which it has for some operators only.
 *
 * Computes in FP32 and rounds (Cast there and back) wherever the original would have stored the type, weights included: what
 * a GPU with FP32 accumulation does. Nodes that only move or select values are not rounded again. Left to itself, ONNX
 * Runtime 1.30 computes neighbours without FP16 kernels in FP32 and drops the rounding between them, even with optimization
 * off: 300 · 300 / 300 gives 300 where FP16 overflows. FP8 needs none of it: its Q/DQ kernels round for real. Used by the
 * write stage; evaluation and CPU latency of a simulated variant are marked so.
 */
import { getInt, getTensor, setInt, setTensor } from '../model/attributes';
import { cloneModel } from '../model/cloneModel';
import type { DType } from '../contract/tensor';
import { fromBfloat16Array, fromFloat16Array } from '../model/float16';
import { onnxType } from '../model/dtype';
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
import { renameCaptured } from './renameTensors';
import { simplifyCasts } from './simplifyCasts';

export interface Simulation {
  readonly model: Model;
  /** False: the runtime runs the graph itself, and `model` is the one that was given. */
  readonly simulated: boolean;
}

/** A type that can be simulated. */
export type HalfType = Extract<DType, 'fp16' | 'bf16'>;

/**
 * @param model a variant as `applyPlan.ts` writes it; not changed
 * @param types those to simulate; the runtime handles the others
 */
export function simulate(model: Model, types: readonly HalfType[] = ['bf16']): Simulation {
  const numbers = new Map<number, HalfType>(types.map((type) => [onnxType(type), type]));
  if (![...walkGraphs(model.proto.graph)].some((graph) => uses(graph, numbers))) return { model, simulated: false };
  const simulated = cloneModel(model);
  const { graph } = simulated.proto;
  new Simulator(simulated, numbers, new GraphIndex(graph)).simulate(graph, undefined);
  simplifyCasts(simulated);
  return { model: simulated, simulated: true };
}

/** Does a graph of the model store the type? */
export function usesType(model: Model, type: HalfType): boolean {
  return [...walkGraphs(model.proto.graph)].some((graph) => uses(graph, new Map([[onnxType(type), type]])));
}

/** Simulated types by their ONNX number. */
type SimulatedTypes = ReadonlyMap<number | undefined, HalfType>;

function uses(graph: GraphProto, types: SimulatedTypes): boolean {
  return (
    graph.initializer.some((tensor) => types.has(tensor.dataType)) ||
    [...graph.input, ...graph.output].some((value) => types.has(value.type?.tensorType?.elemType)) ||
    graph.node.some((node) => node.opType === 'Cast' && types.has(getInt(node, 'to', 0)))
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

class Simulator {
  private readonly simulated: ReadonlySet<DType | undefined>;

  constructor(
    private readonly model: Model,
    private readonly numbers: SimulatedTypes,
    private readonly names: GraphIndex,
  ) {
    this.simulated = new Set(numbers.values());
  }

  simulate(graph: GraphProto, outer: TensorTypes | undefined): void {
    const types = inferTypes(graph, opsetVersion(this.model.proto), outer);
    graph.initializer = graph.initializer.map((tensor) => this.widened(tensor));
    for (const value of [...graph.input, ...graph.output, ...graph.valueInfo]) this.widenValue(value);
    const nodes: NodeProto[] = [];
    // Graph inputs arrive as FP32 and are rounded on entry, under a name of their own.
    const renames = new Map<string, string>();
    for (const input of graph.input) {
      const name = input.name ?? '';
      const type = types.get(name);
      if (outer !== undefined || !this.simulated.has(type)) continue;
      const rounded = this.names.uniqueName(`${name}_rounded`);
      nodes.push(...this.roundingCasts(name, rounded, type as HalfType));
      renames.set(name, rounded);
      types.set(rounded, type as HalfType);
    }
    for (const node of graph.node) {
      node.input = node.input.map((name) => renames.get(name) ?? name);
      nodes.push(node);
      const rounds = !selecting.has(node.opType ?? '') && subgraphs(node).length === 0;
      this.widenAttributes(node);
      for (const body of subgraphs(node)) {
        renameCaptured(body, renames);
        this.simulate(body, types);
      }
      node.output = node.output.map((name) => {
        const type = types.get(name);
        if (name === '' || !this.simulated.has(type) || !rounds) return name;
        const exact = this.names.uniqueName(`${name}_exact`);
        nodes.push(...this.roundingCasts(exact, name, type as HalfType));
        return exact;
      });
    }
    graph.node = nodes;
  }

  /** FP32 → the type → FP32. */
  private roundingCasts(from: string, to: string, type: HalfType): NodeProto[] {
    const middle = this.names.uniqueName(`${to}_${type}`);
    return [this.newCast(from, middle, onnxType(type)), this.newCast(middle, to, dataType.FLOAT)];
  }

  private newCast(from: string, to: string, type: number): NodeProto {
    const node = newNode({ opType: 'Cast', name: this.names.uniqueName(`Round_${to}`), input: [from], output: [to] });
    setInt(node, 'to', type);
    return node;
  }

  /** Attributes that name the type: the FP32 result is rounded behind the node like any other. */
  private widenAttributes(node: NodeProto): void {
    for (const name of ['to', 'dtype', 'output_dtype', 'stash_type']) {
      if (this.numbers.has(getInt(node, name, 0))) setInt(node, name, dataType.FLOAT);
    }
    const value = getTensor(node, 'value');
    if (value !== undefined && this.numbers.has(value.dataType)) setTensor(node, 'value', this.widened(value));
  }

  private widened(tensor: TensorProto): TensorProto {
    const type = this.numbers.get(tensor.dataType);
    if (type === undefined) return tensor;
    const { dims, data } = readTensor(tensor, this.model);
    const widen = type === 'bf16' ? fromBfloat16Array : fromFloat16Array;
    return makeTensor(tensor.name ?? '', { dtype: 'fp32', dims, data: widen(data as Uint16Array) });
  }

  private widenValue(value: ValueInfoProto): void {
    const tensorType = value.type?.tensorType;
    if (tensorType !== undefined && this.numbers.has(tensorType.elemType)) tensorType.elemType = dataType.FLOAT;
  }
}
