/** `install`: fetches a TensorRT through a package client on this machine; never without being asked. */
import type { InstallProgress } from '../../build/install/installPackage';
import {
  installTensorrt,
  listInstallables,
  removeTensorrt,
  type InstallState,
} from '../../build/install/installTensorrt';
import { installableNames, type InstallableName } from '../../build/install/packages';
import { nearestName } from '../../contract/nearestName';
import type { OnProgress } from '../../contract/progress';
import { usageError } from '../arguments';
import type { Command, CommandContext } from '../commands';

export const installCommand: Command = {
  spec: {
    name: 'install',
    summary: `Fetches a TensorRT (${installableNames.join(', ')}) through a package client.`,
    positionals: 'NAME',
    minPositionals: 0,
    maxPositionals: 1,
    options: {
      list: { type: 'boolean', help: 'what there is for this platform, and what is installed' },
      remove: { type: 'boolean', help: 'remove NAME again' },
      json: { type: 'boolean', help: 'with --list: one JSON document on stdout' },
      quiet: { type: 'boolean', help: 'no progress on stderr' },
      help: { type: 'boolean', help: 'this text' },
    },
  },
  run: async (context) => {
    const { args, print } = context;
    if (args.flag('list')) {
      const states = await listInstallables();
      print(args.flag('json') ? `${JSON.stringify(states, null, 2)}\n` : describeStates(states));
    } else if (args.flag('remove')) {
      const name = installableName(context);
      print((await removeTensorrt(name)) ? `Removed ${name}.\n` : `${name} is not installed.\n`);
    } else {
      print(`${await install(context)}\n`);
    }
    return 'done';
  },
};

function install(context: CommandContext): Promise<string> {
  const { args, options } = context;
  const onMessage = (text: string) => void (args.flag('quiet') || process.stderr.write(`${text}\n`));
  const onProgress = progressOf(options.onProgress);
  return installTensorrt(installableName(context), { onMessage, onProgress, signal: options.signal });
}

/** Installation is part of no run; it is shown like the building of an engine, which it serves. */
function progressOf(onProgress: OnProgress | undefined) {
  return ({ fraction, etaSeconds, message }: InstallProgress): void => {
    onProgress?.({ stage: 'build', fraction, etaSeconds, message });
  };
}

/** @throws CodedError USAGE */
function installableName({ args }: CommandContext): InstallableName {
  const [name] = args.positionals;
  if (name === undefined) throw usageError('NAME is missing.', 'install');
  const known = installableNames.find((installable) => installable === name);
  if (known !== undefined) return known;
  const nearest = nearestName(name, installableNames);
  const hint = nearest === null ? `Known: ${installableNames.join(', ')}.` : `Did you mean ${nearest}?`;
  throw usageError(`There is no installable ${JSON.stringify(name)}. ${hint}`, 'install');
}

function describeStates(states: readonly InstallState[]): string {
  if (states.length === 0) return `There is nothing to install on ${process.platform}-${process.arch}.\n`;
  const lines = states.flatMap(({ name, version, megabytes, folder, note }) => [
    `${name.padEnd(14)} ${version.padEnd(12)} ${`${megabytes} MB`.padStart(8)}  ${folder ?? 'not installed'}`,
    ...(note === null ? [] : [`${''.padEnd(14)} ${note}`]),
  ]);
  return `${lines.join('\n')}\n`;
}
