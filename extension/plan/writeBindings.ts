/**
 * Types of graph inputs and outputs that are not floats: INT8 with a scale, raw bytes, other integers.
 *
 * On TensorRT 11 the type of a graph input or output *is* the type of the binding. A float input bound as INT8 starts with a
 * DequantizeLinear at its calibrated scale (no scale known: with a Cast, the integers are the values); other pairs of types
 * start with a Cast. Float bindings (fp32, fp16, bf16) need no node and are `writeCasts.ts`'s.
 */
import { CodedError } from '../contract/errors';
import { nearestName } from '../contract/nearestName';
import type { DType } from '../contract/tensor';
import { setInt } from '../model/attributes';
import { onnxType } from '../model/dtype';
import { GraphIndex, subgraphs } from '../model/graphIndex';
import type { Model } from '../model/model';
import { newNode, newStringStringEntry, type NodeProto, type ValueInfoProto } from '../model/onnx.generated';
import { makeTensor } from '../model/tensorValues';
import type { ComputeType } from './precisionRules';
import { zeroPoint } from './quantizeWeight';
import { roundedFloats } from './roundValues';
import { renameCaptured } from './renameTensors';

export interface WriteBindingsRequest {
  readonly bindings: Readonly<Record<string, DType>>;
  /** Types of the model's tensors. New names are added. */
  readonly types: Map<string, DType>;
  /** INT8 scale of a tensor, or null. */
  readonly scaleOf: (tensor: string) => number | null;
  /** Precision around the new nodes. */
  readonly rest: ComputeType;
}

export interface WrittenBindings {
  readonly precisions: Map<NodeProto, ComputeType>;
  /** Float types that stay for the cast writer. */
  readonly floats: Map<string, ComputeType>;
  readonly warnings: string[];
}

/**
 * @throws CodedError PLAN_INVALID if a binding names no input or output, or asks for a type that cannot be converted
 */
export function writeBindings(model: Model, request: WriteBindingsRequest): WrittenBindings {
  const written: WrittenBindings = { precisions: new Map(), floats: new Map(), warnings: [] };
  const { graph } = model.proto;
  const index = new GraphIndex(graph);
  for (const [name, dtype] of Object.entries(request.bindings)) {
    const input = graph.input.find((value) => value.name === name && index.initializer(name) === undefined);
    const output = graph.output.find((value) => value.name === name);
    if (input === undefined && output === undefined) throw unknownBinding(model, name);
    const type = request.types.get(name);
    if (type === undefined || type === 'string') throw unconvertible(name, dtype);
    if (type === dtype) continue;
    if (type === 'fp32' && (dtype === 'fp16' || dtype === 'bf16')) written.floats.set(name, dtype);
    else if (input !== undefined) bindInput(model, index, input, dtype, request, written);
    else bindOutput(model, index, output!, dtype, request, written);
  }
  return written;
}

function bindInput(
  model: Model,
  index: GraphIndex,
  input: ValueInfoProto,
  dtype: DType,
  request: WriteBindingsRequest,
  written: WrittenBindings,
): void {
  const { graph } = model.proto;
  const name = input.name!;
  const type = request.types.get(name)!;
  const inner = index.uniqueName(`${name}_${type}`);
  const renames = new Map([[name, inner]]);
  for (const node of graph.node) {
    node.input = node.input.map((used) => (used === name ? inner : used));
    for (const body of subgraphs(node)) renameCaptured(body, renames);
  }
  const scale = dtype === 'int8' && type === 'fp32' ? request.scaleOf(name) : null;
  const nodes =
    scale === null
      ? [castNode(index, name, inner, type)]
      : [scaleNode('DequantizeLinear', model, index, { name, from: name, to: inner, scale }, request, written)];
  graph.node.unshift(...nodes);
  if (type === 'fp32') for (const node of nodes) written.precisions.set(node, request.rest);
  request.types.set(inner, type);
  request.types.set(name, dtype);
  setElementType(input, dtype);
}

