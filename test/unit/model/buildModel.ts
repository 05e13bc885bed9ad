/** Models for the tests of this folder, built in code and, where asked for, run by ONNX Runtime. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { onTestFinished } from 'vitest';
import type { DType } from '../../../extension/contract/tensor';
import { onnxType } from '../../../extension/model/dtype';
import type { Model } from '../../../extension/model/model';
import {
  attributeType,
  type AttributeProto,
  modelProtoSchema,
  newAttribute,
  newGraph,
  newModel,
  newNode,
  newOperatorSetId,
  newTensorShape,
  newTensorShapeDimension,
  newType,
  newTypeTensor,
  newValueInfo,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../../extension/model/onnx.generated';
import { makeTensor } from '../../../extension/model/tensorValues';
import { encodeToArray } from '../../../extension/model/wireWriter';

export type AttributeValue =
  number | string | readonly number[] | TensorProto | { readonly float: number | readonly number[] };

export function node(
  opType: string,
  input: string[],
  output: string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeProto {
  const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
  return newNode({ name: `${opType}_${output[0]}`, opType, input, output, attribute });
}

function attributeOf(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') return newAttribute({ name, type: attributeType.INT, i: BigInt(value) });
  if (typeof value === 'string') return newAttribute({ name, type: attributeType.STRING, s: Buffer.from(value) });
  if (Array.isArray(value)) return newAttribute({ name, type: attributeType.INTS, ints: value.map(BigInt) });
  if ('float' in value) {
    return typeof value.float === 'number'
      ? newAttribute({ name, type: attributeType.FLOAT, f: value.float })
      : newAttribute({ name, type: attributeType.FLOATS, floats: [...value.float] });
  }
  return newAttribute({ name, type: attributeType.TENSOR, t: value as TensorProto });
}

export function value(name: string, shape: readonly (number | string)[] | null, dtype: DType = 'fp32'): ValueInfoProto {
  const dim = shape?.map((size) =>
    newTensorShapeDimension(typeof size === 'number' ? { dimValue: size } : { dimParam: size }),
  );
  const tensorType = newTypeTensor({
    elemType: onnxType(dtype),
    ...(dim === undefined ? {} : { shape: newTensorShape({ dim }) }),
  });
  return newValueInfo({ name, type: newType({ tensorType }) });
}

export function floats(name: string, dims: readonly number[], values: ArrayLike<number>): TensorProto {
  return makeTensor(name, { dtype: 'fp32', dims, data: Float32Array.from(values) });
}

/** Distinct, signed, not too regular numbers. */
export function numbers(count: number, seed = 1): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + seed) * 3);
}

export interface ModelParts {
  readonly nodes: NodeProto[];
  readonly inputs: ValueInfoProto[];
  readonly outputs: ValueInfoProto[];
  readonly initializers?: TensorProto[];
  readonly opset?: number;
  readonly irVersion?: number;
  readonly path?: string;
}

export function buildModel(parts: ModelParts): Model {
  const graph: GraphProto = newGraph({
    name: 'test',
    node: parts.nodes,
    input: parts.inputs,
    output: parts.outputs,
    initializer: parts.initializers ?? [],
  });
  const opsetImport = [newOperatorSetId({ domain: '', version: parts.opset ?? 17 })];
  const proto = newModel({ irVersion: parts.irVersion ?? 8, opsetImport, graph });
  return { proto: { ...proto, graph }, path: parts.path ?? 'test.onnx' };
}

/** y = Relu(x) over [1, 4]. */
export function reluModel(changes: Partial<ModelParts> = {}): Model {
  return buildModel({
    nodes: [node('Relu', ['x'], ['y'])],
    inputs: [value('x', [1, 4])],
    outputs: [value('y', [1, 4])],
    ...changes,
  });
}

export function encodeModel(model: Model): Uint8Array {
  return encodeToArray(model.proto, modelProtoSchema);
}

export type Outputs = Record<string, { type: string; dims: readonly number[]; data: number[] }>;

/** Runs a model as it stands, without graph optimizations. */
export async function run(
  model: Uint8Array | string,
  feeds: Readonly<Record<string, { dims: readonly number[]; data: Float32Array }>>,
): Promise<Outputs> {
  const options: InferenceSession.SessionOptions = { graphOptimizationLevel: 'disabled', logSeverityLevel: 4 };
  const session =
    typeof model === 'string'
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options);
  try {
    const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [
      name,
      new RuntimeTensor('float32', data, dims),
    ]);
    const results = await session.run(Object.fromEntries(tensors) as Record<string, RuntimeTensor>);
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, dims, data }]) => [
        name,
        { type, dims, data: Array.from(data as ArrayLike<number | bigint>, Number) },
      ]),
    );
  } finally {
    await session.release();
  }
}

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'precision-bench-model-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function writeFile(folder: string, name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
