/**
 * Rounds weights to INT8 so that the errors of a kernel, and of an output channel, sum to less than half a step.
 *
 * Inputs of a kernel are correlated: neighbouring pixels are alike and activations after ReLU are positive, so the sum of
 * the rounding errors does more harm than any single one. A few elements per channel, those nearest to the middle between
 * two integers, are rounded the other way. Source: Guo et al., "SQuant: On-the-Fly Data-Free Quantization via Diagonal
 * Hessian Approximation" (ICLR 2022), kernel-wise and channel-wise steps; no data, no training. Used by `quantizeWeight.ts`.
 */

/** Largest magnitude of symmetric INT8. */
const limit = 127;

/**
 * @param values weights over their scales
 * @param channels for each output channel the positions of its elements in `values`, kernel by kernel
 * @param kernelSize elements of one kernel; 1 for matrix products
 */
export function roundKeepingSums(values: Float32Array, channels: Iterable<Uint32Array>, kernelSize: number): Int8Array {
  const rounded = new Int8Array(values.length);
  for (const positions of channels) {
    for (const position of positions) rounded[position] = clamp(roundHalfEven(values[position]!));
    const kernels: Uint32Array[] = [];
    for (let start = 0; start < positions.length; start += kernelSize) {
      kernels.push(positions.subarray(start, start + kernelSize));
    }
    if (kernelSize > 1) for (const kernel of kernels) balance(values, rounded, kernel, kernel);
    // One candidate per kernel, so that no kernel's own sum is spoiled by more than a step.
    if (kernels.length > 1)
      balance(values, rounded, positions, kernelSize > 1 ? candidates(values, rounded, positions, kernels) : positions);
  }
  return rounded;
}

/** Moves the sum of the errors over `group` to within half a step, by turning the nearest of `choice` the other way. */
function balance(values: Float32Array, rounded: Int8Array, group: Uint32Array, choice: Uint32Array): void {
  const excess = errorSum(values, rounded, group);
  const count = Math.round(Math.abs(excess));
  if (count === 0) return;
  const step = excess > 0 ? -1 : 1;
  // How far each element was rounded in the direction of the excess; −1 where it cannot be turned.
  const gains = new Float32Array(choice.length);
  choice.forEach((position, i) => {
    const gain = -step * (rounded[position]! - values[position]!);
    gains[i] = gain > 0 && Math.abs(rounded[position]! + step) <= limit ? gain : -1;
  });
  const threshold = gains.slice().sort()[Math.max(0, gains.length - count)]!;
  let left = count;
  for (const wanted of [(gain: number) => gain > threshold, (gain: number) => gain === threshold]) {
    for (let i = 0; i < gains.length && left > 0; i++) {
      if (gains[i]! <= 0 || !wanted(gains[i]!)) continue;
      rounded[choice[i]!]! += step;
      left--;
    }
  }
}

/** The element of each kernel whose error is largest in the direction of the channel's. */
function candidates(
  values: Float32Array,
  rounded: Int8Array,
  positions: Uint32Array,
  kernels: readonly Uint32Array[],
): Uint32Array {
  const sign = Math.sign(errorSum(values, rounded, positions));
  return Uint32Array.from(kernels, (kernel) => {
    let best = kernel[0]!;
    for (const position of kernel) {
      if (sign * (rounded[position]! - values[position]!) > sign * (rounded[best]! - values[best]!)) best = position;
    }
    return best;
  });
}

function errorSum(values: Float32Array, rounded: Int8Array, positions: Uint32Array): number {
  let sum = 0;
  for (const position of positions) sum += rounded[position]! - values[position]!;
  return sum;
}

function clamp(value: number): number {
  return Math.max(-limit, Math.min(limit, value));
}

/** To the nearest integer, ties to the even one, as QuantizeLinear does. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
