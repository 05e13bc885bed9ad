/** What `convert` and `calibrate` ask of the pipeline, from their command line. */
import * as path from 'node:path';
import type { ConvertRequest } from '../pipeline';
import { quoteCommand } from './arguments';
import type { CommandContext } from './commands';
import { parseTimeBudget } from './optionValues';
import { resolvePlan } from './resolvePlan';

/** @throws CodedError USAGE, PLAN_INVALID */
export function conversionRequest({ args, argv, cwd }: CommandContext): ConvertRequest {
  const { plan, baseDir } = resolvePlan(args, cwd);
  const modelName = path.basename(plan.model).replace(/\.onnx$/i, '');
  return {
    plan,
    baseDir,
    out: path.resolve(cwd, args.text('out') ?? path.join('precision-bench-out', modelName)),
    command: quoteCommand(['precision-bench', ...argv]),
    python: args.text('python') ?? 'python3',
    timeBudgetMs: parseTimeBudget(args),
  };
}
