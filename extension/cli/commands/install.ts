/** `install`: fetches a TensorRT through a package client on this machine; never without being asked. */
import { installableNames, installTensorrt, type InstallableName } from '../../build/install/installTensorrt';
import { nearestName } from '../../contract/nearestName';
import { usageError } from '../arguments';
import type { Command } from '../commands';

export const installCommand: Command = {
  spec: {
    name: 'install',
    summary: `Fetches a TensorRT (${installableNames.join(', ')}) through a package client.`,
    positionals: 'NAME',
    minPositionals: 1,
    maxPositionals: 1,
    options: {
      quiet: { type: 'boolean', help: 'no progress on stderr' },
      help: { type: 'boolean', help: 'this text' },
    },
  },
  run: async ({ args, options, print }) => {
    const name = args.positionals[0] ?? '';
    if (!(installableNames as readonly string[]).includes(name)) {
      const nearest = nearestName(name, installableNames);
      const hint = nearest === null ? `Known: ${installableNames.join(', ')}.` : `Did you mean ${nearest}?`;
      throw usageError(`There is no installable ${JSON.stringify(name)}. ${hint}`, 'install');
    }
    const quiet = args.flag('quiet');
    const onMessage = (text: string) => void (quiet || process.stderr.write(`${text}\n`));
    const folder = await installTensorrt(name as InstallableName, { onMessage, signal: options.signal });
    print(`${folder}\n`);
    return 'done';
  },
};
