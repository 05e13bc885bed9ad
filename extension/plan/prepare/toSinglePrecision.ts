/**
 * Writes a model that computes in double or half precision as one that computes in single; its inputs and outputs keep their types.
 *
 * Every rule here starts from FP32: without this, all variants of a model in double would be the model itself, and INT8 would find
 * no weight to quantize in one exported in half. No TensorRT computes in 64 bits; halves are raised exactly, and what the FP16
 * variant computes in 16 bits is decided as for any other model. Only models with weights in such a type are rewritten: where only
 * sizes or positions are in double, their last digits may matter (a scale times a size, rounded down). Part of
 * `prepareModel.ts`; doubles round by a relative 6e-8.
 */
import { elementCount, type DType } from '../../contract/tensor';
import { setInt } from '../../model/attributes';
import { dtypeOf, onnxType } from '../../model/dtype';
import { GraphIndex, subgraphs, walkGraphs } from '../../model/graphIndex';
import { normalDomain, type Model } from '../../model/model';
import {
  dataType,
  newNode,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../model/onnx.generated';
import { makeTensor, readTensor } from '../../model/tensorValues';
import { Constants } from '../constants';
import { renameCaptured } from '../renameTensors';

const otherFloats: ReadonlySet<number | undefined> = new Set([dataType.DOUBLE, dataType.FLOAT16, dataType.BFLOAT16]);
const largestFloat = 3.4028234663852886e38;
/** Elements that are held in memory at once while they are raised; larger models stay in the type they have. */
const mostElements = 2 ** 28;

/** Edits the model in place; leaves it as it is where a value or operator rules it out. */
export function toSinglePrecision(model: Model): void {
  const { graph } = model.proto;
  if (![...walkGraphs(graph)].some(hasOtherWeights) || !isConvertible(model)) return;
  for (const each of walkGraphs(graph)) retype(each, model, each !== graph);
  const index = new GraphIndex(graph);
  for (const input of graph.input) if (isOther(input)) castInput(graph, index, input.name!);
  for (const output of graph.output) if (isOther(output)) castOutput(graph, index, output);
}

/** A matrix or kernel; scalars and vectors may be sizes. */
function hasOtherWeights({ initializer }: GraphProto): boolean {
  return initializer.some(({ dims, dataType: type }) => dims.length > 1 && otherFloats.has(type));
}

/** Other domains and sequences may want their types, and values beyond single precision have no place in it. */
function isConvertible(model: Model): boolean {
  let elements = 0;
  for (const graph of walkGraphs(model.proto.graph)) {
    if (graph.node.some(({ domain, opType }) => normalDomain(domain) !== '' || /Sequence|Optional/.test(opType ?? '')))
      return false;
    if (graph.sparseInitializer.length > 0) return false;
    for (const tensor of graph.initializer) {
      if (!otherFloats.has(tensor.dataType)) continue;
      elements += elementCount(tensor.dims);
      if (elements > mostElements) return false;
      if (tensor.dataType !== dataType.DOUBLE) continue;
      const values = readTensor(tensor, model).data as Float64Array;
      if (values.some((value) => Number.isFinite(value) && Math.abs(value) > largestFloat)) return false;
    }
  }
  return true;
}

function retype(graph: GraphProto, model: Model, inner: boolean): void {
  const constants = new Constants(graph, model);
  graph.initializer = graph.initializer.map((tensor) => asSingles(tensor, constants.floats(tensor.name ?? '')));
  for (const node of graph.node) {
    for (const attribute of node.attribute) {
      if (attribute.t !== undefined) {
        const value = new Constants({ ...graph, initializer: [{ ...attribute.t, name: 'value' }] }, model);
        attribute.t = asSingles(attribute.t, value.floats('value'));
      }
      if (typeAttributes.has(attribute.name ?? '') && otherFloats.has(Number(attribute.i)))
        setInt(node, attribute.name!, dataType.FLOAT);
    }
  }
  const declared = inner ? [...graph.input, ...graph.output, ...graph.valueInfo] : graph.valueInfo;
  for (const value of declared) if (isOther(value)) value.type!.tensorType!.elemType = dataType.FLOAT;
}

/** Of Cast, of the operators that make tensors, and of DequantizeLinear. */
const typeAttributes: ReadonlySet<string> = new Set(['to', 'dtype', 'output_dtype']);

function asSingles(tensor: TensorProto, data: Float32Array | undefined): TensorProto {
  if (!otherFloats.has(tensor.dataType) || data === undefined) return tensor;
  return makeTensor(tensor.name ?? '', { dtype: 'fp32', dims: tensor.dims, data });
}

function isOther({ type }: ValueInfoProto): boolean {
  return otherFloats.has(type?.tensorType?.elemType);
}

function castInput(graph: GraphProto, index: GraphIndex, name: string): void {
  const inner = index.uniqueName(`${name}_fp32`);
  renameUses(graph, name, inner);
  graph.node.unshift(cast(index, name, inner, 'fp32'));
}

function castOutput(graph: GraphProto, index: GraphIndex, { name = '', type }: ValueInfoProto): void {
  const inner = index.uniqueName(`${name}_fp32`);
  for (const node of graph.node) node.output = node.output.map((made) => (made === name ? inner : made));
  renameUses(graph, name, inner);
  graph.node.push(cast(index, inner, name, dtypeOf(type?.tensorType?.elemType)));
}

function renameUses(graph: GraphProto, name: string, inner: string): void {
  const renames = new Map([[name, inner]]);
  for (const node of graph.node) {
    node.input = node.input.map((used) => (used === name ? inner : used));
    for (const body of subgraphs(node)) renameCaptured(body, renames);
  }
}

function cast(index: GraphIndex, from: string, to: string, dtype: DType): NodeProto {
  const node = newNode({ opType: 'Cast', name: index.uniqueName(`Cast_${to}`), input: [from], output: [to] });
  setInt(node, 'to', onnxType(dtype));
  return node;
}
