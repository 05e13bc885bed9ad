/**
 * Brings a package into the tool's own folder: fetch, verify, unpack aside, rename. Asked again, it only looks.
 *
 * The folder `<tool home>/<name>-<version>` exists only when it is complete, whatever interrupts the work.
 */
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, cancelled } from '../../contract/errors';
import { describeFile } from '../../files/describeFile';
import { extractZip } from './extractZip';
import { downloadWheel, fetchCrate, otherContent } from './packageClients';
import type { Package } from './packages';
import { toolHome } from './toolHome';

export interface InstallOptions {
  readonly signal?: AbortSignal | undefined;
  /** One line per step, for people. */
  readonly onMessage?: (message: string) => void;
  /** The tool's folder; default `toolHome()`. */
  readonly home?: string;
}

/** Where a package lies or would lie. */
export function packageFolder(pack: Package, home: string = toolHome()): string {
  return join(home, `${pack.name}-${pack.version}`);
}

/** Is the package there, with all the files that it must have? */
export async function isInstalled(pack: Package, home?: string): Promise<boolean> {
  const folder = packageFolder(pack, home);
  for (const file of pack.expects) {
    const found = await stat(join(folder, file)).catch(() => null);
    if (found === null || !found.isFile() || found.size === 0) return false;
  }
  return true;
}

/**
 * Installs the package unless it is there.
 *
 * @returns its folder
 * @throws CodedError INSTALL_FAILED, CANCELLED
 */
export async function installPackage(pack: Package, options: InstallOptions = {}): Promise<string> {
  const home = options.home ?? toolHome();
  const folder = packageFolder(pack, home);
  if (await isInstalled(pack, home)) return folder;

  const aside = join(home, `.installing-${pack.name}-${randomUUID().slice(0, 8)}`);
  try {
    await removeAbandoned(home);
    await mkdir(aside, { recursive: true });
    options.onMessage?.(`fetching ${pack.purpose}: ${pack.name} ${pack.version}, ${pack.megabytes} MB`);
    const content = join(aside, 'content');
    await fetchInto(content, pack, aside, options);
    await publish(content, folder, pack, home);
    return folder;
  } catch (error) {
    if (options.signal?.aborted) throw cancelled();
    if (error instanceof CodedError) throw error;
    throw new CodedError(
      {
        code: 'INSTALL_FAILED',
        reason: `${pack.name} ${pack.version} could not be put into ${home}: ${String(error)}.`,
        fix: 'Check that the folder is writable and the disk has room, or name another with PRECISION_BENCH_HOME.',
        place: { file: home },
      },
      { cause: error },
    );
  } finally {
    await rm(aside, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function fetchInto(content: string, pack: Package, scratch: string, options: InstallOptions): Promise<void> {
  const { source } = pack;
  if (source.client === 'cargo') {
    const crate = await fetchCrate(pack, source, join(scratch, 'manifest'), options.signal);
    for (const prefix of pack.keep) await cp(join(crate, prefix), join(content, prefix), { recursive: true });
    return;
  }
  const wheel = await downloadWheel(pack, source, join(scratch, 'download'), options.signal);
  if ((await describeFile(wheel)).sha256 !== source.sha256) throw otherContent(pack);
  options.onMessage?.(`unpacking ${pack.name} ${pack.version}`);
  await extractZip(wheel, content, pack.keep, options.signal);
}

/** Moves the finished content to its place. Another process may have been faster; then its copy serves. */
async function publish(content: string, folder: string, pack: Package, home: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(content, folder);
      break;
    } catch (error) {
      if (await isInstalled(pack, home)) return;
      if (attempt > 0) throw error;
      // What lies there is not complete: someone removed files from it.
      await rm(folder, { recursive: true, force: true });
    }
  }
  if (!(await isInstalled(pack, home))) {
    await rm(folder, { recursive: true, force: true });
    throw otherContent(pack);
  }
}

const abandonedAfterMs = 24 * 3600 * 1000;

/** Removes what killed installations left behind long enough ago. */
async function removeAbandoned(home: string): Promise<void> {
  for (const name of await readdir(home).catch(() => [])) {
    if (!name.startsWith('.installing-')) continue;
    const found = await stat(join(home, name)).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > abandonedAfterMs) {
      await rm(join(home, name), { recursive: true, force: true });
    }
  }
}
