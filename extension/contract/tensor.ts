/**
 * Tensors in memory, and the names of element types as users see them.
 *
 * The same names stand in plans, reports, the command line and messages. `extension/model/` maps them to the numbers of
 * ONNX's `TensorProto.DataType`, the backends to those of their runtimes.
 */

export const dtypes = [
  'fp32',
  'fp64',
  'fp16',
  'bf16',
  'fp8e4m3',
  'fp8e5m2',
  'int4',
  'uint4',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'string',
] as const;

export type DType = (typeof dtypes)[number];

/**
 * The array that carries a tensor's elements, in row-major order. fp16 and bf16 travel as their 16-bit patterns in a
 * `Uint16Array`, fp8 and bool as `Uint8Array`; `int4`/`uint4` as packed nibbles in a `Uint8Array`.
 */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

export interface Tensor {
  readonly dtype: DType;
  /** Sizes per axis, outermost first; empty for a scalar. */
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** Tensors by graph input or output name. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** A graph input or output as the model declares it. */
export interface ValueSpec {
  readonly name: string;
  readonly dtype: DType;
  /** A size, a symbol (`"batch"`), or null where the model says nothing. Null as a whole when the rank is unknown. */
  readonly shape: readonly (number | string | null)[] | null;
}

/** Number of elements of a shape. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}
