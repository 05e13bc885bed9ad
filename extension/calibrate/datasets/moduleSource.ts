/**
 * A JavaScript module as data set: `length` and `get(i)`, exported by name or as an object, class or factory by default.
 *
 * `get` may be asynchronous. It returns one input, a list in the order of the graph inputs, or an object by input name;
 * `{ inputs, label }` adds a label. An input is a typed array, a (nested) array of numbers, or `{ data, dims }`.
 */
import { pathToFileURL } from 'node:url';
import { CodedError } from '../../contract/errors';
import { dtypes, elementCount, type DType, type Tensor, type TensorData } from '../../contract/tensor';
import { UnreadableSample, type Label } from '../dataset';
import { hashFiles, hashText } from './hashFiles';
import { hashSamples } from './hashSamples';
import type { RawSample, RawValue, SampleSource } from './sampleSource';

interface UserDataset {
  readonly length: number;
  get(index: number): unknown;
}

function unusable(file: string, reason: string, cause?: unknown): CodedError {
  return new CodedError(
    {
      code: 'DATA_UNREADABLE',
      reason: `${file} ${reason}.`,
      fix: 'Export `length` and `get(i)`, which returns an array per graph input.',
      place: { file },
    },
    { cause },
  );
}

function isDataset(value: unknown): value is UserDataset {
  if (typeof value !== 'object' && typeof value !== 'function') return false;
  const candidate = value as Partial<UserDataset> | null;
  return typeof candidate?.get === 'function' && typeof candidate.length === 'number';
}

/** The data set in a module: its exports, its default export, or what that makes. */
async function findDataset(file: string): Promise<UserDataset> {
  let module: Record<string, unknown>;
  try {
    module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    throw unusable(file, `cannot be loaded: ${(error as Error).message}`, error);
  }
  const main = module['default'];
  if (isDataset(module)) return module;
  if (typeof main === 'object' && isDataset(main)) return main;
  if (typeof main === 'function') {
    const isClass = /^class\b/.test(Function.prototype.toString.call(main));
    const made: unknown = isClass ? new (main as new () => unknown)() : await (main as () => unknown)();
    if (isDataset(made)) return made;
  }
  throw unusable(file, 'exports no data set');
}

const typedArrayDtypes: readonly [new (...values: never[]) => ArrayBufferView, DType][] = [
  [Float32Array, 'fp32'],
  [Float64Array, 'fp64'],
  [Int8Array, 'int8'],
  [Uint8Array, 'uint8'],
  [Uint8ClampedArray, 'uint8'],
  [Int16Array, 'int16'],
  [Uint16Array, 'uint16'],
  [Int32Array, 'int32'],
  [Uint32Array, 'uint32'],
  [BigInt64Array, 'int64'],
  [BigUint64Array, 'uint64'],
];

/** Type names of onnxruntime-web and -node tensors. */
const runtimeTypes: Readonly<Record<string, DType>> = {
  float32: 'fp32',
  float64: 'fp64',
  float16: 'fp16',
};

const isTypedArray = (value: unknown): value is TensorData => ArrayBuffer.isView(value) && !(value instanceof DataView);

function fromTypedArray(data: TensorData, dims: readonly number[], declared?: string): Tensor {
  const own = typedArrayDtypes.find(([type]) => data instanceof type)?.[1] ?? 'uint8';
  const named =
    declared === undefined ? own : (runtimeTypes[declared] ?? dtypes.find((dtype) => dtype === declared) ?? own);
  if (elementCount(dims) !== data.length) {
    throw new Error(`dims [${dims.join(', ')}] do not fit ${data.length} values`);
  }
  return { dtype: named, dims, data: data instanceof Uint8ClampedArray ? new Uint8Array(data) : data };
}

/** Nested arrays of numbers to a float tensor. @throws Error when rows differ in length */
function fromNested(value: readonly unknown[]): Tensor {
  const dims: number[] = [];
  for (let inner: unknown = value; Array.isArray(inner); inner = inner[0] as unknown) dims.push(inner.length);
  const flat: unknown[] = value.flat(Infinity);
  if (flat.length !== elementCount(dims)) throw new Error('the nested arrays are ragged');
  if (flat.some((entry) => typeof entry !== 'number' && typeof entry !== 'bigint')) {
    throw new Error('the nested arrays hold something other than numbers');
  }
  return { dtype: 'fp64', dims, data: Float64Array.from(flat as number[], Number) };
}

interface TensorLike {
  readonly data: TensorData;
  readonly dims?: readonly number[];
  readonly shape?: readonly number[];
  readonly dtype?: string;
  readonly type?: string;
}

const isTensorLike = (value: unknown): value is TensorLike =>
  typeof value === 'object' && value !== null && isTypedArray((value as Partial<TensorLike>).data);

function toTensor(value: unknown): Tensor {
  if (typeof value === 'number') return { dtype: 'fp64', dims: [], data: Float64Array.of(value) };
  if (isTypedArray(value)) return fromTypedArray(value, [value.length]);
  if (Array.isArray(value)) return fromNested(value);
  if (isTensorLike(value)) {
    const dims = value.dims ?? value.shape ?? [value.data.length];
    return fromTypedArray(value.data, dims, value.dtype ?? value.type);
  }
  throw new Error(`an input is ${value === null ? 'null' : typeof value}, not an array or tensor`);
}

/** A list of inputs holds arrays or tensors; an array of numbers (nested or not) is one input. */
function toValues(value: unknown): Record<string, RawValue> | RawValue[] {
  const isInput = (entry: unknown) => isTypedArray(entry) || isTensorLike(entry);
  if (Array.isArray(value)) {
    return value.some(isInput) ? value.map(toTensor) : [toTensor(value)];
  }
  if (isInput(value) || typeof value !== 'object' || value === null) return [toTensor(value)];
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, toTensor(entry)]));
}

function splitLabel(value: unknown): { content: unknown; label: Label } {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !('inputs' in value)) {
    return { content: value, label: null };
  }
  const { inputs, label } = value as { inputs: unknown; label?: unknown };
  const usable = typeof label === 'number' || typeof label === 'string';
  return { content: inputs, label: usable ? label : typeof label === 'bigint' ? Number(label) : null };
}

/** @throws CodedError DATA_UNREADABLE when the module cannot be loaded or exports no data set */
export async function openModule(file: string): Promise<SampleSource> {
  const dataset = await findDataset(file);
  const { length } = dataset;
  if (!Number.isInteger(length) || length < 0) throw unusable(file, `has the length ${String(length)}`);
  const read = async (index: number): Promise<RawSample> => {
    try {
      const { content, label } = splitLabel(await dataset.get(index));
      return { id: String(index), label, values: toValues(content) };
    } catch (error) {
      throw new UnreadableSample(
        {
          code: 'DATA_UNREADABLE',
          reason: `${file}: get(${index}) failed: ${(error as Error).message}.`,
          fix: 'Correct the module; get(i) returns an array or tensor per graph input.',
          place: { file },
        },
        { cause: error },
      );
    }
  };
  // Whether samples carry labels shows only in a sample.
  const first = length === 0 ? null : await read(0).catch(() => null);
  return {
    kind: 'module',
    length,
    labelled: first?.label != null,
    classes: null,
    read,
    sha256: async () => hashText(await hashFiles([file], null), String(length), await hashSamples(read, length)),
    close: () => Promise.resolve(),
  };
}
