/**
 * Brings a package into the tool's own folder: fetch, verify, unpack aside, rename. Asked again, it only looks.
 *
 * The folder `<tool home>/<name>-<version>` exists only when it is complete, whatever interrupts the work. What was downloaded
 * by then stays in `.downloads` for the next attempt: a whole archive is not fetched again, and Maven goes on where it was.
 */
import { cp, mkdir, readFile, readdir, rename, rm, rmdir, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { CodedError, cancelled, throwIfCancelled } from '../../contract/errors';
import { describeFile } from '../../files/describeFile';
import { extractZip } from './extractZip';
import { downloadArchive, fetchCrate, otherContent } from './packageClients';
import type { ArchiveSource, Package } from './packages';
import { toolHome } from './toolHome';

export interface InstallProgress {
  readonly phase: 'fetch' | 'verify' | 'unpack';
  /** 0–1 within the phase, or null while it cannot be known. */
  readonly fraction: number | null;
  readonly etaSeconds: number | null;
  readonly message: string;
}

export interface InstallOptions {
  readonly signal?: AbortSignal | undefined;
  /** One line per step, for people. */
  readonly onMessage?: (message: string) => void;
  readonly onProgress?: (progress: InstallProgress) => void;
  /** The tool's folder; default `toolHome()`. */
  readonly home?: string;
  /** Looks at the content before it takes its place. @throws CodedError to refuse it */
  readonly inspect?: (content: string) => Promise<void>;
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

  const aside = join(home, `${asidePrefix(pack)}${randomUUID().slice(0, 8)}`);
  const downloads = join(home, '.downloads', `${pack.name}-${pack.version}`);
  let release: (() => Promise<void>) | null = null;
  let isDone = false;
  try {
    release = await lock(`${downloads}.lock`, options);
    await mkdir(downloads, { recursive: true });
    if (await isInstalled(pack, home)) return folder;
    await removeAbandoned(home, pack);
    await requireRoom(pack, home);
    await mkdir(aside, { recursive: true });
    const content = join(aside, 'content');
    await fetchInto(content, pack, downloads, options);
    await options.inspect?.(content);
    await publish(content, folder, pack, home);
    isDone = true;
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
    if (release !== null) {
      if (isDone || !(await holdsArchive(downloads))) await rm(downloads, { recursive: true, force: true });
      await release();
    }
    await rmdir(join(home, '.downloads')).catch(() => undefined);
  }
}

/** Removes an installed package. @returns false when it was not there */
export async function removePackage(pack: Package, home: string = toolHome()): Promise<boolean> {
  const folder = packageFolder(pack, home);
  const found = await stat(folder).catch(() => null);
  if (found === null) return false;
  // Out of the way first, so that it is either whole or gone.
  const aside = join(home, `${asidePrefix(pack)}${randomUUID().slice(0, 8)}`);
  await rename(folder, aside);
  await rm(aside, { recursive: true, force: true });
  return true;
}

async function fetchInto(content: string, pack: Package, downloads: string, options: InstallOptions): Promise<void> {
  const { source } = pack;
  if (source.client === 'cargo') {
    options.onMessage?.(fetchMessage(pack));
    const crate = await fetchCrate(pack, source, join(downloads, 'manifest'), options.signal);
    for (const prefix of pack.keep) await cp(join(crate, prefix), join(content, prefix), { recursive: true });
    return;
  }
  const archive = await fetchArchive(pack, source, downloads, options);
  options.onMessage?.(`unpacking ${pack.name} ${pack.version}`);
  const pace = new Pace();
  await extractZip(archive, content, pack.keep, {
    signal: options.signal,
    onProgress: (fraction) => report(options, 'unpack', fraction, pace, `Unpacking ${pack.purpose}`),
  });
}

/** The archive, from an earlier attempt or the registry, with the content that it must have. */
async function fetchArchive(
  pack: Package,
  source: ArchiveSource,
  downloads: string,
  options: InstallOptions,
): Promise<string> {
  const kept = await readFile(join(downloads, 'archive'), 'utf8').catch(() => null);
  if (kept !== null && (await isContent(kept, source))) {
    options.onMessage?.(`${pack.name} ${pack.version} was downloaded before`);
    return kept;
  }
  options.onMessage?.(fetchMessage(pack));
  const watching = watchDownload(pack, downloads, options);
  let archive: string;
  try {
    archive = await downloadArchive(pack, source, downloads, options.signal);
  } finally {
    watching.abort();
  }
  report(options, 'verify', null, new Pace(), `Verifying ${pack.purpose}`);
  if (!(await isContent(archive, source))) {
    await rm(downloads, { recursive: true, force: true });
    throw otherContent(pack);
  }
  await writeFile(join(downloads, 'archive'), archive);
  return archive;
}

async function isContent(archive: string, { sha256 }: ArchiveSource): Promise<boolean> {
  const found = await describeFile(archive).catch(() => null);
  return found?.sha256 === sha256;
}

function fetchMessage({ name, version, purpose, megabytes }: Package): string {
  return `fetching ${purpose}: ${name} ${version}, ${megabytes} MB`;
}

const pollMs = 500;

/** Package clients say nothing that a program could read; the size of what they have written does. */
function watchDownload(pack: Package, downloads: string, options: InstallOptions): AbortController {
  const done = new AbortController();
  const pace = new Pace();
  const poll = async (): Promise<void> => {
    while (!done.signal.aborted) {
      const fraction = Math.min(1, (await bytesIn(downloads)) / (pack.megabytes * 1e6));
      if (!done.signal.aborted) report(options, 'fetch', fraction, pace, `Fetching ${pack.purpose}`);
      await delay(pollMs, undefined, { signal: done.signal }).catch(() => undefined);
    }
  };
  if (options.onProgress !== undefined) void poll();
  return done;
}

/** The time left, from the pace since the start. */
class Pace {
  private readonly started = performance.now();
  private first: number | null = null;

  etaSeconds(fraction: number | null): number | null {
    if (fraction === null) return null;
    // What an earlier attempt left says nothing about the pace of this one.
    this.first ??= fraction;
    const advanced = fraction - this.first;
    if (advanced < 0.02) return null;
    return (((performance.now() - this.started) / 1000) * (1 - fraction)) / advanced;
  }
}

function report(
  options: InstallOptions,
  phase: InstallProgress['phase'],
  fraction: number | null,
  pace: Pace,
  message: string,
): void {
  options.onProgress?.({ phase, fraction, etaSeconds: pace.etaSeconds(fraction), message });
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0;
  }
  return bytes;
}

