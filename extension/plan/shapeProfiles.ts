/**
 * The optimization profile of a model's inputs: what the plan says, completed from the data and checked before any builder
 * is asked, so that a wrong `--shape` is one sentence and not a page of TensorRT's log.
 *
 * Comes after calibration, which saw the data; `backends/tensorrt.ts` hands the profile to TensorRT.
 */
import { CodedError } from '../contract/errors';
import { nearestName } from '../contract/nearestName';
import type { Plan, ShapeProfile } from '../contract/plan';
import type { ValueSpec } from '../contract/tensor';

export type ShapeProfiles = Plan['shapes'];

export interface BatchSizes {
  readonly opt: number;
  readonly max: number;
}

/**
 * A profile for every input that has a size the model leaves open.
 *
 * Where the plan names none: the first axis (the batch) goes from 1 to the batch asked for or the data's size, whichever
 * is larger, as do axes with the same symbol; every other open axis has the size that the data has, since nothing else is
 * known to work.
 *
 * @param sampleDims sizes seen per input with a batch of one
 * @param batch the batches that the engine should be fastest at and take at most
 * @throws CodedError PLAN_INVALID naming the input
 */
export function shapeProfiles(
  inputs: readonly ValueSpec[],
  sampleDims: Readonly<Record<string, readonly number[]>>,
  planned: ShapeProfiles,
  batch: BatchSizes,
): ShapeProfiles {
  checkShapeProfiles(inputs, planned);
  const batchSymbols = new Set(inputs.map(({ shape }) => shape?.[0]).filter((size) => typeof size === 'string'));
  const profiles: ShapeProfiles = {};
  for (const input of inputs) {
    const given = planned[input.name];
    if (given !== undefined) {
      profiles[input.name] = given;
    } else if (!isStatic(input)) {
      profiles[input.name] = profileFromData(input, sampleDims[input.name], batch, batchSymbols);
    }
  }
  return profiles;
}

function isStatic({ shape }: ValueSpec): boolean {
  return shape?.every((size) => typeof size === 'number' && size >= 0) ?? false;
}

function profileFromData(
  input: ValueSpec,
  sample: readonly number[] | undefined,
  batch: BatchSizes,
  batchSymbols: ReadonlySet<unknown>,
): ShapeProfile {
  const profile: ShapeProfile = { min: [], opt: [], max: [] };
  const rank = input.shape?.length ?? sample?.length;
  if (rank === undefined) throw invalid(input, 'has no declared rank, and there is no data to take its shape from');
  if (sample !== undefined && sample.length !== rank) {
    throw invalid(input, `has ${rank} axes in the model and ${sample.length} in the data`);
  }
  for (let axis = 0; axis < rank; axis++) {
    const declared = input.shape?.[axis];
    const isOpen = typeof declared !== 'number' || declared < 0;
    const isBatch = isOpen && (axis === 0 || batchSymbols.has(declared));
    const seen = isOpen ? sample?.[axis] : declared;
    if (seen === undefined && !isBatch)
      throw invalid(input, `leaves axis ${axis} open, and there is no data to size it`);
    const size = seen ?? 1;
    profile.min.push(isBatch ? Math.min(1, size) : size);
    profile.opt.push(isBatch ? Math.max(batch.opt, size) : size);
    profile.max.push(isBatch ? Math.max(batch.opt, batch.max, size) : size);
  }
  return profile;
}

/**
 * Checks the shapes of a plan before any work: names, rank, static sizes, MIN ≤ OPT ≤ MAX.
 * @throws CodedError PLAN_INVALID naming the input
 */
export function checkShapeProfiles(inputs: readonly ValueSpec[], planned: ShapeProfiles): void {
  checkNames(inputs, planned);
  for (const input of inputs) {
    const given = planned[input.name];
    if (given !== undefined) checkProfile(input, given);
  }
}

function checkNames(inputs: readonly ValueSpec[], planned: ShapeProfiles): void {
  const names = inputs.map(({ name }) => name);
  for (const name of Object.keys(planned)) {
    if (names.includes(name)) continue;
    const nearest = nearestName(name, names);
    throw new CodedError({
      code: 'PLAN_INVALID',
      reason: `The plan has a shape for ${name}, which is not an input of the model.`,
      fix: nearest === null ? `Its inputs are ${names.join(', ')}.` : `Did you mean ${nearest}?`,
      place: { field: `shapes.${name}` },
    });
  }
}

/** Rank, static sizes, MIN ≤ OPT ≤ MAX. */
function checkProfile(input: ValueSpec, profile: ShapeProfile): void {
  const rank = input.shape?.length ?? profile.opt.length;
  for (const part of ['min', 'opt', 'max'] as const) {
    const sizes = profile[part];
    if (sizes.length !== rank)
      throw invalid(input, `has ${rank} axes, its ${part} shape ${text(sizes)} has ${sizes.length}`);
    for (const [axis, size] of sizes.entries()) {
      const declared = input.shape?.[axis];
      if (typeof declared === 'number' && declared >= 0 && declared !== size) {
        throw invalid(input, `has size ${declared} on axis ${axis}, its ${part} shape ${text(sizes)} says ${size}`);
      }
    }
  }
  const { min, opt, max } = profile;
  for (let axis = 0; axis < rank; axis++) {
    const [low, best, high] = [min[axis] ?? 0, opt[axis] ?? 0, max[axis] ?? 0];
    if (low <= best && best <= high) continue;
    throw invalid(input, `needs min ≤ opt ≤ max on axis ${axis}, the plan says ${low}, ${best}, ${high}`);
  }
}

function text(sizes: readonly number[]): string {
  return sizes.join('x') || 'scalar';
}

function invalid(input: ValueSpec, what: string): CodedError {
  const example = (input.shape ?? []).map((size) => (typeof size === 'number' && size >= 0 ? size : 1)).join('x');
  return new CodedError({
    code: 'PLAN_INVALID',
    reason: `Input ${input.name} ${what}.`,
    fix: `Give its shapes as --shape ${input.name}=MIN:OPT:MAX, for example ${input.name}=${example}:${example}:${example}.`,
    place: { field: `shapes.${input.name}` },
  });
}
