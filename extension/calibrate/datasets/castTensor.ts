/**
 * Changes a tensor's element type to the one a graph input declares, where no information is lost that the model could
 * have used: any number to a float type, integers to integers that hold them, booleans to and from 0 and 1.
 */
import type { DType, Tensor, TensorData } from '../../contract/tensor';
import { fromBfloat16Array, fromFloat16Array, toBfloat16Array, toFloat16Array } from '../../model/float16';

const integerLimits: Partial<Record<DType, readonly [bigint, bigint]>> = {
  bool: [0n, 1n],
  int8: [-128n, 127n],
  uint8: [0n, 255n],
  int16: [-32768n, 32767n],
  uint16: [0n, 65535n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

const floats: readonly DType[] = ['fp32', 'fp64', 'fp16', 'bf16'];

/** Values as numbers or big integers, whatever carries them. */
function valuesOf({ dtype, data }: Tensor): ArrayLike<number> | BigInt64Array | BigUint64Array {
  if (dtype === 'fp16') return fromFloat16Array(data as Uint16Array);
  if (dtype === 'bf16') return fromBfloat16Array(data as Uint16Array);
  return data;
}

function toFloats(tensor: Tensor, dtype: DType): TensorData {
  const values = valuesOf(tensor);
  const numbers =
    values instanceof BigInt64Array || values instanceof BigUint64Array ? Array.from(values, Number) : values;
  switch (dtype) {
    case 'fp64':
      return Float64Array.from(numbers);
    case 'fp16':
      return toFloat16Array(numbers);
    case 'bf16':
      return toBfloat16Array(numbers);
    default:
      return Float32Array.from(numbers);
  }
}

function integerArray(dtype: DType, size: number): TensorData | null {
  switch (dtype) {
    case 'bool':
    case 'uint8':
      return new Uint8Array(size);
    case 'int8':
      return new Int8Array(size);
    case 'int16':
      return new Int16Array(size);
    case 'uint16':
      return new Uint16Array(size);
    case 'int32':
      return new Int32Array(size);
    case 'uint32':
      return new Uint32Array(size);
    case 'int64':
      return new BigInt64Array(size);
    case 'uint64':
      return new BigUint64Array(size);
    default:
      return null;
  }
}

function toIntegers(tensor: Tensor, dtype: DType): TensorData | string {
  const target = integerArray(dtype, tensor.data.length);
  const limits = integerLimits[dtype];
  if (target === null || limits === undefined) return `${tensor.dtype} cannot become ${dtype}`;
  const [smallest, largest] = limits;
  const values = valuesOf(tensor);
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (typeof value === 'number' && !Number.isInteger(value)) return `the value ${value} is no ${dtype}`;
    if (value < smallest || value > largest) return `the value ${value} does not fit ${dtype}`;
    if (target instanceof BigInt64Array || target instanceof BigUint64Array) target[at] = BigInt(value);
    else target[at] = Number(value);
  }
  return target;
}

/** The tensor as `dtype`, or a clause that says why it cannot be. */
export function castTensor(tensor: Tensor, dtype: DType): Tensor | string {
  if (tensor.dtype === dtype) return tensor;
  if (tensor.dtype === 'string' || dtype === 'string') return `${tensor.dtype} cannot become ${dtype}`;
  const data = floats.includes(dtype) ? toFloats(tensor, dtype) : toIntegers(tensor, dtype);
  return typeof data === 'string' ? data : { dtype, dims: tensor.dims, data };
}
