/**
 * `precision-bench`: the pipeline without an editor.
 *
 * Exit codes: 0 done · 1 failed · 2 wrong usage · 3 an accuracy gate failed · 130 cancelled. Results go to stdout,
 * progress and errors to stderr; `--json` prints exactly one JSON document on stdout.
 */
import * as path from 'node:path';
import { CodedError } from '../contract/errors';
import { nearestName } from '../contract/nearestName';
import { toolVersion } from '../version';
import { commandHelp, parseArguments, usageError } from './arguments';
import { commands, type CommandContext } from './commands';
import { formatError, progressPrinter } from './terminal';
import { spawnWorker } from './spawnWorker';

const exitCodes = { done: 0, failed: 1, usage: 2, gate: 3, cancelled: 130 } as const;

function overview(): string {
  const rows = commands.map(({ spec }) => `  ${`${spec.name} ${spec.positionals}`.padEnd(24)} ${spec.summary}`);
  return [
    `precision-bench ${toolVersion}: reduced-precision TensorRT engines from ONNX models, compared with FP32`,
    '',
    ...rows,
    '',
    'Run `precision-bench COMMAND --help` for the options of one.',
    '',
  ].join('\n');
}

/** Runs one command line and returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const quiet = argv.includes('--quiet');
  const printer = progressPrinter(process.stderr, quiet);
  const abort = new AbortController();
  const interrupt = () => {
    // The second Ctrl-C ends at once: the first one already asked the worker to stop.
    if (abort.signal.aborted) process.exit(exitCodes.cancelled);
    abort.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  let worker: ReturnType<typeof spawnWorker> | null = null;
  try {
    if (name === '--version' || name === '-v') return print(`${toolVersion}\n`);
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') return print(overview());
    const command = commands.find(({ spec }) => spec.name === name);
    if (command === undefined) {
      const nearest = nearestName(
        name,
        commands.map(({ spec }) => spec.name),
      );
      throw usageError(
        `Unknown command ${JSON.stringify(name)}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
      );
    }
    if (rest.includes('--help') || rest.includes('-h')) return print(commandHelp(command.spec));
    const args = parseArguments(command.spec, rest);
    const library = args.text('tensorrt-library');
    const context: CommandContext = {
      args,
      argv,
      cwd: process.cwd(),
      worker: () => (worker ??= spawnWorker(library === undefined ? library : path.resolve(library))),
      options: { signal: abort.signal, onProgress: printer.onProgress },
      print: (text) => {
        printer.finish();
        print(text);
      },
    };
    const outcome = await command.run(context);
    return outcome === 'gate' ? exitCodes.gate : exitCodes.done;
  } catch (error) {
    const coded = CodedError.from(error);
    printer.finish();
    process.stderr.write(formatError(coded));
    if (coded.code === 'INTERNAL' && process.env['PRECISION_BENCH_DEBUG'] !== undefined) console.error(coded.cause);
    if (coded.code === 'USAGE') return exitCodes.usage;
    return coded.code === 'CANCELLED' ? exitCodes.cancelled : exitCodes.failed;
  } finally {
    printer.finish();
    await (worker as ReturnType<typeof spawnWorker> | null)?.dispose();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return exitCodes.done;
}
