/**
 * Command-line parsing: a declarative option table per command, checked and turned into values.
 *
 * The table is the single source of `--help` and of the parser. Parsing itself is Node's `util.parseArgs`; what is added
 * here is a coded error that names the nearest option, and torch2trt's spelling (`--fp16_mode`, `--int8_mode=True`).
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { CodedError } from '../contract/errors';
import { nearestName } from '../contract/nearestName';

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  /** May be given several times. */
  readonly multiple?: boolean;
  /** How the value is shown in `--help`, as `FILE`. */
  readonly value?: string;
  readonly help: string;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Shown after the name in the usage line, as `MODEL`. */
  readonly positionals: string;
  readonly minPositionals: number;
  readonly maxPositionals: number;
  readonly options: Readonly<Record<string, OptionSpec>>;
}

export interface ParsedArguments {
  /** The command they were given to. */
  readonly command: string;
  readonly positionals: readonly string[];
  /** The value of a single string option. */
  text(name: string): string | undefined;
  /** The same as a number. @throws CodedError USAGE when it is none */
  number(name: string): number | undefined;
  /** All values of a repeatable option. */
  all(name: string): readonly string[];
  flag(name: string): boolean;
}

export function usageError(reason: string, command?: string): CodedError {
  const help = command === undefined ? 'precision-bench --help' : `precision-bench ${command} --help`;
  return new CodedError({ code: 'USAGE', reason, fix: `Run \`${help}\` to see what can be given.` });
}

/** `--fp16_mode=True` → `--fp16-mode`, `--int8_mode=False` → nothing: torch2trt's keyword arguments as typed from habit. */
function normalizeSpelling(argument: string, options: CommandSpec['options']): string[] {
  if (!argument.startsWith('--')) return [argument];
  const equals = argument.indexOf('=');
  const name = (equals < 0 ? argument.slice(2) : argument.slice(2, equals)).replaceAll('_', '-');
  const value = equals < 0 ? undefined : argument.slice(equals + 1);
  if (value !== undefined && options[name]?.type === 'boolean') {
    if (/^(true|1)$/i.test(value)) return [`--${name}`];
    if (/^(false|0)$/i.test(value)) return [];
  }
  return [value === undefined ? `--${name}` : `--${name}=${value}`];
}

/** @throws CodedError USAGE */
export function parseArguments(spec: CommandSpec, argv: readonly string[]): ParsedArguments {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, option] of Object.entries(spec.options)) {
    options[name] = { type: option.type, multiple: option.multiple === true };
  }
  const args = argv.flatMap((argument) => normalizeSpelling(argument, spec.options));
  for (const argument of args) {
    const name = /^--([^=]+)/.exec(argument)?.[1];
    if (name !== undefined && !(name in options)) {
      const nearest = nearestName(name, Object.keys(options));
      throw usageError(`Unknown option --${name}${nearest === null ? '' : `; did you mean --${nearest}?`}`, spec.name);
    }
  }
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error), spec.name);
  }
  const { positionals, values } = parsed;
  if (positionals.length < spec.minPositionals) throw usageError(`${spec.positionals} is missing.`, spec.name);
  if (positionals.length > spec.maxPositionals) {
    throw usageError(`Unexpected argument ${JSON.stringify(positionals[spec.maxPositionals])}.`, spec.name);
  }
  const text = (name: string) => values[name] as string | undefined;
  return {
    command: spec.name,
    positionals,
    text,
    number: (name) => parseNumber(text(name), name, spec.name),
    all: (name) => (values[name] as string[] | undefined) ?? [],
    flag: (name) => values[name] === true,
  };
}

function parseNumber(text: string | undefined, option: string, command: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw usageError(`--${option}: ${JSON.stringify(text)} is not a number.`, command);
}

/** The text of `precision-bench COMMAND --help`. */
export function commandHelp(spec: CommandSpec): string {
  const rows = Object.entries(spec.options).map(([name, option]) => {
    const left = `  --${name}${option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : ''}`;
    return `${left.padEnd(38)} ${option.help}${option.multiple === true ? ' (repeat)' : ''}`;
  });
  return [`precision-bench ${spec.name} ${spec.positionals}`.trimEnd(), '', spec.summary, '', ...rows, ''].join('\n');
}

/** A command line as a user would type it in a POSIX shell. */
export function quoteCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}
