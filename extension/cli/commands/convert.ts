/** `convert`: the main job. */
import * as path from 'node:path';
import { checkGates } from '../../compare/checkGates';
import { CodedError, type ErrorCode } from '../../contract/errors';
import { convert } from '../../pipeline';
import { renderTable } from '../../report/renderTable';
import type { Command } from '../commands';
import { conversionRequest } from '../conversionRequest';
import { convertSpec } from '../convertOptions';
import { tableOptions } from '../terminal';

export const convertCommand: Command = {
  spec: convertSpec,
  run: async (context) => {
    const { args, cwd, worker, options, print } = context;
    const request = conversionRequest(context);
    const report = await convert(request, worker(), options);
    if (args.flag('json')) {
      print(`${JSON.stringify(report, null, 2)}\n`);
    } else {
      print(renderTable(report, tableOptions(process.stdout)));
      print(`\nReport: ${path.relative(cwd, path.join(request.out, 'report.html'))} (and .json, .md, .csv)\n`);
      print(`Reproduce: ${request.command}\n`);
    }
    const failed = checkGates(report.variants, report.plan.gates).filter((gate) => !gate.passed);
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
