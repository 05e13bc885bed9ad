/** Host tensors converted to the types that a variant's bindings want. */
import type { Session } from '../../backends/backend';
import { toFloat32 } from '../../calibrate/toFloat32';
import { CodedError } from '../../contract/errors';
import type { NamedTensors, Tensor } from '../../contract/tensor';
import { toFloat16Array } from '../../model/float16';

const floatTypes: ReadonlySet<string> = new Set(['fp32', 'fp16', 'bf16', 'fp64']);

/** The same values in the session's input types; tensors that fit are passed on as they are. */
export function convertFeeds(feeds: NamedTensors, session: Pick<Session, 'inputs'>): NamedTensors {
  return Object.fromEntries(
    session.inputs.map(({ name, dtype }) => {
      const tensor = feeds[name];
      if (tensor === undefined || tensor.dtype === dtype) return [name, tensor as Tensor];
      if (floatTypes.has(tensor.dtype)) {
        const values = toFloat32(tensor);
        if (dtype === 'fp32') return [name, { ...tensor, dtype, data: values }];
        if (dtype === 'fp16') return [name, { ...tensor, dtype, data: toFloat16Array(values) }];
      }
      throw new CodedError({
        code: 'RUNTIME_FAILED',
        reason: `The input "${name}" of the variant is ${dtype}; ${tensor.dtype} data cannot be fed to it.`,
        fix: 'Choose fp32 or fp16 for this binding to compare accuracy on this machine.',
        place: { field: name },
      });
    }),
  );
}
