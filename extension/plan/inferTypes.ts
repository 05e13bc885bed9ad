/**
 * Element types of every tensor, from the operators' signatures alone.
 *
 * The runtime gives types only of what was observed, and `value_info` of exported models is often stale or missing; casts
 * must never rest on a guess. Runs on the prepared model; the precision rules and the cast writer read the result.
 */
import type { DType } from '../contract/tensor';
import { getGraph, getInt, getTensor } from '../model/attributes';
import { dtypeOrNull } from '../model/dtype';
import { bodyLinks } from '../model/flatGraph';
import type { GraphProto, NodeProto, ValueInfoProto } from '../model/onnx.generated';
import { opSchema, slotAt, type OpSchema } from './opSchema';

export type TensorTypes = Map<string, DType>;

/**
 * Types of the tensors of one graph, or of a model with its bodies seen as one (`flatGraph.ts`).
 * @param outer types of the enclosing graph, which a subgraph may capture
 * @returns a map that also holds the captured names; a tensor whose type cannot be known is not in it
 */
export function inferTypes(graph: GraphProto, opset: number, outer?: ReadonlyMap<string, DType>): TensorTypes {
  const types: TensorTypes = new Map(outer);
  for (const tensor of graph.initializer) set(types, tensor.name, tensor.dataType);
  for (const sparse of graph.sparseInitializer) set(types, sparse.values?.name, sparse.values?.dataType);
  for (const input of graph.input) setFromValueInfo(types, input);
  const links = bodyLinks(graph.node);
  const declared: TensorTypes = new Map();
  for (const value of [...graph.valueInfo, ...graph.output]) setFromValueInfo(declared, value);
  for (const node of graph.node) {
    const schema = opSchema(node, opset);
    for (const name of node.input) typeOfBodyInput(name, links, types);
    node.output.forEach((name, index) => {
      if (name === '') return;
      const type = (schema && outputType(node, schema, index, types, opset)) ?? declared.get(name);
      if (type === undefined) types.delete(name);
      else types.set(name, type);
    });
  }
  return types;
}

/** Bodies may leave the types of their inputs out; they are those of what the node hands over. */
function typeOfBodyInput(name: string, links: ReadonlyMap<string, readonly string[]>, types: TensorTypes): void {
  if (types.has(name)) return;
  const type = links
    .get(name)
    ?.map((source) => types.get(source))
    .find((found) => found !== undefined);
  if (type !== undefined) types.set(name, type);
}

function outputType(
  node: NodeProto,
  schema: OpSchema,
  index: number,
  types: TensorTypes,
  opset: number,
): DType | undefined {
  const special = specialType(node, index, types, opset);
  if (special !== undefined) return special;
  const slot = slotAt(schema.outputs, index);
  if (slot === undefined) return undefined;
  if (slot.variable === null) return slot.dtype ?? undefined;
  if (slot.variadic === 'anyTypes') return undefined;
  return boundType(node, schema, slot.variable, types);
}

/** The type that a node's inputs give to a type variable, or undefined when no typed input carries it. */
export function boundType(
  node: NodeProto,
  schema: OpSchema,
  variable: string,
  types: ReadonlyMap<string, DType>,
): DType | undefined {
  for (const [index, name] of node.input.entries()) {
    const slot = slotAt(schema.inputs, index);
    if (name === '' || slot?.variable !== variable || slot.variadic === 'anyTypes') continue;
    const type = types.get(name);
    if (type !== undefined) return type;
  }
  return undefined;
}

/** Operators whose output type comes from an attribute, a subgraph or an unrelated input. */
function specialType(node: NodeProto, index: number, types: TensorTypes, opset: number): DType | undefined {
  const input = (position: number) => types.get(node.input[position] ?? '');
  switch (node.opType) {
    case 'Cast':
      return fromAttribute(node, 'to');
    case 'CastLike':
      return input(1);
    case 'Constant':
      return constantType(node);
    case 'ConstantOfShape':
      return fromNumber(getTensor(node, 'value')?.dataType) ?? 'fp32';
    case 'RandomNormal':
    case 'RandomUniform':
      return fromAttribute(node, 'dtype') ?? 'fp32';
    case 'RandomNormalLike':
    case 'RandomUniformLike':
    case 'EyeLike':
    case 'Bernoulli':
      return fromAttribute(node, 'dtype') ?? input(0);
    case 'Multinomial':
      return fromAttribute(node, 'dtype') ?? 'int32';
    case 'BlackmanWindow':
    case 'HannWindow':
    case 'HammingWindow':
    case 'MelWeightMatrix':
      return fromAttribute(node, 'output_datatype') ?? 'fp32';
    case 'LayerNormalization':
    case 'RMSNormalization':
      return index === 0 ? undefined : (fromAttribute(node, 'stash_type') ?? 'fp32');
    case 'QuantizeLinear':
      return input(2) ?? fromAttribute(node, 'output_dtype') ?? 'uint8';
    case 'DequantizeLinear':
      return fromAttribute(node, 'output_dtype') ?? input(1);
    case 'If':
      return subgraphOutput(getGraph(node, 'then_branch'), index, types, opset);
    case 'Loop':
      // Body outputs start with the condition; the node's do not.
      return subgraphOutput(getGraph(node, 'body'), index + 1, types, opset);
    case 'Scan':
      return subgraphOutput(getGraph(node, 'body'), index, types, opset);
    default:
      return undefined;
  }
}

function constantType(node: NodeProto): DType | undefined {
  const attribute = node.attribute[0];
  switch (attribute?.name) {
    case 'value':
      return fromNumber(attribute.t?.dataType);
    case 'value_float':
    case 'value_floats':
      return 'fp32';
    case 'value_int':
    case 'value_ints':
      return 'int64';
    case 'value_string':
    case 'value_strings':
      return 'string';
    default:
      return undefined;
  }
}

function subgraphOutput(
  body: GraphProto | undefined,
  index: number,
  types: TensorTypes,
  opset: number,
): DType | undefined {
  const output = body?.output[index];
  if (body === undefined || output?.name === undefined) return undefined;
  return (
    fromNumber(output.type?.tensorType?.elemType) ??
    types.get(output.name) ??
    inferTypes(body, opset, types).get(output.name)
  );
}

function fromAttribute(node: NodeProto, name: string): DType | undefined {
  const value = getInt(node, name, 0);
  return value === 0 ? undefined : fromNumber(value);
}

/** Complex numbers and the types newer than our table have no name: they are never a candidate for a cast. */
function fromNumber(value: number | undefined): DType | undefined {
  return dtypeOrNull(value) ?? undefined;
}

function set(types: TensorTypes, name: string | undefined, value: number | undefined): void {
  const type = fromNumber(value);
  if (name !== undefined && type !== undefined) types.set(name, type);
}

function setFromValueInfo(types: TensorTypes, value: ValueInfoProto): void {
  set(types, value.name, value.type?.tensorType?.elemType);
}
