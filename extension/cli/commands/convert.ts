/** `convert`: the main job. */
import * as path from 'node:path';
import { checkGates } from '../../compare/checkGates';
import { CodedError, type ErrorCode } from '../../contract/errors';
import { convert } from '../../pipeline';
import { renderTable } from '../../report/renderTable';
import { quoteCommand } from '../arguments';
import type { Command } from '../commands';
import { convertSpec, parseTimeBudget, resolvePlan } from '../convertOptions';

export const convertCommand: Command = {
  spec: convertSpec,
  run: async ({ args, argv, cwd, worker, options, print }) => {
    const { plan, baseDir } = resolvePlan(args, cwd);
    const modelName = path.basename(plan.model).replace(/\.onnx$/i, '');
    const out = path.resolve(cwd, args.text('out') ?? path.join('precision-bench-out', modelName));
    const command = quoteCommand(['precision-bench', ...argv]);
    const python = args.text('python') ?? 'python3';
    const timeBudgetMs = parseTimeBudget(args);
    const report = await convert({ plan, baseDir, out, command, python, timeBudgetMs }, worker(), options);
    if (args.flag('json')) {
      print(`${JSON.stringify(report, null, 2)}\n`);
    } else {
      print(renderTable(report, { color: useColor(), width: process.stdout.columns ?? 120 }));
      print(`\nReport: ${path.relative(cwd, path.join(out, 'report.html'))} (and .json, .md, .csv)\n`);
      print(`Reproduce: ${command}\n`);
    }
    const failed = checkGates(report.variants, plan.gates).filter((gate) => !gate.passed);
    for (const gate of failed) process.stderr.write(`gate failed: ${gate.message}\n`);
    if (failed.length > 0) return 'gate';
    // The report says what worked; the exit code and stderr say what did not.
    const broken = report.variants.find((variant) => variant.status === 'failed');
    if (broken?.error != null) {
      const { code, reason, fix, place } = broken.error;
      throw new CodedError({
        code: code as ErrorCode,
        reason: `The variant ${broken.name} failed. ${reason}`,
        fix,
        ...(place === undefined ? {} : { place }),
      });
    }
    return 'done';
  },
};

function useColor(): boolean {
  return process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
}
