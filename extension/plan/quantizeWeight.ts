/**
 * A weight in 8 bits: symmetric scales per channel and the rounded values.
 *
 * A scale is first rounded *up* to a number that its stored type holds, and the values are divided by that number, so
 * storing scales in FP16 costs nothing but a sliver of the range, down to FP16's subnormals. A channel of zeros has scale 1.
 */
import { elementCount, type Tensor } from '../contract/tensor';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../model/float16';
import { float8Array, fromFloat8 } from './float8';
import type { QuantizedType } from './placeQuantization';
import type { ComputeType } from './precisionRules';

export interface QuantizeWeightOptions {
  readonly dtype: QuantizedType;
  /** The axis with a scale per element; null for one scale. */
  readonly axis: number | null;
  /** The type in which the scales will be stored. */
  readonly rest: ComputeType;
}

export interface QuantizedTensor {
  /** 8-bit values in the weight's shape. */
  readonly values: Tensor;
  /** FP32 scales: one per element of the axis, or a scalar. */
  readonly scales: Tensor;
}

/** @param weight FP32 */
export function quantizeWeight(weight: Tensor, { dtype, axis, rest }: QuantizeWeightOptions): QuantizedTensor {
  const source = weight.data as Float32Array;
  const layout = channelLayout(weight.dims, axis);
  const magnitudes = channelMaxima(source, layout);
  const limit = dtype === 'int8' ? 127 : 448;
  const scales = magnitudes.map((magnitude) => (magnitude === 0 ? 1 : roundUp(magnitude / limit, rest)));
  const divided = divideChannels(source, layout, scales);
  const data = dtype === 'int8' ? roundedInt8(divided) : float8Array(divided);
  return {
    values: { dtype, dims: weight.dims, data },
    scales: { dtype: 'fp32', dims: axis === null ? [] : [layout.channels], data: scales },
  };
}

// A loop of its own, like that of `channelMaxima`: where the channels are the last axis, a run is one element, and a call for
// each would take ten times as long.
function divideChannels(source: Float32Array, { outer, channels, inner }: ChannelLayout, scales: Float32Array) {
  const divided = new Float32Array(source.length);
  for (let block = 0, i = 0; block < outer; block++) {
    for (let channel = 0; channel < channels; channel++) {
      const scale = scales[channel]!;
      for (const end = i + inner; i < end; i++) divided[i] = source[i]! / scale;
    }
  }
  return divided;
}

/** The FP32 values that 8-bit ones stand for. */
export function dequantize(values: Tensor, scales: Tensor, axis: number | null): Tensor {
  const layout = channelLayout(values.dims, axis);
  const source = values.data as Int8Array | Uint8Array;
  const data = new Float32Array(source.length);
  forEachChannelRun(layout, (start, end, channel) => {
    const scale = scales.data[channel] as number;
    for (let i = start; i < end; i++) {
      data[i] = (values.dtype === 'int8' ? source[i]! : fromFloat8(source[i]!)) * scale;
    }
  });
  return { dtype: 'fp32', dims: values.dims, data };
}

/**
 * To the nearest, ties to even, ±127, as QuantizeLinear rounds. Rounding that keeps kernel sums (SQuant) was measured and dropped:
 * with bias correction it cost the OCR recognizer 4.5 dB (docs/measurements/precision-notes.md).
 */
function roundedInt8(divided: Float32Array): Int8Array {
  const rounded = new Int8Array(divided.length);
  // An indexed loop: from() with a function takes ten times as long, and models have millions of weights.
  for (let i = 0; i < divided.length; i++) {
    const whole = divided[i]! + noFraction - noFraction;
    rounded[i] = whole > 127 ? 127 : whole < -127 ? -127 : whole;
  }
  return rounded;
}

/** Doubles of this size have no bits for a fraction: adding it rounds, ties to even, and taking it off again keeps that. */
const noFraction = 1.5 * 2 ** 52;

/** Zeros of the quantized type. */
export function zeroPoint(dtype: QuantizedType, dims: readonly number[]): Tensor {
  const count = elementCount(dims);
  return { dtype, dims, data: dtype === 'int8' ? new Int8Array(count) : new Uint8Array(count) };
}

/** Row-major layout seen along one axis: `outer` blocks of `channels` runs of `inner` elements. */
export interface ChannelLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export function channelLayout(dims: readonly number[], axis: number | null): ChannelLayout {
  if (axis === null) return { outer: 1, channels: 1, inner: elementCount(dims) };
  return {
    outer: elementCount(dims.slice(0, axis)),
    channels: dims[axis] ?? 1,
    inner: elementCount(dims.slice(axis + 1)),
  };
}

/** Calls back for every contiguous run of one channel. */
export function forEachChannelRun(
  { outer, channels, inner }: ChannelLayout,
  visit: (start: number, end: number, channel: number) => void,
): void {
  for (let block = 0, start = 0; block < outer; block++) {
    for (let channel = 0; channel < channels; channel++, start += inner) visit(start, start + inner, channel);
  }
}

export function channelMaxima(values: Float32Array, { outer, channels, inner }: ChannelLayout): Float32Array {
  const maxima = new Float32Array(channels);
  for (let block = 0, i = 0; block < outer; block++) {
    for (let channel = 0; channel < channels; channel++) {
      let magnitude = maxima[channel]!;
      for (const end = i + inner; i < end; i++) {
        const value = Math.abs(values[i]!);
        if (value > magnitude) magnitude = value;
      }
      maxima[channel] = magnitude;
    }
  }
  return maxima;
}

/** The smallest number of a type that is not below a positive value. */
export function roundUp(value: number, dtype: ComputeType): number {
  if (dtype === 'fp32') {
    const rounded = Math.fround(value);
    return rounded === 0 ? 2 ** -126 : rounded;
  }
  const [encode, decode] = dtype === 'fp16' ? [toFloat16, fromFloat16] : [toBfloat16, fromBfloat16];
  const pattern = encode(value);
  // Patterns of positive numbers are in the order of the numbers.
  return decode(pattern) < value || pattern === 0 ? decode(pattern + 1) : decode(pattern);
}
