/**
 * Temporary copies of a model that show what is inside it: the shapes, ranges or values of its tensors.
 *
 * Copying every activation out of the runtime costs more than computing it, and holds them all in memory at once. So shapes
 * and ranges are computed inside the graph (Shape; ReduceMin, ReduceMax, ReduceSum) and leave it as a few concatenated
 * vectors, and only the tensors that need a histogram leave it whole. Used by `observeTensors.ts`, which opens the copies
 * with graph optimization off so that every tensor exists.
 */
import type { DType } from '../contract/tensor';
import { cloneModel } from '../model/cloneModel';
import type { Model } from '../model/loadModel';
import {
  attributeType,
  dataType,
  newAttribute,
  newNode,
  newTensor,
  newValueInfo,
  type NodeProto,
} from '../model/onnx.generated';

/** Names of what a probe adds; chosen so that no exporter writes them. */
export const probePrefix = 'precision-bench::';

/** Vectors over the tensors of a range probe, in the order asked for. */
export const rangeOutputs = { min: `${probePrefix}min`, max: `${probePrefix}max`, sum: `${probePrefix}sum` } as const;
/** `sizes`: the dims of all tensors one after the other; `ranks`: how many belong to each. */
export const shapeOutputs = { sizes: `${probePrefix}sizes`, ranks: `${probePrefix}ranks` } as const;

/** The model with the named tensors as its outputs, declared by name only: the runtime fills in the type. */
export function valueProbe(model: Model, tensors: readonly string[]): Model {
  const probe = cloneModel(model);
  probe.proto.graph.output = tensors.map((name) => newValueInfo({ name }));
  return probe;
}

/** The model with `shapeOutputs` over the named tensors as its outputs. */
export function shapeProbe(model: Model, tensors: readonly string[]): Model {
  const probe = valueProbe(model, Object.values(shapeOutputs));
  const nodes = tensors.flatMap((tensor, index) => [
    newNode({ opType: 'Shape', input: [tensor], output: [`${probePrefix}shape${index}`] }),
    newNode({ opType: 'Shape', input: [`${probePrefix}shape${index}`], output: [`${probePrefix}rank${index}`] }),
  ]);
  nodes.push(
    concat(numbered('shape', tensors.length), shapeOutputs.sizes),
    concat(numbered('rank', tensors.length), shapeOutputs.ranks),
  );
  probe.proto.graph.node.push(...nodes);
  return probe;
}

/** A tensor to observe, with the element type that decides whether it is cast to float32 first. */
export interface ProbedTensor {
  readonly name: string;
  readonly dtype: DType;
}

/** The output of a range probe that carries a tensor's values as float32. */
export function valueOutput({ name, dtype }: ProbedTensor): string {
  return dtype === 'fp32' ? name : `${probePrefix}fp32::${name}`;
}

/**
 * The model with `rangeOutputs` over `ranges`, and the values of the tensors `values` as float32, as its outputs. The sum
 * tells whether a tensor holds NaN or infinity, which the minimum and maximum of the runtime may pass over.
 */
export function rangeProbe(model: Model, ranges: readonly ProbedTensor[], values: readonly ProbedTensor[]): Model {
  const vectors = ranges.length === 0 ? [] : Object.values(rangeOutputs);
  const probe = valueProbe(model, [...vectors, ...values.map(valueOutput)]);
  const graph = probe.proto.graph;
  for (const tensor of [...ranges, ...values]) if (tensor.dtype !== 'fp32') graph.node.push(castToFloat32(tensor));
  if (ranges.length === 0) return probe;
  const flat = `${probePrefix}flat`;
  graph.initializer.push(
    newTensor({ name: flat, dims: [1], dataType: dataType.INT64, int64Data: BigInt64Array.of(-1n) }),
  );
  ranges.forEach((tensor, index) => {
    const vector = `${flat}${index}`;
    // A vector reduces to a vector of one element, which Concat takes; Reshape copies nothing.
    graph.node.push(newNode({ opType: 'Reshape', input: [valueOutput(tensor), flat], output: [vector] }));
    for (const { opType, key } of reductions) {
      graph.node.push(newNode({ opType, input: [vector], output: [`${probePrefix}${key}${index}`] }));
    }
  });
  for (const { key } of reductions) graph.node.push(concat(numbered(key, ranges.length), rangeOutputs[key]));
  return probe;
}

const reductions = [
  { opType: 'ReduceMin', key: 'min' },
  { opType: 'ReduceMax', key: 'max' },
  { opType: 'ReduceSum', key: 'sum' },
] as const;

/** The node that makes `valueOutput` of a tensor that is not float32. */
export function castToFloat32(tensor: ProbedTensor): NodeProto {
  return newNode({
    opType: 'Cast',
    input: [tensor.name],
    output: [valueOutput(tensor)],
    attribute: [newAttribute({ name: 'to', type: attributeType.INT, i: BigInt(dataType.FLOAT) })],
  });
}

/** Joins vectors into one output. */
export function concat(input: readonly string[], output: string): NodeProto {
  return newNode({
    opType: 'Concat',
    input: [...input],
    output: [output],
    attribute: [newAttribute({ name: 'axis', type: attributeType.INT, i: 0n })],
  });
}

function numbered(key: string, length: number): string[] {
  return Array.from({ length }, (_, index) => `${probePrefix}${key}${index}`);
}
