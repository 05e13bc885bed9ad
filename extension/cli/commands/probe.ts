/** `probe`: what this machine can build and run, and where each library was found. */
import type { StageMethods } from '../../contract/stageMethods';
import type { Command } from '../commands';

export const probeCommand: Command = {
  spec: {
    name: 'probe',
    summary: 'Backends, versions, libraries found and where, GPU, and the precisions each can really do.',
    positionals: '',
    minPositionals: 0,
    maxPositionals: 0,
    options: {
      json: { type: 'boolean', help: 'one JSON document on stdout' },
      quiet: { type: 'boolean', help: 'no progress on stderr' },
      help: { type: 'boolean', help: 'this text' },
    },
  },
  run: async ({ args, worker, options, print }) => {
    const probe = await worker().request('probe', { fresh: true }, options);
    print(args.flag('json') ? `${JSON.stringify(probe, null, 2)}\n` : describeProbe(probe));
    return 'done';
  },
};

function describeProbe({ host, backends }: StageMethods['probe']['result']): string {
  const gpu = host.gpu === null ? 'none found' : `${host.gpu.name}, compute capability ${host.gpu.computeCapability}`;
  const lines = [`host     ${host.os}, ${host.cpu}, ${host.cores} cores`, `GPU      ${gpu}`, ''];
  for (const backend of backends) {
    lines.push(`${backend.name}${backend.version === null ? '' : ` ${backend.version}`}`);
    if (backend.library !== null) lines.push(`  library     ${backend.library}`);
    if (!backend.available) {
      lines.push(`  unavailable ${backend.reason ?? ''}`);
      continue;
    }
    lines.push(`  precisions  ${backend.precisions.join(', ')}`);
    lines.push(`  runs here   ${backend.runs ? 'yes' : `no${backend.reason === null ? '' : `: ${backend.reason}`}`}`);
    if (backend.targets.length > 0) lines.push(`  builds for  ${backend.targets.join(', ')}`);
  }
  return `${lines.join('\n')}\n`;
}
