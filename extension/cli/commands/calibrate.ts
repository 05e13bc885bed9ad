/** `calibrate`: a calibration table, and TensorRT's own cache file of it where asked for. */
import * as path from 'node:path';
import { readCalibrationTable } from '../../calibrate/calibrationTable';
import { cacheScales, calibratorFor, writeTensorrtCache, type TensorrtVersion } from '../../calibrate/tensorrtCache';
import { calibrate } from '../../pipeline';
import { usageError } from '../arguments';
import type { Command } from '../commands';
import { conversionRequest } from '../conversionRequest';
import { calibrationOptions, outOption, planOption } from '../convertOptions';

export const calibrateCommand: Command = {
  spec: {
    name: 'calibrate',
    summary: 'Observes MODEL on data and writes a calibration table (JSON).',
    positionals: 'MODEL',
    minPositionals: 0,
    maxPositionals: 1,
    options: {
      ...planOption,
      ...calibrationOptions,
      'tensorrt-cache': { type: 'string', value: 'FILE', help: "also write TensorRT's calibration cache" },
      'tensorrt-version': { type: 'string', value: 'V', help: 'the version in its header, as 8.6.1 (10.6.0)' },
      ...outOption,
      json: { type: 'boolean', help: 'print the table as one JSON document on stdout' },
      quiet: { type: 'boolean', help: 'no progress on stderr' },
      help: { type: 'boolean', help: 'this text' },
    },
  },
  run: async (context) => {
    const { args, cwd, worker, options, print } = context;
    const request = conversionRequest(context);
    const plan = { ...request.plan, precisions: ['int8' as const] };
    const { table, summary, warnings } = await calibrate({ ...request, plan }, worker(), options);
    const content = await readCalibrationTable(table);
    const cache = args.text('tensorrt-cache');
    if (cache !== undefined) {
      await writeTensorrtCache(
        cacheScales(content),
        parseVersion(args.text('tensorrt-version') ?? '10.6.0'),
        calibratorFor(plan.calibration.algorithm),
        path.resolve(cwd, cache),
      );
    }
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    if (args.flag('json')) {
      print(`${JSON.stringify(content, null, 2)}\n`);
    } else {
      const seconds = summary.seconds === null ? '' : ` in ${summary.seconds.toFixed(1)} s`;
      const how = summary.cacheHit ? 'reused' : `from ${summary.samples} samples${seconds}`;
      print(`${summary.tensors} tensors, ${summary.algorithm}, ${how}: ${path.relative(cwd, table)}\n`);
    }
    return 'done';
  },
};

function parseVersion(text: string): TensorrtVersion {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null)
    throw usageError(`--tensorrt-version: ${JSON.stringify(text)} is not of the form 8.6.1.`, 'calibrate');
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3] ?? 0) };
}
