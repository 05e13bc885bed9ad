/** `probe`: backends and host. The answer is kept for the life of the worker unless a fresh one is asked for. */
import * as os from 'node:os';
import type { BackendInfo } from '../../contract/backendInfo';
import type { Host } from '../../contract/report';
import type { LibrarySearchStep, StageMethods } from '../../contract/stageMethods';
import type { Backend } from '../../backends/backend';
import { searchLibraries } from '../../backends/libraries';

let kept: StageMethods['probe']['result'] | null = null;

export async function probeStage(
  params: StageMethods['probe']['params'],
  backends: readonly Backend[],
): Promise<StageMethods['probe']['result']> {
  if (kept === null || params.fresh) {
    const infos: BackendInfo[] = [];
    for (const backend of backends) infos.push(await backend.probe());
    kept = { backends: infos, host: describeHost(infos), search: await searchSteps() };
  }
  return kept;
}

async function searchSteps(): Promise<LibrarySearchStep[]> {
  const results = await searchLibraries({ environment: process.env });
  return results.map(({ step, folders, libraries }) => ({
    step,
    folders: folders.filter(({ exists }) => exists).map(({ path }) => path),
    missing: folders.filter(({ exists }) => !exists).length,
    libraries: libraries.map(({ infer }) => infer),
  }));
}

function describeHost(backends: readonly BackendInfo[]): Host {
  const cpus = os.cpus();
  return {
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    gpu: backends.find(({ gpu }) => gpu)?.gpu ?? null,
    backends: backends
      .filter((info) => info.available)
      .map(({ name, version, library }) => ({ name, version, library })),
  };
}
