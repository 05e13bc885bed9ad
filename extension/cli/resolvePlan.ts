/**
 * How flags and a plan file become one plan. Flags win over the plan file, the plan file over the defaults.
 *
 * torch2trt's words (`--fp16-mode`, `--int8-mode`, `--int8-calib-dataset`, `--int8-calib-algorithm`,
 * `--int8-calib-batch-size`) are understood as what they meant there.
 */
import * as path from 'node:path';
import { relocateDataSource } from '../calibrate/datasets/dataSource';
import { checkPlan } from '../contract/checkSchema';
import type { Plan } from '../contract/plan';
import { checkTargets, possibleVariants } from '../plan/findPlatform';
import { usageError, type ParsedArguments } from './arguments';
import {
  parseAlgorithm,
  parseBindings,
  parseKeep,
  parsePrecisions,
  parseShapes,
  parseShapeValues,
  parseSwitch,
} from './optionValues';
import { readPlanFile, type PlanDraft } from './readPlanFile';

export interface ResolvedPlan {
  readonly plan: Plan;
  /** The folder that the plan's relative paths start from. */
  readonly baseDir: string;
}

/** @throws CodedError USAGE for a malformed flag, PLAN_INVALID for a bad plan file or value */
export function resolvePlan(args: ParsedArguments, cwd: string): ResolvedPlan {
  const planFile = args.text('plan');
  const planPath = planFile === undefined ? null : path.resolve(cwd, planFile);
  const baseDir = planPath === null ? cwd : path.dirname(planPath);
  const draft = planPath === null ? { schemaVersion: 1 } : readPlanFile(planPath);
  const named = draft['precisions'] !== undefined;
  applyFlags(draft, args, (file) => path.relative(baseDir, path.resolve(cwd, file)) || '.', cwd, baseDir);
  if (typeof draft['model'] !== 'string') throw usageError('MODEL is missing.', args.command);
  const plan = checkPlan(draft, planPath ?? 'the command line');
  // Known by name and able to do what is asked, before anything is started.
  const isAsked = named || parsePrecisions(args) !== undefined;
  // Nobody asked for a precision of the defaults that the targets have no hardware for: it is left out, not refused.
  const possible = isAsked ? plan : { ...plan, precisions: possibleVariants(plan) };
  checkTargets(possible);
  return { plan: possible, baseDir };
}

/** Writes the flags over the draft; `local` turns a path typed in the shell into one relative to the plan's folder. */
function applyFlags(
  draft: PlanDraft,
  args: ParsedArguments,
  local: (file: string) => string,
  cwd: string,
  baseDir: string,
): void {
  const section = (name: string): PlanDraft => (draft[name] ??= {}) as PlanDraft;
  const set = (target: PlanDraft, key: string, value: unknown) => {
    if (value !== undefined) target[key] = value;
  };
  const localText = (name: string) => mapDefined(args.text(name), local);
  const localSource = (name: string) =>
    mapDefined(args.text(name), (source) => relocateDataSource(source, cwd, baseDir));

  set(draft, 'model', mapDefined(args.positionals[0], local));
  set(draft, 'precisions', parsePrecisions(args));
  const preprocess = args.text('preprocess');
  if (preprocess !== undefined) draft['preprocess'] = /[/\\.]/.test(preprocess) ? local(preprocess) : preprocess;

  const calibration = section('calibration');
  set(calibration, 'data', localSource('int8-calib-dataset'));
  set(calibration, 'data', localSource('data'));
  set(calibration, 'labels', localText('labels'));
  const algorithm = parseAlgorithm(args);
  set(calibration, 'algorithm', algorithm?.algorithm);
  set(calibration, 'tensorrtCalibrator', algorithm?.tensorrtCalibrator);
  set(calibration, 'percentile', args.number('calib-percentile'));
  set(calibration, 'cutoff', args.number('calib-cutoff'));
  set(calibration, 'samples', args.number('calib-samples'));
  set(calibration, 'batchSize', args.number('int8-calib-batch-size'));
  set(calibration, 'batchSize', args.number('calib-batch-size'));
  set(calibration, 'calibrator', args.text('calibrator'));
  set(calibration, 'table', localText('calib-table'));
  set(calibration, 'cache', localText('calib-cache'));
  set(calibration, 'guardShare', args.number('guard-share'));
  set(calibration, 'equalization', parseSwitch(args, 'equalization'));
  set(calibration, 'biasCorrection', parseSwitch(args, 'bias-correction'));

  const evaluation = section('evaluation');
  set(evaluation, 'data', localSource('eval-data'));
  set(evaluation, 'labels', localText('eval-labels'));
  set(evaluation, 'samples', args.number('eval-samples'));

  const gates = section('gates');
  set(gates, 'maxTop1Drop', args.number('max-top1-drop'));
  set(gates, 'minSqnrDb', args.number('min-sqnr'));
  set(gates, 'minAgreement', args.number('min-agreement'));

  const benchmark = section('benchmark');
  set(benchmark, 'warmupMs', args.number('warmup-ms'));
  set(benchmark, 'durationMs', args.number('duration-ms'));
  set(benchmark, 'iterations', args.number('iterations'));
  set(benchmark, 'batch', args.number('batch'));
  set(benchmark, 'cudaGraph', parseSwitch(args, 'cuda-graph'));
  if (args.flag('spin')) benchmark['spin'] = true;

  const builder = section('builder');
  // torch2trt leaves the choice to the optimizer; where the library has no weak typing the types come from the graph.
  const isTorch2trt = args.flag('fp16-mode') || args.flag('int8-mode');
  set(builder, 'typing', args.text('typing') ?? (isTorch2trt ? (builder['typing'] ?? 'prefer-weak') : undefined));
  set(builder, 'constraints', args.text('constraints'));
  set(builder, 'optimizationLevel', args.number('optimization-level'));
  set(builder, 'workspaceMiB', args.number('workspace'));
  set(builder, 'timingCache', localText('timing-cache'));
  set(builder, 'dla', args.number('dla'));
  set(builder, 'gpuFallback', parseSwitch(args, 'gpu-fallback'));
  if (args.flag('tf32')) builder['tf32'] = true;
  if (args.flag('version-compatible')) builder['versionCompatible'] = true;
  if (args.flag('hardware-compatible')) builder['hardwareCompatible'] = true;
  set(builder, 'weightStorage', args.text('weight-storage'));
  set(builder, 'int4Block', args.number('int4-block'));

  set(draft, 'backend', args.text('backend'));
  const targets = args.all('target').flatMap((text) => text.split(','));
  if (targets.length > 0) draft['targets'] = targets;
  for (const { name, type, formats } of parseBindings(args)) {
    if (type !== undefined) section('bindings')[name] = type;
    if (formats !== undefined) section('formats')[name] = formats;
  }
  const keep = parseKeep(args);
  if (keep.length > 0) draft['keep'] = keep;
  const [shapes = {}, ...profiles] = parseShapes(args);
  Object.assign(section('shapes'), shapes);
  if (profiles.length > 0) draft['profiles'] = profiles;
  Object.assign(section('shapeValues'), parseShapeValues(args));
}

function mapDefined<T, R>(value: T | undefined, map: (value: T) => R): R | undefined {
  return value === undefined ? undefined : map(value);
}
