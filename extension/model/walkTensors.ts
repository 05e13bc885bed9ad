/**
 * Every tensor message of a model, wherever it stands: initializers, attributes, subgraphs, functions, training graphs.
 *
 * Used where payloads are resolved (`loadModel.ts`) or moved (`saveModel.ts`).
 */
import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  SparseTensorProto,
  TensorProto,
} from './onnx.generated';

export function* walkTensors(proto: ModelProto): Generator<TensorProto> {
  if (proto.graph !== undefined) yield* graphTensors(proto.graph);
  for (const training of proto.trainingInfo) {
    if (training.initialization !== undefined) yield* graphTensors(training.initialization);
    if (training.algorithm !== undefined) yield* graphTensors(training.algorithm);
  }
  for (const body of proto.functions) {
    yield* nodeTensors(body.node);
    for (const attribute of body.attributeProto) yield* attributeTensors(attribute);
  }
}

function* graphTensors(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer;
  for (const sparse of graph.sparseInitializer) yield* sparseTensors(sparse);
  yield* nodeTensors(graph.node);
}

function* nodeTensors(nodes: readonly NodeProto[]): Generator<TensorProto> {
  for (const node of nodes) for (const attribute of node.attribute) yield* attributeTensors(attribute);
}

function* attributeTensors(attribute: AttributeProto): Generator<TensorProto> {
  if (attribute.t !== undefined) yield attribute.t;
  yield* attribute.tensors;
  if (attribute.sparseTensor !== undefined) yield* sparseTensors(attribute.sparseTensor);
  for (const sparse of attribute.sparseTensors) yield* sparseTensors(sparse);
  if (attribute.g !== undefined) yield* graphTensors(attribute.g);
  for (const graph of attribute.graphs) yield* graphTensors(graph);
}

function* sparseTensors(sparse: SparseTensorProto): Generator<TensorProto> {
  if (sparse.values !== undefined) yield sparse.values;
  if (sparse.indices !== undefined) yield sparse.indices;
}
