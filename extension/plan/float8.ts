/**
 * FP8 E4M3 (no infinities) as 8-bit patterns: conversions to and from FP32, round to nearest even, saturating at ±448.
 *
 * Source: ONNX "Float stored in 8 bits", E4M3FN (Micikevicius et al. 2022, "FP8 formats for deep learning"). Used for FP8
 * weights and for the simulation where the runtime has no FP8 kernels.
 */

export const float8Max = 448;
/** Smallest normal number. */
const minNormal = 2 ** -6;

/** FP32 value to the E4M3 pattern; NaN is 0x7f. */
export function toFloat8(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x80 : 0;
  if (Number.isNaN(value)) return 0x7f;
  const magnitude = Math.min(Math.abs(value), float8Max);
  // Eight steps to a binade; below the normal numbers the steps stay 2^-9.
  const exponent = magnitude < minNormal ? -6 : Math.floor(Math.log2(magnitude));
  const steps = roundHalfEven(magnitude / 2 ** (exponent - 3));
  // 16 steps are the first number of the next binade; fewer than 8 a subnormal, whose exponent field is 0.
  if (steps < 8) return sign | steps;
  const [field, fraction] = steps === 16 ? [exponent + 8, 0] : [exponent + 7, steps - 8];
  return sign | (field << 3) | fraction;
}

/** E4M3 pattern to the value. Exact. */
export function fromFloat8(pattern: number): number {
  const sign = (pattern & 0x80) === 0 ? 1 : -1;
  const exponent = (pattern >>> 3) & 0xf;
  const fraction = pattern & 7;
  if (exponent === 0xf && fraction === 7) return NaN;
  if (exponent === 0) return sign * fraction * 2 ** -9;
  return sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

export function float8Array(values: Float32Array): Uint8Array {
  return Uint8Array.from(values, toFloat8);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
