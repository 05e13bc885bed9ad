/**
 * Writes a plan's paths anew for another folder: a plan file that is saved elsewhere, a form without a file, a command line
 * that is typed in another folder. Which fields hold paths is known here only.
 */
import * as path from 'node:path';
import { relocateDataSource } from '../calibrate/datasets/dataSource';
import type { Plan } from '../contract/plan';

/** Does `resolvePreprocess` take this text for a file, not for a preset's name? */
function isFile(preprocess: string): boolean {
  return /\.jsonc?$/i.test(preprocess) || /[\\/]/.test(preprocess);
}

/**
 * @param from the folder that the plan's relative paths start from
 * @param to the folder that they shall start from
 * @returns the same plan; a path on another drive stays absolute
 */
export function relocatePlan(plan: Plan, from: string, to: string): Plan {
  const moved = (file: string) => toPosix(path.relative(to, path.resolve(from, file)) || '.');
  const file = (value: string | null) => (value === null ? null : moved(value));
  const source = (value: string | null) => (value === null ? null : toPosix(relocateDataSource(value, from, to)));
  const { calibration, evaluation, builder } = plan;
  return {
    ...plan,
    model: moved(plan.model),
    calibration: {
      ...calibration,
      data: source(calibration.data),
      labels: file(calibration.labels),
      table: file(calibration.table),
      cache: file(calibration.cache),
    },
    evaluation: { ...evaluation, data: source(evaluation.data), labels: file(evaluation.labels) },
    preprocess:
      typeof plan.preprocess === 'string' && isFile(plan.preprocess) ? asFile(moved(plan.preprocess)) : plan.preprocess,
    builder: { ...builder, timingCache: file(builder.timingCache) },
  };
}

/** A bare name would be taken for a preset. */
function asFile(file: string): string {
  return isFile(file) ? file : `./${file}`;
}

/** Plans are committed and read on other systems. */
function toPosix(file: string): string {
  return path.sep === '/' ? file : file.replaceAll(path.sep, '/');
}
