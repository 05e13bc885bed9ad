/** Refuses NaN and infinity in data: one such value would spoil every range and every metric that it reaches. */
import { CodedError } from '../../contract/errors';
import type { NamedTensors, Tensor } from '../../contract/tensor';

/** Index of the first element that is not finite, or −1. */
function firstNonFinite({ dtype, data }: Tensor): number {
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (let at = 0; at < data.length; at++) if (!Number.isFinite(data[at])) return at;
    return -1;
  }
  const exponent = dtype === 'fp16' ? 0x7c00 : dtype === 'bf16' ? 0x7f80 : null;
  if (exponent === null) return -1;
  return (data as Uint16Array).findIndex((pattern) => (pattern & exponent) === exponent);
}

/** @throws CodedError DATA_NON_FINITE naming the sample, the input and the element */
export function checkFinite(tensors: NamedTensors, id: string, source: string): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    const at = firstNonFinite(tensor);
    if (at === -1) continue;
    throw new CodedError({
      code: 'DATA_NON_FINITE',
      reason: `Sample ${id} of ${source} has NaN or infinity in the input ${name} (element ${at} of ${tensor.data.length}).`,
      fix: 'Remove the sample or correct it; values beyond 65504 become infinite in an fp16 input.',
      place: { file: source, field: name },
    });
  }
}
