/**
 * The values that inputs holding a shape have in the data: what an optimization profile has to say of them where the user says
 * nothing.
 *
 * Comes after `plan/shapeArithmetic.ts`, which tells those inputs; `build/engineRequest.ts` asks for the profile.
 */
import type { ShapeProfile } from '../contract/plan';
import { inferenceFeeds, type SampleSource } from './inferenceFeeds';

/**
 * @param inputs names of integer inputs, a scalar or a list each
 * @returns per input the least and the greatest value of every element over all samples, and as optimum those of the first
 *   sample, whose sizes the other inputs' profiles take, too. An input whose samples differ in length is left out: one
 *   profile cannot hold both.
 * @throws CodedError what the data set throws
 */
export async function observeShapeValues(
  sources: readonly SampleSource[],
  inputs: readonly string[],
  signal?: AbortSignal,
): Promise<Record<string, ShapeProfile>> {
  if (inputs.length === 0) return {};
  const seen = new Map<string, ShapeProfile | null>();
  for (const source of sources) {
    for await (const { feeds } of inferenceFeeds(source, signal)) {
      for (const name of inputs) {
        const values = Array.from(feeds[name]?.data ?? [], Number);
        const known = seen.get(name);
        seen.set(name, known === undefined ? { min: values, opt: values, max: values } : widened(known, values));
      }
    }
  }
  return Object.fromEntries([...seen].flatMap(([name, profile]) => (profile === null ? [] : [[name, profile]])));
}

function widened(profile: ShapeProfile | null, values: readonly number[]): ShapeProfile | null {
  if (profile?.opt.length !== values.length) return null;
  const extreme = (choose: (a: number, b: number) => number, known: readonly number[]) =>
    values.map((value, at) => choose(value, known[at] ?? value));
  return { ...profile, min: extreme(Math.min, profile.min), max: extreme(Math.max, profile.max) };
}
