/**
 * Are two results of one graph the same within the rounding of a type? The judge of the single-operator suite and the random
 * graphs.
 *
 * An error may have two causes only: rounding of what is stored (ε of the type times the size of the output, grown with
 * the root of the number of nodes as random errors do), and the conditioning of the graph. The latter is measured, not
 * guessed: `sensitivity.ts` runs the FP32 graph on inputs and weights moved by ε, and what moves there may differ here.
 * Elements that are not finite, integers, booleans and shapes must agree unless that measurement moves them, too.
 */
import { toFloat32 } from '../../extension/calibrate/toFloat32';
import type { NamedTensors, Tensor } from '../../extension/contract/tensor';

export interface Rounding {
  /** Half a unit in the last place, relative: 2^-11 for FP16. */
  readonly epsilon: number;
  /** Spacing of the smallest numbers, absolute. */
  readonly smallest: number;
}

export const roundings = {
  fp32: { epsilon: 2 ** -21, smallest: 2 ** -126 },
  fp16: { epsilon: 2 ** -11, smallest: 2 ** -24 },
  bf16: { epsilon: 2 ** -8, smallest: 2 ** -126 },
} as const satisfies Record<string, Rounding>;

export interface Difference {
  readonly output: string;
  readonly what: string;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Over all float outputs together; Infinity when they are identical, null without any. */
  readonly sqnrDb: number | null;
}

export interface ComparisonRequest {
  readonly expected: NamedTensors;
  readonly actual: NamedTensors;
  readonly rounding: Rounding;
  /** Nodes of the graph: the depth of the rounding. */
  readonly nodes: number;
  /** Outputs of the FP32 graph on moved inputs; empty: not measured. */
  readonly moved: readonly NamedTensors[];
}

export const floatTypes: ReadonlySet<string> = new Set(['fp32', 'fp64', 'fp16', 'bf16']);

export function compareOutputs(request: ComparisonRequest): Comparison {
  const differences: Difference[] = [];
  const power = { signal: 0, noise: 0, floats: 0 };
  for (const [output, expected] of Object.entries(request.expected)) {
    const actual = request.actual[output];
    const moved = request.moved.flatMap((outputs) => outputs[output] ?? []);
    const what = actual === undefined ? 'is missing' : difference(expected, actual, moved, request);
    if (what !== null) differences.push({ output, what });
    if (actual !== undefined && floatTypes.has(expected.dtype)) addPower(expected, actual, power);
  }
  const sqnrDb = power.floats === 0 ? null : 10 * Math.log10(power.signal / power.noise);
  return { differences, sqnrDb: Number.isNaN(sqnrDb) ? Infinity : sqnrDb };
}

function difference(
  expected: Tensor,
  actual: Tensor,
  moved: readonly Tensor[],
  request: ComparisonRequest,
): string | null {
  const sameShape = (tensor: Tensor) => tensor.dims.join() === expected.dims.join();
  if (!sameShape(actual)) {
    const unstable = moved.some((tensor) => !sameShape(tensor));
    return unstable ? null : `has shape [${actual.dims.join()}] for [${expected.dims.join()}]`;
  }
  const comparable = moved.filter(sameShape);
  return floatTypes.has(expected.dtype)
    ? floatDifference(expected, actual, comparable, request)
    : discreteDifference(expected, actual, comparable, request.rounding);
}

export function discreteDifference(
  expected: Tensor,
  actual: Tensor,
  moved: readonly Tensor[],
  { epsilon }: Rounding,
): string | null {
  const [r, t] = [expected.data, actual.data];
  if (expected.dtype !== actual.dtype) return `is ${actual.dtype} for ${expected.dtype}`;
  // 8-bit integers are quantized numbers; rounding by a quarter step before the quantizer may move them to the next one.
  const step = (expected.dtype === 'int8' || expected.dtype === 'uint8') && epsilon * 255 >= 0.25 ? 1 : 0;
  for (let i = 0; i < r.length; i++) {
    if (r[i] === t[i] || moved.some(({ data }) => data[i] !== r[i])) continue;
    if (Math.abs(Number(r[i]) - Number(t[i])) <= step) continue;
    return `element ${i} is ${t[i]} for ${r[i]}`;
  }
  return null;
}

function floatDifference(
  expected: Tensor,
  actual: Tensor,
  moved: readonly Tensor[],
  { rounding, nodes }: ComparisonRequest,
): string | null {
  if (!floatTypes.has(actual.dtype)) return `is ${actual.dtype} for ${expected.dtype}`;
  const [r, t] = [toFloat32(expected), toFloat32(actual)];
  const others = moved.map(toFloat32);
  const scale = r.reduce(
    (largest, value) => (Number.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest),
    0,
  );
  const depth = 2 * Math.sqrt(1 + nodes);
  const everywhere = depth * (rounding.epsilon * scale + rounding.smallest + typicalMove(r, others));
  let worst = 0;
  let found: string | null = null;
  for (let i = 0; i < r.length; i++) {
    const [reference, value] = [r[i]!, t[i]!];
    if (Object.is(reference, value) || reference === value) continue;
    const move = others.reduce((largest, other) => Math.max(largest, Math.abs(other[i]! - reference)), 0);
    const error = Math.abs(value - reference);
    // NaN on one side, or infinity on one side, makes the error NaN or infinite: only a move of the same kind excuses it.
    const excused = Number.isFinite(error) ? error <= everywhere + depth * move : !Number.isFinite(move);
    if (excused || (Number.isFinite(error) && error <= worst)) continue;
    worst = error;
    found = `element ${i} is ${value} for ${reference} (allowed ±${(everywhere + depth * move).toPrecision(3)}, scale ${scale.toPrecision(3)})`;
    if (!Number.isFinite(error)) return found;
  }
  return found;
}

/** Root mean square of what moved, without the largest twentieth: jumps of single elements must not excuse the others. */
function typicalMove(reference: Float32Array, moved: readonly Float32Array[]): number {
  const moves: number[] = [];
  for (const other of moved) {
    for (let i = 0; i < reference.length; i++) {
      const move = Math.abs(other[i]! - reference[i]!);
      if (Number.isFinite(move)) moves.push(move);
    }
  }
  moves.sort((a, b) => a - b);
  const kept = moves.slice(0, Math.ceil(moves.length * 0.95));
  return kept.length === 0 ? 0 : Math.sqrt(kept.reduce((sum, move) => sum + move * move, 0) / kept.length);
}

function addPower(expected: Tensor, actual: Tensor, power: { signal: number; noise: number; floats: number }): void {
  if (!floatTypes.has(actual.dtype) || actual.data.length !== expected.data.length) return;
  const [r, t] = [toFloat32(expected), toFloat32(actual)];
  power.floats += 1;
  for (let i = 0; i < r.length; i++) {
    if (!Number.isFinite(r[i]!) || !Number.isFinite(t[i]!)) continue;
    power.signal += r[i]! * r[i]!;
    power.noise += (r[i]! - t[i]!) ** 2;
  }
}
