/** Host tensors converted to the types that a variant's bindings want. */
import type { Session } from '../../backends/backend';
import { castTensor } from '../../calibrate/datasets/castTensor';
import { toFloat32 } from '../../calibrate/toFloat32';
import { CodedError } from '../../contract/errors';
import type { DType, NamedTensors, Tensor } from '../../contract/tensor';
import { quantized, type BindingScales } from './bindingScales';

const floatTypes: ReadonlySet<string> = new Set(['fp32', 'fp16', 'bf16', 'fp64']);

/**
 * The same values in the session's input types; tensors that fit are passed on as they are.
 *
 * @param scales of inputs in INT8. One without a scale takes the integers themselves.
 * @throws CodedError RUNTIME_FAILED for values that the type does not hold
 */
export function convertFeeds(
  feeds: NamedTensors,
  session: Pick<Session, 'inputs'>,
  scales: BindingScales = {},
): NamedTensors {
  return Object.fromEntries(
    session.inputs.map(({ name, dtype }) => {
      const tensor = feeds[name];
      if (tensor === undefined || tensor.dtype === dtype) return [name, tensor as Tensor];
      return [name, converted(name, tensor, dtype, scales[name])];
    }),
  );
}

function converted(name: string, tensor: Tensor, dtype: DType, scale: number | undefined): Tensor {
  const isFloat = floatTypes.has(tensor.dtype);
  if (isFloat && dtype === 'int8' && scale !== undefined) {
    return { dtype, dims: tensor.dims, data: quantized(toFloat32(tensor), scale) };
  }
  // Integers are ids and sizes; as floats they would be something else.
  const cast = isFloat || !floatTypes.has(dtype) ? castTensor(tensor, dtype) : 'integers are no floats';
  if (typeof cast !== 'string') return cast;
  throw new CodedError({
    code: 'RUNTIME_FAILED',
    reason: `The input "${name}" of the variant is ${dtype}; ${tensor.dtype} data cannot be fed to it: ${cast}.`,
    fix: 'Choose fp32 or fp16 for this binding, or preprocess the data to values that the type holds.',
    place: { field: name },
  });
}
