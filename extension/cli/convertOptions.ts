/**
 * `convert`'s flags, and how they and a plan file become one plan. Flags win over the plan file, the plan file over the
 * defaults.
 *
 * torch2trt's words (`--fp16-mode`, `--int8-mode`, `--int8-calib-dataset`, `--int8-calib-algorithm`,
 * `--int8-calib-batch-size`) are understood as what they meant there.
 */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { parse as parseJsonc, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { checkPlan } from '../contract/checkSchema';
import { CodedError } from '../contract/errors';
import { calibrationAlgorithms, precisions, type CalibrationAlgorithm, type Plan } from '../contract/plan';
import { nearestName } from '../contract/nearestName';
import { usageError, type CommandSpec, type ParsedArguments } from './arguments';
import { relocateDataSource } from '../calibrate/datasets/dataSource';

/** Options that shape calibration: shared by `convert` and `calibrate`. */
export const calibrationOptions = {
  data: { type: 'string', value: 'D', help: 'calibration data; evaluation too, split and never shared' },
  labels: { type: 'string', value: 'FILE', help: 'labels for the data, where it has none' },
  preprocess: { type: 'string', value: 'PRESET|FILE', help: 'none, imagenet, …; the same for every precision' },
  'calib-algorithm': { type: 'string', value: 'A', help: calibrationAlgorithms.join('|') },
  'calib-percentile': { type: 'string', value: 'P', help: 'percentile algorithm: share kept, in percent (99.99)' },
  'calib-cutoff': { type: 'string', value: 'C', help: 'legacy algorithm: regression cutoff, 0–1' },
  'calib-samples': { type: 'string', value: 'N', help: 'at most this many calibration samples' },
  'calib-batch-size': { type: 'string', value: 'N', help: 'samples per inference; does not change the result' },
  'calib-table': { type: 'string', value: 'FILE', help: 'a calibration table to reuse' },
  calibrator: { type: 'string', value: 'C', help: 'builtin|tensorrt' },
  'int8-calib-dataset': { type: 'string', value: 'D', help: "torch2trt's word for --data" },
  'int8-calib-algorithm': { type: 'string', value: 'A', help: "torch2trt's word: ENTROPY_CALIBRATION_2, …" },
  'int8-calib-batch-size': { type: 'string', value: 'N', help: "torch2trt's word for --calib-batch-size" },
  python: { type: 'string', value: 'EXE', help: 'interpreter for file.py:ClassName data sets (python3)' },
} as const satisfies CommandSpec['options'];

export const convertSpec: CommandSpec = {
  name: 'convert',
  summary: 'Rewrites MODEL in each precision, builds engines, measures them and writes a report.',
  positionals: 'MODEL',
  minPositionals: 0,
  maxPositionals: 1,
  options: {
    plan: { type: 'string', value: 'FILE', help: 'a *.trtplan.json; flags win over it' },
    precisions: { type: 'string', value: 'LIST', help: `of ${precisions.join(',')}; fp32 is always the baseline` },
    ...calibrationOptions,
    'eval-data': { type: 'string', value: 'D', help: 'evaluation data of its own' },
    'eval-labels': { type: 'string', value: 'FILE', help: 'labels for --eval-data' },
    'eval-samples': { type: 'string', value: 'N', help: 'at most this many evaluation samples' },
    io: { type: 'string', multiple: true, value: 'NAME=TYPE', help: 'type of a graph input or output' },
    keep: { type: 'string', multiple: true, value: 'MATCH=TYPE', help: 'NODE, glob or OP:Type kept in fp32 or fp16' },
    shape: { type: 'string', multiple: true, value: 'NAME=MIN:OPT:MAX', help: 'as x=1x3x224x224:8x…:32x…' },
    backend: { type: 'string', value: 'B', help: 'auto|onnxruntime|tensorrt|tensorrt-rtx' },
    target: { type: 'string', multiple: true, value: 'sm_89', help: 'GPU architecture to build engines for' },
    'max-top1-drop': { type: 'string', value: 'X', help: 'gate: largest drop of the task metric, as a share' },
    'min-sqnr': { type: 'string', value: 'DB', help: 'gate: smallest SQNR of any output' },
    'min-agreement': { type: 'string', value: 'X', help: 'gate: smallest agreement with fp32, as a share' },
    'warmup-ms': { type: 'string', value: 'MS', help: 'latency: warm-up per variant' },
    'duration-ms': { type: 'string', value: 'MS', help: 'latency: at least this long per variant' },
    batch: { type: 'string', value: 'N', help: 'latency: samples per inference' },
    'fp16-mode': { type: 'boolean', help: "torch2trt's word for --precisions fp16" },
    'int8-mode': { type: 'boolean', help: "torch2trt's word for --precisions int8" },
    'time-budget': { type: 'string', value: '10m', help: 'then evaluate and measure only as much as time is left' },
    out: { type: 'string', value: 'DIR', help: 'output folder (precision-bench-out/MODEL)' },
    json: { type: 'boolean', help: 'print the report as one JSON document on stdout' },
    quiet: { type: 'boolean', help: 'no progress on stderr' },
    help: { type: 'boolean', help: 'this text' },
  },
};

/** TensorRT's `CalibrationAlgoType` names as torch2trt users type them. */
const torch2trtAlgorithms: Readonly<Record<string, CalibrationAlgorithm>> = {
  LEGACY_CALIBRATION: 'legacy',
  ENTROPY_CALIBRATION: 'entropy',
  ENTROPY_CALIBRATION_2: 'entropy',
  MINMAX_CALIBRATION: 'minmax',
};

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
  applyFlags(draft, args, (file) => path.relative(baseDir, path.resolve(cwd, file)) || '.', cwd, baseDir);
  if (typeof draft['model'] !== 'string') throw usageError('MODEL is missing.', 'convert');
  return { plan: checkPlan(draft, planPath ?? 'the command line'), baseDir };
}

