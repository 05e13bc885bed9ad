/**
 * The command line that does what a plan says: the inverse of `resolvePlan.ts`. Shown live by the convert panel and kept in
 * the report of a run that the editor started.
 *
 * A plan without a file is written as flags. Not everything has one (`builder`, transforms given as steps, …), and which
 * things have changes with the option table, so nothing is listed here twice: flags are taken only if parsing them gives
 * the plan back, and otherwise the line names a plan file.
 */
import * as path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { completePlan } from '../contract/checkSchema';
import { CodedError } from '../contract/errors';
import { precisions, type Plan } from '../contract/plan';
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
  /** The file that holds exactly this plan, or null while there is none. */
  readonly planFile: string | null;
  /** Where the plan would have to be saved if flags cannot say it. */
  readonly planFileIfNeeded: string;
  /** Interpreter, where it is not the default. */
  readonly python: string | null;
}

export interface CommandLine {
  /** As typed in a POSIX shell. */
  readonly text: string;
  /** The words, without `precision-bench`. */
  readonly words: readonly string[];
  /** The plan file that the line reads, or null where flags say all. */
  readonly planFile: string | null;
}

export function commandLine(request: CommandLineRequest): CommandLine {
  const { plan, baseDir, cwd } = request;
  const planFile = request.planFile ?? (flagsSayAll(plan, baseDir, cwd) ? null : request.planFileIfNeeded);
  const from = (file: string) => path.relative(cwd, file) || '.';
  const words = [
    'convert',
    ...(planFile === null ? flagsOf(relocatePlan(plan, baseDir, cwd)) : ['--plan', from(planFile)]),
    ...(request.python === null ? [] : ['--python', request.python]),
    '--out',
    from(request.out),
  ];
  return { text: quoteCommand(['precision-bench', ...words]), words, planFile };
}

/** Does parsing the plan's flags give the plan back? */
function flagsSayAll(plan: Plan, baseDir: string, cwd: string): boolean {
  const { $schema: _, ...here } = relocatePlan(plan, baseDir, cwd);
  try {
    const parsed = resolvePlan(parseArguments(convertSpec, flagsOf(here)), cwd).plan;
    return isDeepStrictEqual(parsed, { ...here, precisions: inOrder(here.precisions) });
  } catch (error) {
    // A name that the syntax of a flag cannot hold.
    if (CodedError.is(error)) return false;
    throw error;
  }
}

/** The baseline and the others in their usual order, as `--precisions` is read: the order decides nothing. */
function inOrder(given: Plan['precisions']): Plan['precisions'] {
  return precisions.filter((precision) => precision === 'fp32' || given.includes(precision));
}

/** The flags for everything that differs from the defaults. @param plan relative to the folder of the command line */
function flagsOf(plan: Plan): string[] {
  const defaults = completePlan({ model: plan.model });
  const { calibration, evaluation, benchmark, gates } = plan;
  const words: string[] = [fileWord(plan.model)];
  const unlessDefault = (name: string, value: string | number | null, usual: string | number | null) => {
    // One word, as a value may begin with a dash.
    if (value !== null && value !== usual) words.push(`--${name}=${value}`);
  };

  unlessDefault('precisions', inOrder(plan.precisions).join(','), defaults.precisions.join(','));
  unlessDefault('data', calibration.data, null);
  unlessDefault('labels', calibration.labels, null);
  if (typeof plan.preprocess === 'string') unlessDefault('preprocess', plan.preprocess, defaults.preprocess as string);
  unlessDefault('calib-algorithm', calibration.algorithm, defaults.calibration.algorithm);
  unlessDefault('calib-percentile', calibration.percentile, defaults.calibration.percentile);
  unlessDefault('calib-cutoff', calibration.cutoff, defaults.calibration.cutoff);
  unlessDefault('calib-samples', calibration.samples, defaults.calibration.samples);
  unlessDefault('calib-batch-size', calibration.batchSize, defaults.calibration.batchSize);
  unlessDefault('calib-table', calibration.table, null);
  unlessDefault('calibrator', calibration.calibrator, defaults.calibration.calibrator);
  unlessDefault('eval-data', evaluation.data, null);
  unlessDefault('eval-labels', evaluation.labels, null);
  unlessDefault('eval-samples', evaluation.samples, null);
  for (const [name, dtype] of Object.entries(plan.bindings)) words.push(`--io=${name}=${dtype}`);
  for (const { match, precision } of plan.keep) words.push(`--keep=${match}=${precision}`);
  for (const [name, { min, opt, max }] of Object.entries(plan.shapes)) {
    words.push(`--shape=${name}=${[min, opt, max].map((shape) => shape.join('x')).join(':')}`);
  }
  unlessDefault('backend', plan.backend, defaults.backend);
  for (const target of plan.targets) words.push(`--target=${target}`);
  unlessDefault('max-top1-drop', gates.maxTop1Drop, null);
  unlessDefault('min-sqnr', gates.minSqnrDb, null);
  unlessDefault('min-agreement', gates.minAgreement, null);
  unlessDefault('warmup-ms', benchmark.warmupMs, defaults.benchmark.warmupMs);
  unlessDefault('duration-ms', benchmark.durationMs, defaults.benchmark.durationMs);
  unlessDefault('batch', benchmark.batch, defaults.benchmark.batch);
  return words;
}

/** A positional that begins with a dash would be an option. */
function fileWord(file: string): string {
  return file.startsWith('-') ? `./${file}` : file;
}
