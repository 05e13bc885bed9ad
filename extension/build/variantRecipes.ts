/**
 * How each variant of a plan is made: which graph is compiled, who chooses the types, who sets the scales.
 *
 * Decided from the plan and the builder alone, before any work: a variant that this TensorRT cannot make is refused at once.
 * Comes after `chooseEngineBuilder.ts`; the stages `write` and `build` follow the recipes.
 */
import { CodedError } from '../contract/errors';
import {
  precisionOf,
  variantNames,
  type Plan,
  type Precision,
  type VariantName,
  type WeightStorage,
} from '../contract/plan';
import type { TensorrtCalibratorName, Typing, VariantRecipe } from '../contract/stageMethods';
import type { EngineBuilder } from './chooseEngineBuilder';

/** The typings that a TensorRT has. */
export function typingsOf({ name, version }: Pick<EngineBuilder, 'name' | 'version'>): readonly Typing[] {
  if (name === 'tensorrt-rtx') return ['strong'];
  const major = majorOf(version);
  // Strongly typed networks came after 8, weakly typed ones went with 11.
  if (major === 8) return ['weak'];
  return major === 10 ? ['strong', 'weak'] : ['strong'];
}

export function majorOf(version: string | null): number | null {
  const major = Number.parseInt(version ?? '', 10);
  return Number.isNaN(major) ? null : major;
}

/**
 * The variants of a plan, the baseline first.
 *
 * @param builder null where no engines are built
 * @throws CodedError PRECISION_UNSUPPORTED, PLAN_INVALID for what no TensorRT here can make
 */
export function variantRecipes(plan: Plan, builder: EngineBuilder | null): VariantRecipe[] {
  return variantNames
    .filter((name) => name === 'fp32' || plan.precisions.includes(name))
    .map((name) => recipeOf(name, plan, builder));
}

/**
 * A strongly typed INT8 variant as a weakly typed one, with the same Q/DQ; null where this TensorRT has no such networks or the plan asks
 * for a typing. TensorRT 10.6 ends with an internal error of its own where a convolution computes a GELU in FP16 and stores 8 bits
 * (docs/measurements/h200-trt10.6); weakly typed, it builds the same graph.
 */
export function weaklyTyped(recipe: VariantRecipe, plan: Plan, builder: EngineBuilder): VariantRecipe | null {
  const isCandidate = recipe.name === 'int8' && recipe.typing === 'strong' && recipe.calibrator === 'builtin';
  if (!isCandidate || plan.builder.typing !== 'auto' || !typingsOf(builder).includes('weak')) return null;
  return recipeOf(recipe.name, { ...plan, builder: { ...plan.builder, typing: 'weak' } }, builder);
}

function recipeOf(name: VariantName, plan: Plan, builder: EngineBuilder | null): VariantRecipe {
  const precision = precisionOf(name);
  const calibrator = calibratorOf(name, plan);
  const typing = typingOf(name, calibrator, plan, builder);
  // Types that the optimizer chooses are not in the graph, but for Q/DQ, which carry the scales.
  const isChosenByOptimizer = typing === 'weak' && calibrator !== 'builtin';
  return {
    name,
    precision,
    graph: isChosenByOptimizer ? 'fp32' : precision,
    typing,
    tf32: name === 'tf32' || plan.builder.tf32,
    calibrator,
    rest: typing === 'weak' ? 'fp32' : 'fp16',
    weightStorage: weightStorageOf(plan, builder),
    int4Block: plan.builder.int4Block,
  };
}

/** TensorRT 8 refuses initializers of 8 bits. */
function weightStorageOf({ builder: { weightStorage } }: Plan, builder: EngineBuilder | null): WeightStorage {
  const needsFloats = builder?.name === 'tensorrt' && majorOf(builder.version) === 8;
  return weightStorage === 'auto' && needsFloats ? 'float' : weightStorage;
}

/** Who sets the scales; null where there are none. */
function calibratorOf(name: VariantName, { calibration }: Plan): VariantRecipe['calibrator'] {
  const precision = precisionOf(name);
  if (precision === 'fp8') return 'builtin';
  if (precision !== 'int8') return null;
  if (name === 'int8-tensorrt') return nameOfCalibrator(calibration);
  // `int8-weak` is Q/DQ under an optimizer of its own mind, whatever `int8` is.
  return name === 'int8' && calibration.calibrator === 'tensorrt' ? nameOfCalibrator(calibration) : 'builtin';
}

