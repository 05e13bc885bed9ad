/**
 * Scales of inputs and outputs that a variant has in INT8: value = integer × scale. Written into the model by
 * `plan/writeBindings.ts`, read where the host feeds and reads such a variant (`convertFeeds.ts`).
 */
import type { NamedTensors, Tensor } from '../../contract/tensor';
import type { Model } from '../../model/model';

export type BindingScales = Readonly<Record<string, number>>;

const key = /^precision-bench\.binding\.(?<name>.*)\.scale$/s;

export function bindingScales({ proto }: Model): BindingScales {
  const scales: Record<string, number> = {};
  for (const { key: name = '', value } of proto.metadataProps) {
    const binding = key.exec(name)?.groups?.['name'];
    if (binding !== undefined) scales[binding] = Number(value);
  }
  return scales;
}

/** As QuantizeLinear does it: to the nearest, ties to even, saturating. */
export function quantized(values: Float32Array, scale: number): Int8Array {
  return Int8Array.from(values, (value) => Math.max(-128, Math.min(127, roundToEven(value / scale))));
}

/** Tensors in INT8 as the values that they stand for; the others as they are. */
export function dequantizedOutputs(outputs: NamedTensors, scales: BindingScales): NamedTensors {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => [name, dequantized(tensor, scales[name])] as const),
  );
}

function dequantized(tensor: Tensor, scale: number | undefined): Tensor {
  if (scale === undefined || tensor.dtype !== 'int8') return tensor;
  return { dtype: 'fp32', dims: tensor.dims, data: Float32Array.from(tensor.data as Int8Array, (q) => q * scale) };
}

function roundToEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
