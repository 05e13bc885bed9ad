/** Small models and data sets in memory for the calibration tests. */
import { OnnxRuntimeBackend } from '../../../extension/backends/onnxRuntime';
import { UnreadableSample, type Dataset } from '../../../extension/calibrate/dataset';
import type { OpenModel } from '../../../extension/calibrate/probeSessions';
import { setFloat, setInts } from '../../../extension/model/attributes';
import type { Model } from '../../../extension/model/model';
import {
  newGraph,
  newModel,
  newNode,
  newOperatorSetId,
  newTensorShape,
  newTensorShapeDimension,
  newType,
  newTypeTensor,
  newValueInfo,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../../extension/model/onnx.generated';
import { onnxType } from '../../../extension/model/dtype';
import { makeTensor } from '../../../extension/model/tensorValues';
import { elementCount, type DType, type Tensor } from '../../../extension/contract/tensor';
import { normalNumbers } from './randomNumbers';

export function float32(dims: readonly number[], values: ArrayLike<number>): Tensor {
  return { dtype: 'fp32', dims, data: Float32Array.from(values) };
}

export function value(name: string, dtype: DType, dims: readonly (number | string)[]): ValueInfoProto {
  const dim = dims.map((size) =>
    newTensorShapeDimension(typeof size === 'number' ? { dimValue: size } : { dimParam: size }),
  );
  const tensorType = newTypeTensor({ elemType: onnxType(dtype), shape: newTensorShape({ dim }) });
  return newValueInfo({ name, type: newType({ tensorType }) });
}

export function node(opType: string, input: readonly string[], output: readonly string[]): NodeProto {
  return newNode({ opType, name: `${opType}:${output[0]}`, input: [...input], output: [...output] });
}

export function model(
  input: readonly ValueInfoProto[],
  nodes: readonly NodeProto[],
  output: readonly ValueInfoProto[],
  initializer: readonly TensorProto[] = [],
): Model {
  const graph = newGraph({ name: 'test', input: [...input], node: [...nodes], output: [...output] });
  graph.initializer.push(...initializer);
  const opsetImport = [newOperatorSetId({ domain: '', version: 17 })];
  return { path: '/test/model.onnx', proto: { ...newModel({ irVersion: 8, opsetImport }), graph } };
}

/** Conv → Relu → pooled → classified; with a transposed view, an integer tensor and a tensor that holds −Infinity. */
export function convolutionalModel(): Model {
  const normal = normalNumbers(11);
  const random = (name: string, dims: number[]) =>
    makeTensor(
      name,
      float32(
        dims,
        Array.from({ length: elementCount(dims) }, () => normal() * 0.3),
      ),
    );
  const convolution = node('Conv', ['image', 'kernel'], ['features']);
  setInts(convolution, 'pads', [1, 1, 1, 1]);
  const transpose = node('Transpose', ['active'], ['turned']);
  setInts(transpose, 'perm', [0, 2, 3, 1]);
  const gemm = node('Gemm', ['flat', 'matrix'], ['scores']);
  setFloat(gemm, 'alpha', 1);
  return model(
    [value('image', 'fp32', ['batch', 3, 12, 12])],
    [
      convolution,
      node('Relu', ['features'], ['active']),
      transpose,
      node('ReduceSum', ['turned'], ['total']),
      node('Log', ['active'], ['logarithm']),
      node('Exp', ['logarithm'], ['back']),
      node('Shape', ['features'], ['size']),
      node('GlobalAveragePool', ['active'], ['pooled']),
      node('Flatten', ['pooled'], ['flat']),
      gemm,
    ],
    [
      value('scores', 'fp32', ['batch', 5]),
      value('total', 'fp32', [1, 1, 1, 1]),
      value('back', 'fp32', ['batch', 8, 12, 12]),
      value('size', 'int64', [4]),
    ],
    [random('kernel', [8, 3, 3, 3]), random('matrix', [8, 5])],
  );
}

/** Samples made by a function of their index; an index for which it throws cannot be read. */
export function dataset(length: number, sample: (index: number) => Record<string, Tensor>): Dataset {
  return {
    kind: 'module',
    source: '/test/data.mjs',
    length,
    labelled: false,
    classes: null,
    // eslint-disable-next-line @typescript-eslint/require-await
    get: async (index) => ({ id: String(index), tensors: sample(index), label: null }),
    sha256: () => Promise.resolve('0'.repeat(64)),
    close: () => Promise.resolve(),
  };
}

export function unreadable(index: number): UnreadableSample {
  return new UnreadableSample({ code: 'DATA_UNREADABLE', reason: `Sample ${index} is corrupt.`, fix: 'Remove it.' });
}

/** Pseudo-random images, the same for the same index. */
export function images(length: number, size = 12): Dataset {
  return dataset(length, (index) => {
    const normal = normalNumbers(100 + index);
    const gain = 1 + (index % 5);
    return {
      image: float32(
        [1, 3, size, size],
        Array.from({ length: 3 * size * size }, () => normal() * gain),
      ),
    };
  });
}

const backend = new OnnxRuntimeBackend();
export const open: OpenModel = (path, options) => backend.open({ kind: 'onnx', path }, { ...options, threads: 1 });

export function indicesOf(data: Dataset): number[] {
  return Array.from({ length: data.length }, (_, index) => index);
}
