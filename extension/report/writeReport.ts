/**
 * The files of a report: report.json, report.html, report.md and report.csv in the output folder.
 *
 * The last step of the pipeline. Each file is written aside and renamed, so a reader never meets half of one.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { CodedError } from '../contract/errors';
import type { Report } from '../contract/report';
import { renderCsv } from './renderCsv';
import { renderHtml } from './renderHtml';
import { renderMarkdown } from './renderMarkdown';

/** Where each form of a report was written. */
export interface ReportFiles {
  readonly json: string;
  readonly html: string;
  readonly md: string;
  readonly csv: string;
}

/**
 * Writes a text so that the file is either the old one or the whole new one.
 * @throws CodedError OUTPUT_UNWRITABLE
 */
export async function writeTextAtomically(file: string, text: string): Promise<void> {
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
        fix: 'Give a folder that you may write to and that has room.',
        place: { file },
      },
      { cause: error },
    );
  }
}

/**
 * @param folder created if missing
 * @throws CodedError OUTPUT_UNWRITABLE
 */
export async function writeReport(report: Report, folder: string): Promise<ReportFiles> {
  const file = (extension: string): string => path.join(folder, `report.${extension}`);
  const files: ReportFiles = { json: file('json'), html: file('html'), md: file('md'), csv: file('csv') };
  await writeTextAtomically(files.html, renderHtml(report));
  await writeTextAtomically(files.md, renderMarkdown(report));
  await writeTextAtomically(files.csv, renderCsv(report));
  // Last: who waits for report.json finds the others complete.
  await writeTextAtomically(files.json, `${JSON.stringify(report, null, 2)}\n`);
  return files;
}
