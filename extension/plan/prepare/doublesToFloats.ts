/**
 * Writes a model that computes in double precision as one that computes in single; its inputs and outputs keep their types.
 *
 * No TensorRT computes in 64 bits, and every rule here starts from FP32: without this, all variants of such a model would be the
 * model itself. Only models whose layers are in double are rewritten: where only sizes or positions are, their last digits may
 * matter (a scale times a size, rounded down). Part of `prepareModel.ts`; rounds by a relative 6e-8.
 */
import { setInt } from '../../model/attributes';
import { onnxType } from '../../model/dtype';
import { GraphIndex, subgraphs, walkGraphs } from '../../model/graphIndex';
import { normalDomain, opsetVersion, type Model } from '../../model/model';
import {
  dataType,
  newNode,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../model/onnx.generated';
import { makeTensor, readTensor } from '../../model/tensorValues';
import { inferTypes } from '../inferTypes';
import { renameCaptured } from '../renameTensors';

const layers: ReadonlySet<string> = new Set('Conv ConvTranspose Gemm MatMul LSTM GRU RNN Einsum'.split(' '));
const largestFloat = 3.4028234663852886e38;

/** Edits the model in place; leaves it as it is where it has no layer in double, or a value or operator that rules it out. */
export function doublesToFloats(model: Model): void {
  const { graph } = model.proto;
  const types = inferTypes(graph, opsetVersion(model.proto));
  const inDouble = (node: NodeProto) => layers.has(node.opType ?? '') && types.get(node.input[1] ?? '') === 'fp64';
  if (!graph.node.some(inDouble) || !isConvertible(model)) return;
  for (const each of walkGraphs(graph)) retype(each, model, each !== graph);
  const index = new GraphIndex(graph);
  for (const input of graph.input) if (isDouble(input)) castInput(graph, index, input.name!);
  for (const output of graph.output) if (isDouble(output)) castOutput(graph, index, output.name!);
}

/** Operators of other domains may want their doubles, and larger values have no place in 32 bits. */
function isConvertible(model: Model): boolean {
  for (const graph of walkGraphs(model.proto.graph)) {
    if (graph.node.some(({ domain }) => normalDomain(domain) !== '')) return false;
    if (graph.sparseInitializer.length > 0) return false;
    for (const tensor of graph.initializer) {
      if (tensor.dataType !== dataType.DOUBLE) continue;
      const { data } = readTensor(tensor, model);
      if ((data as Float64Array).some((value) => Number.isFinite(value) && Math.abs(value) > largestFloat))
        return false;
    }
  }
  return true;
}

function retype(graph: GraphProto, model: Model, inner: boolean): void {
  graph.initializer = graph.initializer.map((tensor) => asFloats(tensor, model));
  for (const node of graph.node) {
    for (const attribute of node.attribute) {
      if (attribute.t !== undefined) attribute.t = asFloats(attribute.t, model);
      // `to` of Cast, `dtype` of the operators that make tensors.
      if ((attribute.name === 'to' || attribute.name === 'dtype') && Number(attribute.i) === dataType.DOUBLE)
        setInt(node, attribute.name, dataType.FLOAT);
    }
  }
  const declared = inner ? [...graph.input, ...graph.output, ...graph.valueInfo] : graph.valueInfo;
  for (const value of declared) if (isDouble(value)) value.type!.tensorType!.elemType = dataType.FLOAT;
}

function asFloats(tensor: TensorProto, model: Model): TensorProto {
  if (tensor.dataType !== dataType.DOUBLE) return tensor;
  const { dims, data } = readTensor(tensor, model);
  return makeTensor(tensor.name ?? '', { dtype: 'fp32', dims, data: Float32Array.from(data as Float64Array) });
}

function isDouble({ type }: ValueInfoProto): boolean {
  return type?.tensorType?.elemType === dataType.DOUBLE;
}

function castInput(graph: GraphProto, index: GraphIndex, name: string): void {
  const inner = index.uniqueName(`${name}_fp32`);
  renameUses(graph, name, inner);
  graph.node.unshift(cast(index, name, inner, 'fp32'));
}

function castOutput(graph: GraphProto, index: GraphIndex, name: string): void {
  const inner = index.uniqueName(`${name}_fp32`);
  for (const node of graph.node) node.output = node.output.map((made) => (made === name ? inner : made));
  renameUses(graph, name, inner);
  graph.node.push(cast(index, inner, name, 'fp64'));
}

function renameUses(graph: GraphProto, name: string, inner: string): void {
  const renames = new Map([[name, inner]]);
  for (const node of graph.node) {
    node.input = node.input.map((used) => (used === name ? inner : used));
    for (const body of subgraphs(node)) renameCaptured(body, renames);
  }
}

function cast(index: GraphIndex, from: string, to: string, dtype: 'fp32' | 'fp64'): NodeProto {
  const node = newNode({ opType: 'Cast', name: index.uniqueName(`Cast_${to}`), input: [from], output: [to] });
  setInt(node, 'to', onnxType(dtype));
  return node;
}