function bindOutput(
  model: Model,
  index: GraphIndex,
  output: ValueInfoProto,
  dtype: DType,
  request: WriteBindingsRequest,
  written: WrittenBindings,
): void {
  const { graph } = model.proto;
  const name = output.name!;
  const type = request.types.get(name)!;
  const inner = index.uniqueName(`${name}_${type}`);
  const renames = new Map([[name, inner]]);
  for (const node of graph.node) {
    node.output = node.output.map((made) => (made === name ? inner : made));
    node.input = node.input.map((used) => (used === name ? inner : used));
    for (const body of subgraphs(node)) renameCaptured(body, renames);
  }
  const scale = dtype === 'int8' && type === 'fp32' ? request.scaleOf(name) : null;
  const node =
    scale === null
      ? castNode(index, inner, name, dtype)
      : scaleNode('QuantizeLinear', model, index, { name, from: inner, to: name, scale }, request, written);
  graph.node.push(node);
  if (type === 'fp32' && scale !== null) written.precisions.set(node, request.rest);
  request.types.set(inner, type);
  request.types.set(name, dtype);
  setElementType(output, dtype);
}

function castNode(index: GraphIndex, from: string, to: string, dtype: DType): NodeProto {
  const node = newNode({ opType: 'Cast', name: index.uniqueName(`Cast_${to}`), input: [from], output: [to] });
  setInt(node, 'to', onnxType(dtype));
  return node;
}

function scaleNode(
  opType: 'QuantizeLinear' | 'DequantizeLinear',
  model: Model,
  index: GraphIndex,
  { name, from, to, scale }: { name: string; from: string; to: string; scale: number },
  request: WriteBindingsRequest,
  written: WrittenBindings,
): NodeProto {
  const { graph, metadataProps } = { graph: model.proto.graph, metadataProps: model.proto.metadataProps };
  const values = roundedFloats(Float32Array.of(scale), request.rest);
  const scaleName = index.uniqueName(`${name}_binding_scale`);
  const zeroName = index.uniqueName(`${name}_binding_zero`);
  graph.initializer.push(
    makeTensor(scaleName, { dtype: 'fp32', dims: [], data: values }),
    makeTensor(zeroName, zeroPoint('int8', [])),
  );
  request.types.set(scaleName, 'fp32');
  request.types.set(zeroName, 'int8');
  metadataProps.push(newStringStringEntry({ key: `precision-bench.binding.${name}.scale`, value: String(values[0]) }));
  written.warnings.push(`${name} is bound as INT8: value = integer × ${values[0]}.`);
  return newNode({
    opType,
    name: index.uniqueName(`${opType}_${to}`),
    input: [from, scaleName, zeroName],
    output: [to],
  });
}

function setElementType(value: ValueInfoProto, dtype: DType): void {
  if (value.type?.tensorType !== undefined) value.type.tensorType.elemType = onnxType(dtype);
}

/**
 * Checks the names of a plan's bindings before any work.
 * @throws CodedError PLAN_INVALID naming the nearest input or output
 */
export function checkBindingNames(model: Model, bindings: WriteBindingsRequest['bindings']): void {
  const { graph } = model.proto;
  const known = new Set([...graph.input, ...graph.output].map(({ name }) => name));
  for (const name of Object.keys(bindings)) if (!known.has(name)) throw unknownBinding(model, name);
}

function unknownBinding(model: Model, name: string): CodedError {
  const { graph } = model.proto;
  const known = [...graph.input, ...graph.output].map((value) => value.name ?? '');
  const nearest = nearestName(name, known);
  return new CodedError({
    code: 'PLAN_INVALID',
    reason: `The binding ${name} is neither an input nor an output of the model.`,
    fix: nearest === null ? `Use one of: ${known.join(', ')}.` : `Did you mean ${nearest}?`,
    place: { field: `bindings.${name}` },
  });
}

function unconvertible(name: string, dtype: DType): CodedError {
  return new CodedError({
    code: 'PLAN_INVALID',
    reason: `${name} cannot be bound as ${dtype}: its own type is not a number.`,
    fix: 'Remove this binding from the plan.',
    place: { field: `bindings.${name}` },
  });
}