/** @throws CodedError PLAN_INVALID for an algorithm that TensorRT has no calibrator for */
function nameOfCalibrator(calibration: Plan['calibration']): TensorrtCalibratorName {
  const { algorithm, calibrator, tensorrtCalibrator } = calibration;
  if (tensorrtCalibrator !== null) return tensorrtCalibrator;
  if (algorithm === 'minmax' || algorithm === 'legacy') return algorithm;
  const hasNone = algorithm === 'percentile' || algorithm === 'mse';
  // With our own calibrators beside it, the algorithm is theirs.
  if (!hasNone || calibrator === 'builtin') return 'entropy2';
  throw new CodedError({
    code: 'PLAN_INVALID',
    reason: `TensorRT has no calibrator for the algorithm ${algorithm}; it has entropy, minmax and legacy.`,
    fix:
      algorithm === 'percentile'
        ? 'Use --calib-algorithm legacy, whose quantile is --calib-percentile, or leave out --calibrator tensorrt.'
        : 'Choose one of them with --calib-algorithm, or leave out --calibrator tensorrt.',
    place: { field: 'calibration.algorithm' },
  });
}

function typingOf(
  name: VariantName,
  calibrator: VariantRecipe['calibrator'],
  plan: Plan,
  builder: EngineBuilder | null,
): Typing {
  const possible = builder === null ? (['strong'] as const) : typingsOf(builder);
  const [usual = 'strong'] = possible;
  const isTensorrtCalibrated = calibrator !== null && calibrator !== 'builtin';
  const mustBeWeak = name.endsWith('-weak') || isTensorrtCalibrated;
  if (name === 'tf32' && builder === null) throw noEngines(name);
  // FP32 is all that an FP32 network can be.
  if (precisionOf(name) === 'fp32') return usual;
  const asked = mustBeWeak ? 'weak' : plan.builder.typing;
  if (precisionOf(name) === 'int4') return typingOfInt4(asked, possible, builder);
  if (asked === 'auto') return usual;
  if (asked === 'prefer-weak') return possible.find((typing) => typing === 'weak') ?? usual;
  if (possible.some((typing) => typing === asked)) return asked;
  throw impossibleTyping(name, asked, isTensorrtCalibrated, builder);
}

/** INT4 weights are in the graph, and with them all types. */
function typingOfInt4(
  asked: Plan['builder']['typing'],
  possible: readonly Typing[],
  builder: EngineBuilder | null,
): Typing {
  if (asked !== 'weak' && possible.includes('strong')) return 'strong';
  const here = builder === null ? 'no builder' : `${builder.name} ${builder.version ?? ''}`.trimEnd();
  throw new CodedError({
    code: 'PRECISION_UNSUPPORTED',
    reason:
      asked === 'weak'
        ? 'The variant int4 has its types in the graph, and the plan asks for weak typing.'
        : `The variant int4 takes its types from the graph, which only TensorRT 10, 11 and RTX can do; here it is ${here}.`,
    fix:
      asked === 'weak'
        ? 'Use --typing auto or prefer-weak, or leave out int4.'
        : 'Leave out int4, or build with TensorRT 10 or newer.',
    place: { field: asked === 'weak' ? 'builder.typing' : 'precisions' },
  });
}

function impossibleTyping(
  name: VariantName,
  asked: Typing,
  isTensorrtCalibrated: boolean,
  builder: EngineBuilder | null,
): CodedError {
  const what = isTensorrtCalibrated
    ? "has its scales from TensorRT's own calibrator"
    : asked === 'weak'
      ? 'leaves the choice of types to the optimizer'
      : 'takes its types from the graph';
  const who = asked === 'weak' ? 'TensorRT 8 and 10' : 'TensorRT 10, 11 and RTX';
  const here =
    builder === null
      ? 'none that builds engines is here'
      : `here it is ${builder.name} ${builder.version ?? ''}`.trimEnd();
  const plain: Precision = precisionOf(name);
  return new CodedError({
    code: 'PRECISION_UNSUPPORTED',
    reason: `The variant ${name} ${what}, which only ${who} can do; ${here}.`,
    fix:
      asked === 'weak'
        ? `Ask for ${plain} with the default typing${isTensorrtCalibrated ? ' and calibrator' : ''}, or run where TensorRT 8 or 10 finds a GPU.`
        : 'Use --typing auto.',
    place: { field: isTensorrtCalibrated ? 'calibration.calibrator' : 'builder.typing' },
  });
}

function noEngines(name: VariantName): CodedError {
  return new CodedError({
    code: 'PRECISION_UNSUPPORTED',
    reason: `The variant ${name} is a mode of a GPU, and no engines are built in this run.`,
    fix: 'Run where TensorRT finds a GPU, or name an architecture with --target.',
    place: { field: 'precisions' },
  });
}

/** The precisions whose graphs need scales of ours. */
export function calibratedPrecisions(recipes: readonly VariantRecipe[]): Precision[] {
  return [...new Set(recipes.filter(({ calibrator }) => calibrator === 'builtin').map(({ precision }) => precision))];
}
