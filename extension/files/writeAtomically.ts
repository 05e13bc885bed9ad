/**
 * Writes a small file so that it is either the old one or the whole new one, whatever interrupts the work.
 *
 * Used wherever a stage leaves a text that users or later runs read: reports, calibration tables, caches. Models stream
 * through `model/saveModel.ts`, engines through the native module; both do the same in their own way.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { CodedError } from '../contract/errors';

/**
 * Writes `text` (as UTF-8) aside and renames it. Missing folders are made.
 *
 * @throws CodedError OUTPUT_UNWRITABLE; nothing is left behind then
 */
export async function writeAtomically(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(aside, text, 'utf8');
    await rename(aside, file);
  } catch (error) {
    await rm(aside, { force: true }).catch(() => undefined);
    throw new CodedError(
      {
        code: 'OUTPUT_UNWRITABLE',
        reason: `The file ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`,
        fix: 'Give a place that you may write to and that has room.',
        place: { file },
      },
      { cause: error },
    );
  }
}
