/**
 * The output folder of a run and the scratch folder inside it, where files are made before they are results.
 *
 * The scratch folder lies in the output folder so that a finished file takes its place by a rename. It names the process that
 * owns it: what a killed run left behind is removed by the next run in the same folder.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import * as path from 'node:path';
import { CodedError } from '../contract/errors';
import type { Artifact } from '../contract/report';
import { describeFile } from '../files/describeFile';
import { makeFolder } from '../files/makeFolder';

const prefix = '.run-';
const ownerFile = 'owner.json';
/** A scratch folder whose owner is unknown or on another host is given up after this time. */
const abandonedAfterMs = 24 * 3600 * 1000;

export class RunFolder {
  readonly scratch: string;
  private topmostMade: string | null = null;

  constructor(readonly out: string) {
    this.scratch = path.join(out, `${prefix}${randomUUID().slice(0, 8)}`);
  }

  /** @throws CodedError OUTPUT_UNWRITABLE */
  async create(): Promise<void> {
    try {
      this.topmostMade = await makeFolder(this.out);
      await removeAbandoned(this.out);
      await mkdir(this.scratch);
      await writeFile(path.join(this.scratch, ownerFile), JSON.stringify({ host: hostname(), pid: process.pid }));
    } catch (error) {
      throw unwritable(this.out, error);
    }
  }

  /** Where a file is made that will be called `name`. */
  file(name: string): string {
    return path.join(this.scratch, name);
  }

  /** A finished file as an artifact; `publish` moves it into the output folder. */
  async describe(name: string, kind: Artifact['kind']): Promise<Artifact> {
    return { ...(await describeFile(this.file(name))), kind, backend: null, target: null, path: name };
  }

  /** A written model, and the external weights that one above 2 GB has beside it under a name derived from its own. */
  async describeModel(name: string): Promise<Artifact[]> {
    const weights = `${name}.data`;
    const external = existsSync(this.file(weights)) ? [await this.describe(weights, 'onnx')] : [];
    return [await this.describe(name, 'onnx'), ...external];
  }

  /** Moves the artifacts into the output folder. Until here a failed or cancelled run leaves no trace of itself. */
  async publish(artifacts: readonly Artifact[]): Promise<void> {
    for (const name of new Set(artifacts.map((artifact) => artifact.path))) {
      const destination = path.join(this.out, name);
      await rename(this.file(name), destination).catch((error: unknown) => {
        throw unwritable(destination, error);
      });
    }
  }

  /** Removes everything of this run that did not become part of the result. */
  async cleanUp(): Promise<void> {
    // A folder that could not be made cannot be removed either; the first failure is the one to tell.
    await rm(this.scratch, { recursive: true, force: true }).catch(() => undefined);
    // Folders that this run made and left empty go too; rmdir refuses one that holds anything.
    const top = this.topmostMade ?? this.out;
    for (let folder = path.resolve(this.out); folder.startsWith(path.resolve(top)); folder = path.dirname(folder)) {
      await rmdir(folder).catch(() => undefined);
    }
  }

  /**
   * The same error about files that last longer than the scratch folder.
   * @param standIn the file that a file of the scratch folder is called by
   */
  lasting(error: CodedError, standIn: (name: string) => string): CodedError {
    const inside = (file: string) => file.startsWith(this.scratch + path.sep);
    const { place, ...rest } = error.toJSON();
    const names = new RegExp(`${escaped(this.scratch + path.sep)}([^\\s:;,"'()]+)`, 'g');
    const reason = rest.reason.replace(names, (_, name: string) => standIn(name));
    const file = place?.file !== undefined && inside(place.file) ? standIn(path.basename(place.file)) : place?.file;
    return new CodedError(
      { ...rest, reason, ...(place && { place: { ...place, ...(file === undefined ? {} : { file }) } }) },
      { cause: error.cause },
    );
  }
}

/** Removes scratch folders whose process is gone. */
async function removeAbandoned(out: string): Promise<void> {
  for (const name of await readdir(out)) {
    if (!name.startsWith(prefix)) continue;
    const folder = path.join(out, name);
    if (await isAbandoned(folder)) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isAbandoned(folder: string): Promise<boolean> {
  try {
    const { host, pid } = JSON.parse(await readFile(path.join(folder, ownerFile), 'utf8')) as {
      host: string;
      pid: number;
    };
    if (host === hostname()) return !isAlive(pid);
  } catch {
    // No owner is known: only its age can tell.
  }
  const found = await stat(folder).catch(() => null);
  return found !== null && Date.now() - found.mtimeMs > abandonedAfterMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function unwritable(file: string, cause: unknown): CodedError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return new CodedError(
    {
      code: 'OUTPUT_UNWRITABLE',
      reason: `${file} cannot be written: ${words}`,
      fix: 'Give a folder you may write to with --out.',
      place: { file },
    },
    { cause },
  );
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
