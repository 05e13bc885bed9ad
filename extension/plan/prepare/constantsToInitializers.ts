/**
 * Constant nodes become initializers of their graph or body, so that every later rule finds constants in one place.
 * Strings and sparse constants stay nodes. Part of `prepareModel.ts`.
 */
import { elementCount, type Tensor } from '../../contract/tensor';
import { walkGraphs } from '../../model/graphIndex';
import type { GraphProto, NodeProto, TensorProto } from '../../model/onnx.generated';
import { makeTensor } from '../../model/tensorValues';

/** Edits the graph and its bodies in place. */
export function constantsToInitializers(graph: GraphProto): void {
  for (const one of [...walkGraphs(graph)]) convertConstants(one);
}

function convertConstants(graph: GraphProto): void {
  const outputs = new Set(graph.output.map((output) => output.name));
  graph.node = graph.node.filter((node) => {
    const name = node.output[0] ?? '';
    if (node.opType !== 'Constant' || outputs.has(name)) return true;
    const tensor = constantTensor(node, name);
    if (tensor === null) return true;
    graph.initializer.push(tensor);
    return false;
  });
}

/** The value of a Constant node under a name; null for kinds that are no dense numeric tensor. */
export function constantTensor(node: NodeProto, name: string): TensorProto | null {
  const attribute = node.attribute[0];
  switch (attribute?.name) {
    case 'value':
      return attribute.t === undefined ? null : { ...attribute.t, name };
    case 'value_float':
      return makeTensor(name, floats([attribute.f ?? 0], []));
    case 'value_floats':
      return makeTensor(name, floats(attribute.floats, [attribute.floats.length]));
    case 'value_int':
      return makeTensor(name, integers([attribute.i ?? 0n], []));
    case 'value_ints':
      return makeTensor(name, integers(attribute.ints, [attribute.ints.length]));
    default:
      return null;
  }
}

function floats(values: readonly number[], dims: readonly number[]): Tensor {
  return { dtype: 'fp32', dims, data: Float32Array.from(values).subarray(0, elementCount(dims)) };
}

function integers(values: readonly bigint[], dims: readonly number[]): Tensor {
  return { dtype: 'int64', dims, data: BigInt64Array.from(values) };
}
