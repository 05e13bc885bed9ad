/**
 * Two results of one graph as signals: the ratio of signal to noise of every float output, in dB. Shapes, integers and what
 * is not finite must agree. For random graphs and 8-bit variants, where elements jump by steps (`checkRewrites.ts`).
 */
import { toFloat32 } from '../../extension/calibrate/toFloat32';
import type { NamedTensors, Tensor } from '../../extension/contract/tensor';
import { discreteDifference, floatTypes, type Comparison, type Difference } from './compareOutputs';

/** @param bound the least ratio for an output, in dB */
export function compareSignals(
  expected: NamedTensors,
  actual: NamedTensors,
  bound: (output: string) => number,
): Comparison {
  const differences: Difference[] = [];
  let lowest: number | null = null;
  for (const [output, reference] of Object.entries(expected)) {
    const test = actual[output];
    if (test === undefined || test.dims.join() !== reference.dims.join()) {
      differences.push({
        output,
        what: test === undefined ? 'is missing' : `has shape [${test.dims.join()}] for [${reference.dims.join()}]`,
      });
    } else if (!floatTypes.has(reference.dtype)) {
      const what = discreteDifference(reference, test, [], { epsilon: 0, smallest: 0 });
      if (what !== null) differences.push({ output, what });
    } else if (floatTypes.has(test.dtype)) {
      const { decibels, broken } = signalToNoise(reference, test);
      if (broken !== null) differences.push({ output, what: broken });
      else if (decibels < bound(output)) {
        differences.push({
          output,
          what: `has ${decibels.toFixed(1)} dB, at least ${bound(output).toFixed(1)} dB are due`,
        });
      }
      lowest = Math.min(lowest ?? Infinity, decibels);
    } else differences.push({ output, what: `is ${test.dtype} for ${reference.dtype}` });
  }
  return { differences, sqnrDb: lowest };
}

/** The lowest ratio of each output over several runs on moved inputs. */
export function movedSignals(expected: NamedTensors, moved: readonly NamedTensors[]): Map<string, number> {
  const lowest = new Map<string, number>();
  for (const outputs of moved) {
    for (const [output, reference] of Object.entries(expected)) {
      const test = outputs[output];
      if (test === undefined || !floatTypes.has(reference.dtype) || test.data.length !== reference.data.length)
        continue;
      const { decibels, broken } = signalToNoise(reference, test);
      lowest.set(output, Math.min(lowest.get(output) ?? Infinity, broken === null ? decibels : -Infinity));
    }
  }
  return lowest;
}

/** Infinity for identical values. `broken` names an element that is finite on one side only. */
function signalToNoise(reference: Tensor, test: Tensor): { decibels: number; broken: string | null } {
  const [r, t] = [toFloat32(reference), toFloat32(test)];
  let [signal, noise] = [0, 0];
  for (let i = 0; i < r.length; i++) {
    if (Object.is(r[i], t[i]) || r[i] === t[i]) {
      if (Number.isFinite(r[i]!)) signal += r[i]! * r[i]!;
      continue;
    }
    if (!Number.isFinite(r[i]!) || !Number.isFinite(t[i]!))
      return { decibels: 0, broken: `element ${i} is ${t[i]} for ${r[i]}` };
    signal += r[i]! * r[i]!;
    noise += (r[i]! - t[i]!) ** 2;
  }
  return { decibels: noise === 0 ? Infinity : 10 * Math.log10(signal / noise), broken: null };
}