/** Is there something to go on with? */
async function holdsArchive(downloads: string): Promise<boolean> {
  for (const entry of await readdir(downloads, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile() || !/\.(?:whl|jar|part)$/.test(entry.name)) continue;
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => null);
    if (found !== null && found.size > 1e6) return true;
  }
  return false;
}

/** Unpacked, the libraries take about three times the archive, which lies beside them until then. */
const roomFactor = 4;

/** @throws CodedError INSTALL_FAILED when the disk is too full */
async function requireRoom({ name, megabytes }: Package, home: string): Promise<void> {
  const { bavail, bsize } = await statfs(home);
  const freeMegabytes = (bavail * bsize) / 1e6;
  if (freeMegabytes >= megabytes * roomFactor) return;
  throw new CodedError({
    code: 'INSTALL_FAILED',
    reason: `${name} needs ${megabytes * roomFactor} MB while it is unpacked; ${home} has ${Math.floor(freeMegabytes)} MB left.`,
    fix: 'Make room, or name a folder on another disk with PRECISION_BENCH_HOME.',
    place: { file: home },
  });
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

/**
 * Waits until no other process installs the same package.
 * @returns what ends the wait of others
 */
async function lock(folder: string, { signal, onMessage }: InstallOptions): Promise<() => Promise<void>> {
  const owner = join(folder, 'pid');
  for (let hasSaid = false; ;) {
    throwIfCancelled(signal);
    try {
      // Whoever finishes removes the folder around it, if it is empty.
      await mkdir(dirname(folder), { recursive: true });
      await mkdir(folder);
      await writeFile(owner, String(process.pid));
      return () => rm(folder, { recursive: true, force: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST' && code !== 'ENOENT') throw error;
    }
    if (await isOrphaned(folder, owner)) {
      await rm(folder, { recursive: true, force: true });
      continue;
    }
    if (!hasSaid) onMessage?.('waiting for another installation of the same package');
    hasSaid = true;
    await delay(pollMs / 5, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** Is the process that made the lock gone? One that has not yet written its id gets some seconds. */
async function isOrphaned(folder: string, owner: string): Promise<boolean> {
  const pid = Number(await readFile(owner, 'utf8').catch(() => ''));
  if (pid > 0) {
    try {
      process.kill(pid, 0);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'EPERM';
    }
  }
  const found = await stat(folder).catch(() => null);
  return found !== null && Date.now() - found.mtimeMs > 5000;
}

const abandonedAfterMs = 24 * 3600 * 1000;

function asidePrefix({ name, version }: Package): string {
  return `.installing-${name}-${version}-`;
}

/** Removes what killed installations left behind: of this package all, as nobody else installs it; of others what is old. */
async function removeAbandoned(home: string, pack: Package): Promise<void> {
  const unpacked = (await readdir(home).catch(() => [])).filter((name) => name.startsWith('.installing-'));
  const downloads = (await readdir(join(home, '.downloads')).catch(() => [])).map((name) => join('.downloads', name));
  for (const name of [...unpacked, ...downloads]) {
    const found = await stat(join(home, name)).catch(() => null);
    const isOwn = name.startsWith(asidePrefix(pack));
    if (isOwn || (found !== null && Date.now() - found.mtimeMs > abandonedAfterMs)) {
      await rm(join(home, name), { recursive: true, force: true });
    }
  }
}
