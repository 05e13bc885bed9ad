/** The commands of `precision-bench`, in the order that `--help` shows them. */
import type { RunOptions } from '../contract/progress';
import type { WorkerClient } from '../worker/workerClient';
import type { CommandSpec, ParsedArguments } from './arguments';
import { benchCommand } from './commands/bench';
import { calibrateCommand } from './commands/calibrate';
import { convertCommand } from './commands/convert';
import { inspectCommand } from './commands/inspect';
import { installCommand } from './commands/install';
import { probeCommand } from './commands/probe';
import { reportCommand } from './commands/report';

export interface CommandContext {
  readonly args: ParsedArguments;
  /** The words of the command line, for the report's reproduction line. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The worker process, started on first use. */
  readonly worker: () => WorkerClient;
  readonly options: RunOptions;
  /** Prints a result on stdout. */
  readonly print: (text: string) => void;
}

export interface Command {
  readonly spec: CommandSpec;
  /** @returns `gate` when an accuracy gate failed */
  readonly run: (context: CommandContext) => Promise<'done' | 'gate'>;
}

export const commands: readonly Command[] = [
  convertCommand,
  inspectCommand,
  calibrateCommand,
  benchCommand,
  reportCommand,
  probeCommand,
  installCommand,
];
