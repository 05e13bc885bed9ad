/** `bench`: latency of ONNX files, interleaved, so that they see the same minutes of the machine. */
import * as path from 'node:path';
import { completePlan } from '../../contract/checkSchema';
import { CodedError } from '../../contract/errors';
import type { Latency } from '../../contract/report';
import type { Command } from '../commands';

export const benchCommand: Command = {
  spec: {
    name: 'bench',
    summary: 'Latency of ONNX files (CPU), interleaved; inputs are random.',
    positionals: 'FILE…',
    minPositionals: 1,
    maxPositionals: 32,
    options: {
      'warmup-ms': { type: 'string', value: 'MS', help: 'warm-up per file (200)' },
      'duration-ms': { type: 'string', value: 'MS', help: 'at least this long per file (1500)' },
      batch: { type: 'string', value: 'N', help: 'samples per inference (1)' },
      json: { type: 'boolean', help: 'one JSON document on stdout' },
      quiet: { type: 'boolean', help: 'no progress on stderr' },
      help: { type: 'boolean', help: 'this text' },
    },
  },
  run: async ({ args, cwd, worker, options, print }) => {
    const given = {
      warmupMs: args.number('warmup-ms'),
      durationMs: args.number('duration-ms'),
      batch: args.number('batch'),
    };
    const benchmark = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const plan = completePlan({ model: args.positionals[0] ?? '', benchmark });
    // Each file once: latencies are reported by name.
    const files = [...new Set(args.positionals)];
    const variants = files.map((name) => ({ name, path: path.resolve(cwd, name), simulated: false }));
    const params = { variants, data: null, benchmark: plan.benchmark };
    const { results, errors } = await worker().request('measure', params, options);
    print(args.flag('json') ? `${JSON.stringify({ results, errors }, null, 2)}\n` : latencyTable(results));
    const [name] = Object.keys(errors);
    if (name !== undefined && errors[name] !== undefined) throw new CodedError(errors[name]);
    return 'done';
  },
};

function latencyTable(results: Readonly<Record<string, Latency>>): string {
  const ms = (value: number) => value.toFixed(3).padStart(10);
  const rows = Object.entries(results).map(
    ([name, latency]) =>
      `${ms(latency.medianMs)} ${ms(latency.p90Ms)} ${ms(latency.p99Ms)} ${(100 * latency.cov).toFixed(1).padStart(6)} %  ${name} (${latency.device})`,
  );
  return [
    `${'median ms'.padStart(10)} ${'p90'.padStart(10)} ${'p99'.padStart(10)} ${'CoV'.padStart(8)}`,
    ...rows,
    '',
  ].join('\n');
}
