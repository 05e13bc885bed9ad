/**
 * The files of a report: report.json, report.html, report.md and report.csv in the output folder.
 *
 * The last step of the pipeline.
 */
import * as path from 'node:path';
import type { Report } from '../contract/report';
import { writeAtomically } from '../files/writeAtomically';
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
 * @param folder created if missing
 * @throws CodedError OUTPUT_UNWRITABLE
 */
export async function writeReport(report: Report, folder: string): Promise<ReportFiles> {
  const file = (extension: string): string => path.join(folder, `report.${extension}`);
  const files: ReportFiles = { json: file('json'), html: file('html'), md: file('md'), csv: file('csv') };
  await writeAtomically(files.html, renderHtml(report));
  await writeAtomically(files.md, renderMarkdown(report));
  await writeAtomically(files.csv, renderCsv(report));
  // Last: who waits for report.json finds the others complete.
  await writeAtomically(files.json, `${JSON.stringify(report, null, 2)}\n`);
  return files;
}