type Draft = Record<string, unknown>;

/** @throws CodedError PLAN_INVALID */
export function readPlanFile(file: string): Draft {
  const invalid = (reason: string) =>
    new CodedError({
      code: 'PLAN_INVALID',
      reason,
      fix: 'Give a plan written by Precision Bench or see schemas/trtplan.schema.json.',
      place: { file },
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(`The plan ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const errors: ParseError[] = [];
  const parsed: unknown = parseJsonc(text, errors, { allowTrailingComma: true });
  const first = errors[0];
  if (first !== undefined) {
    const line = text.slice(0, first.offset).split('\n').length;
    throw invalid(`The plan ${file} is not JSON: ${printParseErrorCode(first.error)} in line ${line}.`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalid(`The plan ${file} is not a JSON object.`);
  }
  return parsed as Draft;
}

/** Writes the flags over the draft; `local` turns a path typed in the shell into one relative to the plan's folder. */
function applyFlags(
  draft: Draft,
  args: ParsedArguments,
  local: (file: string) => string,
  cwd: string,
  baseDir: string,
): void {
  const section = (name: string): Draft => (draft[name] ??= {}) as Draft;
  const set = (target: Draft, key: string, value: unknown) => {
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
  set(calibration, 'algorithm', parseAlgorithm(args));
  set(calibration, 'percentile', parseNumber(args, 'calib-percentile'));
  set(calibration, 'cutoff', parseNumber(args, 'calib-cutoff'));
  set(calibration, 'samples', parseNumber(args, 'calib-samples'));
  set(calibration, 'batchSize', parseNumber(args, 'int8-calib-batch-size'));
  set(calibration, 'batchSize', parseNumber(args, 'calib-batch-size'));
  set(calibration, 'calibrator', args.text('calibrator'));
  set(calibration, 'table', localText('calib-table'));

  const evaluation = section('evaluation');
  set(evaluation, 'data', localSource('eval-data'));
  set(evaluation, 'labels', localText('eval-labels'));
  set(evaluation, 'samples', parseNumber(args, 'eval-samples'));

  const gates = section('gates');
  set(gates, 'maxTop1Drop', parseNumber(args, 'max-top1-drop'));
  set(gates, 'minSqnrDb', parseNumber(args, 'min-sqnr'));
  set(gates, 'minAgreement', parseNumber(args, 'min-agreement'));

  const benchmark = section('benchmark');
  set(benchmark, 'warmupMs', parseNumber(args, 'warmup-ms'));
  set(benchmark, 'durationMs', parseNumber(args, 'duration-ms'));
  set(benchmark, 'batch', parseNumber(args, 'batch'));

  set(draft, 'backend', args.text('backend'));
  const targets = args.all('target').flatMap((text) => text.split(','));
  if (targets.length > 0) draft['targets'] = targets;
  for (const text of args.all('io')) {
    const [name, type] = splitLast(text, '=', 'io', 'NAME=TYPE');
    section('bindings')[name] = type;
  }
  const keep = args.all('keep').map((text) => {
    const [match, precision] = splitLast(text, '=', 'keep', 'MATCH=TYPE');
    return { match: match.replace(/^OP=/, 'OP:'), precision };
  });
  if (keep.length > 0) draft['keep'] = keep;
  for (const text of args.all('shape')) {
    const [name, profile] = splitLast(text, '=', 'shape', 'NAME=MIN:OPT:MAX');
    section('shapes')[name] = parseProfile(profile, text);
  }
}

function mapDefined<T, R>(value: T | undefined, map: (value: T) => R): R | undefined {
  return value === undefined ? undefined : map(value);
}

function parsePrecisions(args: ParsedArguments): string[] | undefined {
  const named =
    args
      .text('precisions')
      ?.split(',')
      .map((name) => name.trim().toLowerCase()) ?? [];
  for (const name of named) {
    if ((precisions as readonly string[]).includes(name)) continue;
    const nearest = nearestName(name, precisions);
    throw usageError(
      `--precisions: ${JSON.stringify(name)} is none of ${precisions.join(', ')}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
      'convert',
    );
  }
  if (args.flag('fp16-mode')) named.push('fp16');
  if (args.flag('int8-mode')) named.push('int8');
  if (named.length === 0) return undefined;
  return precisions.filter((precision) => precision === 'fp32' || named.includes(precision));
}

function parseAlgorithm(args: ParsedArguments): CalibrationAlgorithm | undefined {
  const given = args.text('calib-algorithm') ?? args.text('int8-calib-algorithm');
  if (given === undefined) return undefined;
  const old = torch2trtAlgorithms[given.replace(/^.*\./, '').toUpperCase()];
  if (old !== undefined) return old;
  const known = calibrationAlgorithms.find((name) => name === given.toLowerCase());
  if (known !== undefined) return known;
  const names = [...calibrationAlgorithms, ...Object.keys(torch2trtAlgorithms)];
  const nearest = nearestName(given, names);
  throw usageError(
    `--calib-algorithm: ${JSON.stringify(given)} is unknown${nearest === null ? '' : `; did you mean ${nearest}?`}`,
    'convert',
  );
}

/** `90s`, `10m`, `1.5h` in milliseconds; null when not given. @throws CodedError USAGE */
export function parseTimeBudget(args: ParsedArguments): number | null {
  const text = args.text('time-budget');
  if (text === undefined) return null;
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  const unit = { s: 1, m: 60, h: 3600 }[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    throw usageError(`--time-budget: ${JSON.stringify(text)} is not a time such as 90s, 10m or 1.5h.`, 'convert');
  }
  return Number(match[1]) * unit * 1000;
}

function parseNumber(args: ParsedArguments, name: string): number | undefined {
  const text = args.text(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw usageError(`--${name}: ${JSON.stringify(text)} is not a number.`, 'convert');
  }
  return value;
}

/** Splits at the last separator, since node and tensor names may hold it too. */
function splitLast(text: string, separator: string, option: string, form: string): [string, string] {
  const at = text.lastIndexOf(separator);
  if (at <= 0 || at === text.length - 1) {
    throw usageError(`--${option}: ${JSON.stringify(text)} is not of the form ${form}.`, 'convert');
  }
  return [text.slice(0, at), text.slice(at + 1)];
}

function parseProfile(profile: string, text: string): { min: number[]; opt: number[]; max: number[] } {
  const shapes = profile.split(':').map((shape) => shape.split('x').map(Number));
  const [min, opt = min, max = opt] = shapes;
  if (shapes.length > 3 || min === undefined || opt === undefined || max === undefined) {
    throw usageError(`--shape: ${JSON.stringify(text)} is not of the form NAME=MIN:OPT:MAX.`, 'convert');
  }
  if (![...min, ...opt, ...max].every((size) => Number.isInteger(size) && size >= 0)) {
    throw usageError(`--shape: ${JSON.stringify(text)} has a size that is not a whole number.`, 'convert');
  }
  return { min, opt, max };
}
