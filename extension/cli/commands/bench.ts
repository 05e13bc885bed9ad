/**
 * `bench`: latency of engines and ONNX files in turns, so that they see the same minutes of the machine, with a verdict
 * whether each is faster than the first.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import * as path from 'node:path';
import { passportPath, type EnginePassport } from '../../contract/enginePassport';
import { completePlan } from '../../contract/checkSchema';
import { CodedError } from '../../contract/errors';
import type { Plan } from '../../contract/plan';
import type { Host } from '../../contract/report';
import type { MeasuredFile } from '../../contract/stageMethods';
import { writeAtomically } from '../../files/writeAtomically';
import { toolVersion } from '../../version';
import { quoteCommand, usageError, type ParsedArguments } from '../arguments';
import { benchTable, type BenchRow } from '../benchTable';
import type { Command } from '../commands';
import { libraryOption } from '../convertOptions';
import { parseShapes, parseSwitch } from '../optionValues';

export const benchCommand: Command = {
  spec: {
    name: 'bench',
    summary: 'Latency of engines (GPU) and ONNX files (CPU) in turns: is any faster than the first? Inputs are random.',
    positionals: 'FILE…',
    minPositionals: 1,
    maxPositionals: 32,
    options: {
      'warmup-ms': { type: 'string', value: 'MS', help: 'warm-up per file (200)' },
      'duration-ms': { type: 'string', value: 'MS', help: 'at least this long per file (1500)' },
      iterations: { type: 'string', value: 'N', help: 'at least so many runs per file (30)' },
      batch: { type: 'string', value: 'N', help: 'samples per inference (1)' },
      'batch-sweep': { type: 'string', value: 'LIST', help: 'one round for each batch, as 1,2,4,8' },
      'cuda-graph': { type: 'string', value: 'on|off|both', help: 'replay a recorded run (on)' },
      transfers: { type: 'string', value: 'on|off', help: 'copy inputs and outputs in every run (on)' },
      spin: { type: 'boolean', help: 'poll the GPU instead of sleeping' },
      shape: {
        type: 'string',
        multiple: true,
        value: 'NAME=SHAPE',
        help: 'size of an input where the file leaves it open',
      },
      ...libraryOption,
      out: { type: 'string', value: 'FILE', help: 'write the results as JSON' },
      json: { type: 'boolean', help: 'the same on stdout' },
      quiet: { type: 'boolean', help: 'no progress on stderr' },
      help: { type: 'boolean', help: 'this text' },
    },
  },
  run: async ({ args, argv, cwd, worker, options, print }) => {
    const [shapes = {}] = parseShapes(args);
    const modes = cudaGraphModes(args);
    const transfers = parseSwitch(args, 'transfers') ?? true;
    const files = [...new Set(args.positionals)].map((name) => fileOf(name, path.resolve(cwd, name)));
    const rows: BenchRow[] = [];
    const benchmark = benchmarkOf(args);
    for (const batch of batchesOf(args)) {
      const variants = files.flatMap((file) => modesOf({ ...file, transfers }, modes, batch));
      const params = { variants, data: null, shapes, benchmark: { ...benchmark, batch } };
      const { results, errors } = await worker().request('measure', params, options);
      for (const { name } of variants) {
        rows.push({ name, batch, latency: results[name] ?? null, error: errors[name] ?? null });
      }
    }
    const { host } = await worker().request('probe', { fresh: false }, options);
    const document = benchDocument(quoteCommand(['precision-bench', ...argv]), host, benchmark, rows);
    const out = args.text('out');
    if (out !== undefined) await writeAtomically(path.resolve(cwd, out), document);
    print(args.flag('json') ? document : benchTable(rows));
    const failed = rows.find(({ error }) => error !== null);
    if (failed?.error) throw new CodedError(failed.error);
    return 'done';
  },
};

function benchmarkOf(args: ParsedArguments): Plan['benchmark'] {
  const given = {
    warmupMs: args.number('warmup-ms'),
    durationMs: args.number('duration-ms'),
    iterations: args.number('iterations'),
    batch: args.number('batch'),
    spin: args.flag('spin'),
  };
  const benchmark = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return completePlan({ model: args.positionals[0] ?? '', benchmark }).benchmark;
}

/** @throws CodedError USAGE */
function batchesOf(args: ParsedArguments): number[] {
  const sweep = args.text('batch-sweep');
  if (sweep === undefined) return [args.number('batch') ?? 1];
  const batches = sweep.split(',').map(Number);
  if (batches.every((batch) => Number.isInteger(batch) && batch > 0)) return [...new Set(batches)];
  throw usageError(`--batch-sweep: ${JSON.stringify(sweep)} is no list of batches such as 1,2,4,8.`, args.command);
}

/** @throws CodedError USAGE */
function cudaGraphModes(args: ParsedArguments): readonly boolean[] {
  if (args.text('cuda-graph') === 'both') return [true, false];
  return [parseSwitch(args, 'cuda-graph') ?? true];
}

/** A file as an artifact: an engine by its first bytes or its name, an ONNX model otherwise. */
function fileOf(name: string, file: string): MeasuredFile {
  const variant = { name, path: file, simulated: false };
  const magic = firstBytes(file);
  if (magic.slice(1) !== 'trt' && !/\.(?:engine|plan|trt)$/i.test(file)) return variant;
  // TensorRT writes ptrt or ftrt, RTX vtrt.
  const backend = passportBackend(file) ?? (magic === 'vtrt' ? 'tensorrt-rtx' : 'tensorrt');
  return { ...variant, engine: { backend, path: file } };
}

/** What built an engine, from its passport. */
function passportBackend(engine: string): 'tensorrt' | 'tensorrt-rtx' | null {
  try {
    const passport = JSON.parse(readFileSync(passportPath(engine), 'utf8')) as Partial<EnginePassport>;
    return passport.tensorrt?.backend ?? null;
  } catch {
    return null;
  }
}

function firstBytes(file: string): string {
  const bytes = Buffer.alloc(4);
  try {
    const descriptor = openSync(file, 'r');
    readSync(descriptor, bytes, 0, bytes.length, 0);
    closeSync(descriptor);
  } catch {
    // Whoever opens it next says why it cannot be read.
  }
  return bytes.toString('latin1');
}

/** CUDA graphs are a matter of engines. */
function modesOf(file: MeasuredFile, modes: readonly boolean[], batch: number): MeasuredFile[] {
  if (file.engine === undefined) return [{ ...file, batch }];
  return modes.map((cudaGraph) => ({
    ...file,
    batch,
    cudaGraph,
    name: modes.length === 1 ? file.name : `${file.name} ${cudaGraph ? 'with' : 'without'} CUDA graph`,
  }));
}

function benchDocument(
  command: string,
  host: Host,
  benchmark: Plan['benchmark'],
  results: readonly BenchRow[],
): string {
  const tool = { name: 'precision-bench', version: toolVersion };
  const document = { schemaVersion: 1, tool, createdAt: new Date().toISOString(), command, host, benchmark, results };
  return `${JSON.stringify(document, null, 2)}\n`;
}
