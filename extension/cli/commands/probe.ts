/** `probe`: what this machine can build and run, and where each library was found; or what another platform could. */
import type { StageMethods } from '../../contract/stageMethods';
import { answerPlatform, type PlatformAnswer } from '../../plan/findPlatform';
import type { Command } from '../commands';
import { libraryOption } from '../convertOptions';

type ProbeResult = StageMethods['probe']['result'];

export const probeCommand: Command = {
  spec: {
    name: 'probe',
    summary: 'Backends, versions, libraries found and where, GPU, and the precisions each can really do.',
    positionals: '',
    minPositionals: 0,
    maxPositionals: 0,
    options: {
      platform: { type: 'string', value: 'GPU', help: 'what another GPU can do, as "Jetson Nano" or sm_89' },
      ...libraryOption,
      json: { type: 'boolean', help: 'one JSON document on stdout' },
      quiet: { type: 'boolean', help: 'no progress on stderr' },
      help: { type: 'boolean', help: 'this text' },
    },
  },
  run: async ({ args, worker, options, print }) => {
    const platform = args.text('platform');
    const answer =
      platform === undefined ? await worker().request('probe', { fresh: true }, options) : answerPlatform(platform);
    if (args.flag('json')) print(`${JSON.stringify(answer, null, 2)}\n`);
    else print('search' in answer ? describeProbe(answer) : describePlatform(answer));
    return 'done';
  },
};

function describeProbe({ host, backends, search }: ProbeResult): string {
  const gpu = host.gpu === null ? 'none found' : `${host.gpu.name}, compute capability ${host.gpu.computeCapability}`;
  const lines = [`host     ${host.os}, ${host.cpu}, ${host.cores} cores`, `GPU      ${gpu}`, ''];
  for (const backend of backends) {
    lines.push(`${backend.name}${backend.version === null ? '' : ` ${backend.version}`}`);
    if (backend.library !== null) lines.push(`  library     ${backend.library}`);
    for (const { library, from, reason } of backend.attempts ?? []) {
      if (reason !== null) lines.push(`  refused     ${library} (${from}): ${reason}`);
    }
    if (!backend.available) {
      lines.push(`  unavailable ${backend.reason ?? ''}`);
      continue;
    }
    lines.push(`  precisions  ${backend.precisions.join(', ')}`);
    lines.push(`  runs here   ${backend.runs ? 'yes' : `no${backend.reason === null ? '' : `: ${backend.reason}`}`}`);
    if (backend.targets.length > 0) lines.push(`  builds for  ${backend.targets.join(', ')}`);
  }
  return `${[...lines, '', ...describeSearch(search)].join('\n')}\n`;
}

/** Every step of the search in its order, also those that found nothing. */
function describeSearch(search: ProbeResult['search']): string[] {
  const lines = search.map(({ step, folders, missing, libraries }, index) => {
    const looked = folders.length + missing;
    const nothing = looked === 0 ? 'not set' : `nothing in ${looked} ${looked === 1 ? 'folder' : 'folders'}`;
    return `  ${index + 1}. ${step.padEnd(20)} ${libraries.length === 0 ? nothing : libraries.join(', ')}`;
  });
  return ['TensorRT libraries are searched in this order:', ...lines];
}

function describePlatform(answer: PlatformAnswer): string {
  const { device, devices, target, architecture, precisions, missing, newestTensorRT, jetPack } = answer;
  const lines = [
    `${device ?? devices.join(', ')}: ${target} (${architecture})`,
    `  precisions  ${precisions.join(', ')}`,
    `  lacks       ${missing.length === 0 ? 'nothing' : missing.join(', ')}`,
    `  DLA         ${answer.dla ? 'yes' : 'no'}`,
    `  TensorRT    ${newestTensorRT} is the newest${jetPack === null ? '' : `, from JetPack ${jetPack}`}`,
    `  RTX         ${answer.rtx ? 'TensorRT-RTX builds for it on any machine' : 'not served by TensorRT-RTX'}`,
    ...answer.notes.map((note) => `  note        ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}
