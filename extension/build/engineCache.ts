/**
 * Engines built before, in the tool's own folder. An engine is kept under a key that holds everything that decides its
 * content, so that asking for the same again costs a copy.
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BuildSummary } from '../contract/report';
import { passportPath, type EnginePassport } from '../contract/enginePassport';
import { contentHash, rememberContentHash } from '../files/contentHash';
import { writeAtomically } from '../files/writeAtomically';
import { toolHome } from './install/toolHome';

/** Everything that decides an engine's content. */
export interface EngineKey {
  /** Hash of the ONNX file and, where it has them, of its external data. */
  readonly onnx: string;
  readonly backend: string;
  /** Version of the TensorRT library. */
  readonly version: string | null;
  /** The GPU of this machine, with its driver, where the engine is built for it. */
  readonly gpu: unknown;
  /** What was asked of the builder, paths left out. */
  readonly request: unknown;
  /** Hash of what TensorRT's own calibrator saw, where it calibrated. */
  readonly calibration: string | null;
}

/** What is known of a kept engine. */
export interface KeptEngine {
  /** How it was built; `seconds` is the time that took then. */
  readonly build: BuildSummary;
  readonly bytes: number;
  readonly sha256: string;
  /** What TensorRT's own calibrator wrote, where it calibrated. */
  readonly calibrationCache?: string | null;
  readonly unknownLayers?: readonly string[];
  /** Written by the cache: a passport lies beside the engine. */
  readonly hasPassport?: boolean;
}

/** Raised when the native module builds other engines from the same key. */
const formatVersion = 3;

/** Kept in all; the engines longest unused go first. */
export const cacheLimitBytes = 4 * 2 ** 30;

export function cacheKey(key: EngineKey): string {
  return createHash('sha256')
    .update(JSON.stringify([formatVersion, canonical(key)]))
    .digest('hex');
}

export class EngineCache {
  constructor(private readonly folder: string = join(toolHome(), 'engines')) {}

  /**
   * Copies a kept engine to `output`, and its passport beside it, which appear whole or not at all.
   *
   * @returns null when it is not kept
   */
  async fetch(key: string, output: string): Promise<KeptEngine | null> {
    const aside = `${output}.tmp`;
    try {
      const kept = JSON.parse(await readFile(this.file(key, 'json'), 'utf8')) as KeptEngine;
      if ((await contentHash(this.file(key, 'engine'))) !== kept.sha256) throw new Error('damaged');
      // A copy-on-write clone where the file system has them.
      await copyFile(this.file(key, 'engine'), aside, constants.COPYFILE_FICLONE);
      if (kept.hasPassport) await this.fetchPassport(key, output);
      await rename(aside, output);
      const now = new Date();
      // The summary's time, since the engine's own says that it is unchanged.
      await utimes(this.file(key, 'json'), now, now).catch(() => undefined);
      return kept;
    } catch {
      // Not there, damaged, or removed by another process in the meantime: it is built again.
      await rm(aside, { force: true }).catch(() => undefined);
      return null;
    }
  }

  /** Keeps an engine. A full disk or a read-only folder costs the cache, never the build. */
  async store(key: string, engine: string, kept: KeptEngine): Promise<void> {
    const aside = join(this.folder, `.${key}-${randomUUID().slice(0, 8)}`);
    try {
      await mkdir(this.folder, { recursive: true });
      await copyFile(engine, `${aside}.engine`, constants.COPYFILE_FICLONE);
      const hasPassport = await copied(passportPath(engine), this.file(key, 'passport'));
      await writeFile(`${aside}.json`, JSON.stringify({ ...kept, hasPassport }));
      await rename(`${aside}.engine`, this.file(key, 'engine'));
      await rememberContentHash(this.file(key, 'engine'), kept.sha256);
      // The summary comes last: an entry counts from then on.
      await rename(`${aside}.json`, this.file(key, 'json'));
      await this.prune(cacheLimitBytes);
    } catch {
      for (const ending of ['engine', 'json']) await rm(`${aside}.${ending}`, { force: true }).catch(() => undefined);
    }
  }

  /** Removes the engines longest unused until the rest fits. */
  async prune(limitBytes: number): Promise<void> {
    const engines = (await readdir(this.folder)).filter((name) => name.endsWith('.engine') && !name.startsWith('.'));
    const files = await Promise.all(
      engines.map(async (name) => {
        const key = name.replace(/\.engine$/, '');
        const [engine, summary] = await Promise.all(
          (['engine', 'json'] as const).map((ending) => stat(this.file(key, ending)).catch(() => null)),
        );
        return { key, bytes: engine?.size ?? 0, used: summary?.mtimeMs ?? 0 };
      }),
    );
    let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { key, bytes } of files.sort((a, b) => a.used - b.used)) {
      if (total <= limitBytes) return;
      for (const ending of endings) await rm(this.file(key, ending), { force: true });
      total -= bytes;
    }
  }

  private async fetchPassport(key: string, output: string): Promise<void> {
    const passport = JSON.parse(await readFile(this.file(key, 'passport'), 'utf8')) as EnginePassport;
    // The file was built under another name.
    const engine = { ...passport.engine, file: basename(output) };
    await writeAtomically(passportPath(output), JSON.stringify({ ...passport, engine }, null, 2));
  }

  private file(key: string, ending: (typeof endings)[number]): string {
    return join(this.folder, `${key}.${ending}`);
  }
}

/** Files of an entry; the summary goes first when it is removed, as an entry counts while it is there. */
const endings = ['json', 'passport', 'engine'] as const;

/** Copies a file if it is there. */
async function copied(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** The same value whatever the order in which an object's keys were written. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([name, part]) => [name, canonical(part)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
