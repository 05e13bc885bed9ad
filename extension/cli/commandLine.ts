/**
 * The command line that does what a plan says: the inverse of `resolvePlan.ts`. Shown live by the convert panel and kept in
 * the report of a run that the editor started.
 *
 * The line names the plan file, where there is one, and flags for what differs from it (from the defaults, where there is
 * none). Not everything has a flag, and which things have changes with the option table, so nothing is listed here twice:
 * a line is taken only if parsing it gives the plan back. Where none does, it names a plan file that has to be written.
 */
import * as path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { completePlan } from '../contract/checkSchema';
import { CodedError } from '../contract/errors';
import { variantNames, type Plan } from '../contract/plan';
import { parseArguments, quoteCommand } from './arguments';
import { convertSpec } from './convertOptions';
import { relocatePlan } from './relocatePlan';
import { resolvePlan } from './resolvePlan';

export interface CommandLineRequest {
  readonly plan: Plan;
  /** The folder that the plan's relative paths start from. */
  readonly baseDir: string;
  /** The folder that the command line is to be run in. */
  readonly cwd: string;
  /** Output folder. */
  readonly out: string;
  /** A plan file to start from, which may say other things than the plan; null: none. */
  readonly planFile: string | null;
  /** Where the plan has to be written if no line can say it. */
  readonly planFileIfNeeded: string;
  /** Interpreter, where it is not the default. */
  readonly python: string | null;
}

export interface CommandLine {
  /** As typed in a POSIX shell. */
  readonly text: string;
  /** The words, without `precision-bench`. */
  readonly words: readonly string[];
  /** The plan file that has to be written for the line to work, or null. */
  readonly newPlanFile: string | null;
}

export function commandLine(request: CommandLineRequest): CommandLine {
  const from = (file: string) => path.relative(request.cwd, file) || '.';
  const bases = request.planFile === null ? [null] : [from(request.planFile), null];
  const known = bases.map((base) => planWords(request, base)).find((words) => words !== null);
  const words = [
    'convert',
    ...(known ?? ['--plan', from(request.planFileIfNeeded)]),
    ...(request.python === null ? [] : ['--python', request.python]),
    '--out',
    from(request.out),
  ];
  const newPlanFile = known === undefined ? request.planFileIfNeeded : null;
  return { text: quoteCommand(['precision-bench', ...words]), words, newPlanFile };
}

/** The words that say the plan on top of a plan file or of nothing; null where parsing them does not give the plan back. */
function planWords({ plan, baseDir, cwd }: CommandLineRequest, base: string | null): string[] | null {
  const wanted = normalized(relocatePlan(plan, baseDir, cwd));
  const parse = (words: readonly string[]): Plan => {
    const resolved = resolvePlan(parseArguments(convertSpec, words), cwd);
    return normalized(relocatePlan(resolved.plan, resolved.baseDir, cwd));
  };
  try {
    const file = base === null ? [] : ['--plan', base];
    const usual = base === null ? completePlan({ model: wanted.model }) : parse(file);
    const model = base !== null && usual.model === wanted.model ? [] : [fileWord(wanted.model)];
    const words = [...file, ...model, ...flagsOf(wanted, usual)];
    return isDeepStrictEqual(parse(words), wanted) ? words : null;
  } catch (error) {
    // No plan file any more, or a name that the syntax of a flag cannot hold.
    if (CodedError.is(error)) return null;
    throw error;
  }
}

/** Without the note to editors, the baseline first and the other variants in their usual order, which decides nothing. */
function normalized({ $schema: _, ...plan }: Plan): Plan {
  return { ...plan, precisions: variantNames.filter((name) => name === 'fp32' || plan.precisions.includes(name)) };
}

