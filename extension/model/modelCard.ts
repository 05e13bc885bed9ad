/**
 * What a model is, in numbers and names: for `inspect`, for the report, for matching data to inputs.
 */
import type { ModelCard } from '../contract/report';
import { CodedError } from '../contract/errors';
import { elementCount, type ValueSpec } from '../contract/tensor';
import { describeFile } from '../files/describeFile';
import { dtypeOf } from './dtype';
import { notFound } from './fileRange';
import { walkGraphs } from './graphIndex';
import { type Model, opsetVersion } from './model';
import type { GraphProto, TensorShapeProto, ValueInfoProto } from './onnx.generated';

/** @throws CodedError MODEL_NOT_FOUND; MODEL_INVALID for inputs or outputs that are not tensors */
export async function modelCard(model: Model): Promise<ModelCard> {
  const { proto, path } = model;
  return {
    path,
    ...(await describeModelFile(path)),
    opset: opsetVersion(proto),
    irVersion: proto.irVersion ?? 0,
    nodes: countNodes(proto.graph),
    parameters: countParameters(proto.graph),
    inputs: graphInputs(model).map(forReport),
    outputs: graphOutputs(model).map(forReport),
  };
}

/** The inputs that a caller must feed: before IR version 4, graphs list their initializers as inputs too. */
export function graphInputs(model: Model): ValueSpec[] {
  const { graph } = model.proto;
  const constant = new Set([
    ...graph.initializer.map((tensor) => tensor.name),
    ...graph.sparseInitializer.map((sparse) => sparse.values?.name),
  ]);
  return graph.input.filter((value) => !constant.has(value.name)).map((value) => valueSpec(value, 'input'));
}

export function graphOutputs(model: Model): ValueSpec[] {
  return model.proto.graph.output.map((value) => valueSpec(value, 'output'));
}

/**
 * A declared tensor as plain data.
 * @throws CodedError MODEL_INVALID for a value that is no tensor or of a type we do not know
 */
export function valueSpec(value: ValueInfoProto, role: 'input' | 'output' | 'tensor' = 'tensor'): ValueSpec {
  const name = value.name ?? '';
  const tensor = value.type?.tensorType;
  if (tensor === undefined) {
    throw new CodedError({
      code: 'MODEL_INVALID',
      reason: `The ${role} ${name} is not a tensor (a sequence, a map or without a type); only tensors can be handled.`,
      fix: 'Export the model with tensor inputs and outputs (for scikit-learn models, with zipmap off).',
      place: { field: name },
    });
  }
  return { name, dtype: dtypeOf(tensor.elemType), shape: shapeOf(tensor.shape) };
}

/** Sizes, symbols, and null where nothing is said; null as a whole for an unknown rank. */
export function shapeOf(shape: TensorShapeProto | undefined): (number | string | null)[] | null {
  if (shape === undefined) return null;
  return shape.dim.map((dim) => {
    if (dim.dimValue !== undefined) return dim.dimValue >= 0 ? dim.dimValue : null;
    return dim.dimParam !== undefined && dim.dimParam !== '' ? dim.dimParam : null;
  });
}

function forReport(spec: ValueSpec): ModelCard['inputs'][number] {
  return { ...spec, shape: spec.shape === null ? null : [...spec.shape] };
}

/** Nodes of the graph and of all graphs inside it. */
function countNodes(graph: GraphProto): number {
  let count = 0;
  for (const inner of walkGraphs(graph)) count += inner.node.length;
  return count;
}

/** Elements of all initializers and of the constants in Constant nodes, whatever their type. */
function countParameters(graph: GraphProto): number {
  let count = 0;
  for (const inner of walkGraphs(graph)) {
    for (const tensor of inner.initializer) count += elementCount(tensor.dims);
    for (const sparse of inner.sparseInitializer) count += elementCount(sparse.values?.dims ?? []);
    for (const node of inner.node) {
      if (node.opType !== 'Constant') continue;
      for (const attribute of node.attribute) if (attribute.t !== undefined) count += elementCount(attribute.t.dims);
    }
  }
  return count;
}

async function describeModelFile(path: string): Promise<{ bytes: number; sha256: string }> {
  try {
    return await describeFile(path);
  } catch (cause) {
    throw notFound(path, cause);
  }
}
