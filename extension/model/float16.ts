/**
 * FP16 and BF16 as 16-bit patterns: conversions to and from FP32, round to nearest, ties to even.
 *
 * Used by `tensorValues.ts`, by the precision writer for weights and by the simulation of types without kernels. Source:
 * IEEE 754-2019 §4.3.1; overflow goes to infinity, subnormals are kept, NaN stays NaN (quiet).
 */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** FP32 value (a double is rounded to FP32 first) to the FP16 pattern. */
export function toFloat16(value: number): number {
  float[0] = value;
  return float16FromBits(bits[0]!);
}

function float16FromBits(pattern: number): number {
  const sign = (pattern >>> 16) & 0x8000;
  const magnitude = pattern & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff);
  // 65520 is halfway between the largest FP16, 65504, and the next power of two; ties go to the even one, infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // Normal: move the exponent's bias from 127 to 15 and round 13 bits away; a carry into the exponent is right.
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  // Subnormal: units of 2^-24. Below half of the smallest one the result is zero.
  if (magnitude < 0x33000000) return sign;
  const exponent = magnitude >>> 23;
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  const kept = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept);
}

/** FP16 pattern to the value. Exact. */
export function fromFloat16(pattern: number): number {
  const sign = (pattern & 0x8000) === 0 ? 1 : -1;
  const exponent = (pattern >>> 10) & 0x1f;
  const fraction = pattern & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** FP32 value to the BF16 pattern. */
export function toBfloat16(value: number): number {
  float[0] = value;
  return bfloat16FromBits(bits[0]!);
}

function bfloat16FromBits(pattern: number): number {
  if ((pattern & 0x7fffffff) > 0x7f800000) return (pattern >>> 16) | 0x40;
  return ((pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16) & 0xffff;
}

/** BF16 pattern to the value. Exact. */
export function fromBfloat16(pattern: number): number {
  bits[0] = (pattern & 0xffff) << 16;
  return float[0]!;
}

export function toFloat16Array(values: ArrayLike<number>): Uint16Array {
  const result = new Uint16Array(values.length);
  const source = patternsOf(values);
  for (let i = 0; i < result.length; i++) result[i] = float16FromBits(source[i]!);
  return result;
}

export function toBfloat16Array(values: ArrayLike<number>): Uint16Array {
  const result = new Uint16Array(values.length);
  const source = patternsOf(values);
  for (let i = 0; i < result.length; i++) result[i] = bfloat16FromBits(source[i]!);
  return result;
}

export function fromFloat16Array(patterns: Uint16Array): Float32Array {
  const table = float16Table();
  const result = new Float32Array(patterns.length);
  for (let i = 0; i < result.length; i++) result[i] = table[patterns[i]!]!;
  return result;
}

export function fromBfloat16Array(patterns: Uint16Array): Float32Array {
  const result = new Uint32Array(patterns.length);
  for (let i = 0; i < result.length; i++) result[i] = patterns[i]! << 16;
  return new Float32Array(result.buffer);
}

/** The value that FP16 keeps of an FP32 one. */
export function roundToFloat16(value: number): number {
  return fromFloat16(toFloat16(value));
}

/** The value that BF16 keeps of an FP32 one. */
export function roundToBfloat16(value: number): number {
  return fromBfloat16(toBfloat16(value));
}

let table: Float32Array | undefined;

/** All 65 536 values; 256 KiB, made at first use. */
function float16Table(): Float32Array {
  if (table === undefined) {
    table = new Float32Array(65536);
    for (let pattern = 0; pattern < table.length; pattern++) table[pattern] = fromFloat16(pattern);
  }
  return table;
}

/** Bit patterns of FP32 values, without a copy where they are in a `Float32Array`. */
function patternsOf(values: ArrayLike<number>): Uint32Array {
  const floats = values instanceof Float32Array ? values : Float32Array.from(values);
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}