/** The flags for everything that is not as usual. @param plan relative to the folder of the command line */
function flagsOf(plan: Plan, usual: Plan): string[] {
  const words: string[] = [];
  // One word each, as a value may begin with a dash.
  const value = (name: string, own: string | number | null, other: string | number | null) => {
    if (own !== null && own !== other) words.push(`--${name}=${own}`);
  };
  const toggle = (name: string, own: boolean, other: boolean) => {
    if (own !== other) words.push(`--${name}=${own ? 'on' : 'off'}`);
  };
  const flag = (name: string, own: boolean, other: boolean) => {
    if (own && !other) words.push(`--${name}`);
  };
  const list = (name: string, own: readonly string[], other: readonly string[]) => {
    if (!isDeepStrictEqual(own, other)) for (const text of own) words.push(`--${name}=${text}`);
  };
  const { calibration, evaluation, benchmark, builder, gates } = plan;

  // The default precisions are those that the targets can do, so with other targets they have to be said.
  const sameTargets = isDeepStrictEqual(plan.targets, usual.targets);
  value('precisions', plan.precisions.join(','), sameTargets ? usual.precisions.join(',') : null);
  value('data', calibration.data, usual.calibration.data);
  value('labels', calibration.labels, usual.calibration.labels);
  if (typeof plan.preprocess === 'string' && plan.preprocess !== usual.preprocess) {
    words.push(`--preprocess=${plan.preprocess}`);
  }
  value('calib-algorithm', algorithmWord(calibration), algorithmWord(usual.calibration));
  value('calib-percentile', calibration.percentile, usual.calibration.percentile);
  value('calib-cutoff', calibration.cutoff, usual.calibration.cutoff);
  value('calib-samples', calibration.samples, usual.calibration.samples);
  value('calib-batch-size', calibration.batchSize, usual.calibration.batchSize);
  value('calib-table', calibration.table, usual.calibration.table);
  value('calibrator', calibration.calibrator, usual.calibration.calibrator);
  value('calib-cache', calibration.cache, usual.calibration.cache);
  value('guard-share', calibration.guardShare, usual.calibration.guardShare);
  toggle('equalization', calibration.equalization, usual.calibration.equalization);
  toggle('bias-correction', calibration.biasCorrection, usual.calibration.biasCorrection);
  value('eval-data', evaluation.data, usual.evaluation.data);
  value('eval-labels', evaluation.labels, usual.evaluation.labels);
  value('eval-samples', evaluation.samples, usual.evaluation.samples);
  words.push(...bindingFlags(plan, usual));
  list('keep', plan.keep.map(keepText), usual.keep.map(keepText));
  // A name that comes again is of the next profile, so with several profiles all of them are written.
  const several = plan.profiles.length > 0;
  for (const [index, profiles] of [plan.shapes, ...plan.profiles].entries()) {
    for (const [name, profile] of Object.entries(profiles)) {
      value('shape', profileText(name, profile), several || index > 0 ? null : otherProfile(name, usual.shapes[name]));
    }
  }
  for (const [name, profile] of Object.entries(plan.shapeValues)) {
    value('shape-values', profileText(name, profile), otherProfile(name, usual.shapeValues[name]));
  }
  value('backend', plan.backend, usual.backend);
  list('target', plan.targets, usual.targets);
  value('typing', builder.typing, usual.builder.typing);
  value('constraints', builder.constraints, usual.builder.constraints);
  value('weight-storage', builder.weightStorage, usual.builder.weightStorage);
  value('int4-block', builder.int4Block, usual.builder.int4Block);
  flag('tf32', builder.tf32, usual.builder.tf32);
  value('optimization-level', builder.optimizationLevel, usual.builder.optimizationLevel);
  value('workspace', builder.workspaceMiB, usual.builder.workspaceMiB);
  value('timing-cache', builder.timingCache, usual.builder.timingCache);
  value('dla', builder.dla, usual.builder.dla);
  toggle('gpu-fallback', builder.gpuFallback, usual.builder.gpuFallback);
  flag('version-compatible', builder.versionCompatible, usual.builder.versionCompatible);
  flag('hardware-compatible', builder.hardwareCompatible, usual.builder.hardwareCompatible);
  value('max-top1-drop', gates.maxTop1Drop, usual.gates.maxTop1Drop);
  value('min-sqnr', gates.minSqnrDb, usual.gates.minSqnrDb);
  value('min-agreement', gates.minAgreement, usual.gates.minAgreement);
  value('warmup-ms', benchmark.warmupMs, usual.benchmark.warmupMs);
  value('duration-ms', benchmark.durationMs, usual.benchmark.durationMs);
  value('iterations', benchmark.iterations, usual.benchmark.iterations);
  value('batch', benchmark.batch, usual.benchmark.batch);
  toggle('cuda-graph', benchmark.cudaGraph, usual.benchmark.cudaGraph);
  flag('spin', benchmark.spin, usual.benchmark.spin);
  return words;
}

/** `--io`: type and memory layouts of an input or output together. */
function bindingFlags(plan: Plan, usual: Plan): string[] {
  const names = new Set([...Object.keys(plan.bindings), ...Object.keys(plan.formats)]);
  return [...names].flatMap((name) => {
    const [type, formats] = [plan.bindings[name], plan.formats[name]];
    const isUsual = type === usual.bindings[name] && isDeepStrictEqual(formats, usual.formats[name]);
    if (isUsual) return [];
    return [`--io=${name}=${type ?? ''}${formats === undefined ? '' : `:${formats.join('+')}`}`];
  });
}

/** TensorRT's own names of its calibrators say both, the algorithm and the calibrator. */
const tensorrtWords = {
  entropy2: 'ENTROPY_CALIBRATION_2',
  entropy: 'ENTROPY_CALIBRATION',
  minmax: 'MINMAX_CALIBRATION',
  legacy: 'LEGACY_CALIBRATION',
} as const;

function algorithmWord({ algorithm, tensorrtCalibrator }: Plan['calibration']): string {
  return tensorrtCalibrator === null ? algorithm : tensorrtWords[tensorrtCalibrator];
}

function keepText({ match, precision }: Plan['keep'][number]): string {
  return `${match}=${precision}`;
}

function profileText(name: string, { min, opt, max }: Plan['shapes'][string]): string {
  return `${name}=${[min, opt, max].map((shape) => shape.join('x')).join(':')}`;
}

function otherProfile(name: string, profile: Plan['shapes'][string] | undefined): string | null {
  return profile === undefined ? null : profileText(name, profile);
}

/** A positional that begins with a dash would be an option. */
function fileWord(file: string): string {
  return file.startsWith('-') ? `./${file}` : file;
}
