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
  const ranges = symbolRanges(inputs, planned);
  const profiles: ShapeProfiles = {};
  for (const input of inputs) {
    const given = planned[input.name];
    if (given !== undefined) {
      profiles[input.name] = given;
    } else if (!isStatic(input)) {
      profiles[input.name] = profileFromData(input, sampleDims[input.name], batch, batchSymbols, ranges);
    }
  }
  symbolRanges(inputs, profiles);
  return profiles;
}

/** The sizes that a profile gives to a symbol. */
interface SymbolRange {
  readonly min: number;
  readonly opt: number;
  readonly max: number;
}

/**
 * What a profile says of every symbol. TensorRT takes equal names for equal sizes and refuses a profile that does not.
 * @throws CodedError PLAN_INVALID where two axes of one name have different sizes
 */
function symbolRanges(inputs: readonly ValueSpec[], profiles: ShapeProfiles): Map<string, SymbolRange> {
  const ranges = new Map<string, SymbolRange & { readonly input: string }>();
  for (const input of inputs) {
    const profile = profiles[input.name];
    if (profile === undefined) continue;
    for (const [axis, symbol] of (input.shape ?? []).entries()) {
      if (typeof symbol !== 'string' || symbol === '') continue;
      const [min = 0, opt = 0, max = 0] = [profile.min[axis], profile.opt[axis], profile.max[axis]];
      const known = ranges.get(symbol);
      if (known === undefined) ranges.set(symbol, { min, opt, max, input: input.name });
      else if (known.min !== min || known.opt !== opt || known.max !== max) {
        const [here, there] = [`${min}:${opt}:${max}`, `${known.min}:${known.opt}:${known.max}`];
        throw invalid(input, `has ${here} for "${symbol}" (axis ${axis}), and ${known.input} has ${there} for it`);
      }
    }
  }
  return ranges;
}

function isStatic({ shape }: ValueSpec): boolean {
  return shape?.every((size) => typeof size === 'number' && size >= 0) ?? false;
}

function profileFromData(
  input: ValueSpec,
  sample: readonly number[] | undefined,
  batch: BatchSizes,
  batchSymbols: ReadonlySet<unknown>,
  ranges: ReadonlyMap<string, SymbolRange>,
): ShapeProfile {
  const profile: ShapeProfile = { min: [], opt: [], max: [] };
  const rank = input.shape?.length ?? sample?.length;
  if (rank === undefined) throw invalid(input, 'has no declared rank, and there is no data to take its shape from');
  if (sample !== undefined && sample.length !== rank) {
    throw invalid(input, `has ${rank} axes in the model and ${sample.length} in the data`);
  }
  for (let axis = 0; axis < rank; axis++) {
    const declared = input.shape?.[axis];
    const range = typeof declared === 'string' ? ranges.get(declared) : undefined;
    if (range !== undefined) {
      for (const part of ['min', 'opt', 'max'] as const) profile[part].push(range[part]);
      continue;
    }
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

/** The parts of a plan that say something of sizes. */
export type PlannedShapes = Pick<Plan, 'shapes' | 'profiles' | 'shapeValues' | 'formats'>;

/**
 * Checks all that a plan says of sizes before any work: every profile, values of inputs that hold a shape, and the names that
 * layouts are given to.
 *
 * @param outputs names of the graph's outputs, which may have layouts, too
 * @throws CodedError PLAN_INVALID naming the input
 */
export function checkPlannedShapes(
  inputs: readonly ValueSpec[],
  outputs: readonly string[],
  { shapes, profiles, shapeValues, formats }: PlannedShapes,
): void {
  checkShapeProfiles(inputs, shapes);
  for (const profile of profiles) checkShapeProfiles(inputs, { ...shapes, ...profile });
  checkNames(inputs, shapeValues, 'shapeValues', 'values of a shape');
  for (const input of inputs) {
    const given = shapeValues[input.name];
    if (given !== undefined) checkShapeValues(input, given);
  }
  const bindings = [...inputs.map(({ name }) => name), ...outputs];
  for (const name of Object.keys(formats)) {
    if (!bindings.includes(name)) throw unknownName(name, bindings, 'formats', 'a memory layout', 'input or output');
  }
}

/** One value for every element, of an input of integers. */
function checkShapeValues(input: ValueSpec, { min, opt, max }: ShapeProfile): void {
  const field = `shapeValues.${input.name}`;
  const refuse = (what: string) =>
    new CodedError({
      code: 'PLAN_INVALID',
      reason: `Input ${input.name} ${what}.`,
      fix: `Give the values that it holds as --shape-values ${input.name}=MIN:OPT:MAX, as 1x64:1x128:1x256.`,
      place: { field },
    });
  if (input.dtype !== 'int32' && input.dtype !== 'int64') throw refuse(`is ${input.dtype}, which holds no shape`);
  const length = input.shape?.length === 0 ? 1 : (input.shape?.[0] ?? opt.length);
  for (const values of [min, opt, max]) {
    const isFitting =
      typeof length !== 'number' || length < 0 ? values.length === opt.length : values.length === length;
    if (!isFitting) throw refuse(`has ${String(length)} elements, the plan gives ${values.length} values`);
  }
  const wrong = opt.findIndex((best, at) => (min[at] ?? 0) > best || best > (max[at] ?? 0));
  if (wrong >= 0) throw refuse(`needs min ≤ opt ≤ max for element ${wrong}`);
}

/**
 * Checks one profile: names, rank, static sizes, MIN ≤ OPT ≤ MAX.
 * @throws CodedError PLAN_INVALID naming the input
 */
export function checkShapeProfiles(inputs: readonly ValueSpec[], planned: ShapeProfiles): void {
  checkNames(inputs, planned, 'shapes', 'a shape');
  for (const input of inputs) {
    const given = planned[input.name];
    if (given !== undefined) checkProfile(input, given);
  }
}

function checkNames(inputs: readonly ValueSpec[], planned: ShapeProfiles, field: string, what: string): void {
  const names = inputs.map(({ name }) => name);
  for (const name of Object.keys(planned)) {
    if (!names.includes(name)) throw unknownName(name, names, field, what, 'input');
  }
}

function unknownName(name: string, known: readonly string[], field: string, what: string, kind: string): CodedError {
  const nearest = nearestName(name, known);
  return new CodedError({
    code: 'PLAN_INVALID',
    reason: `The plan has ${what} for ${name}, which is not an ${kind} of the model.`,
    fix: nearest === null ? `There are ${known.join(', ')}.` : `Did you mean ${nearest}?`,
    place: { field: `${field}.${name}` },
  });
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
