/** Opens a saved `report.json`, so that it can be rendered again or shown in the editor with no GPU and no model. */
import { readFile } from 'node:fs/promises';
import { checkReport } from '../contract/checkSchema';
import { CodedError } from '../contract/errors';
import type { Report } from '../contract/report';

function unreadable(file: string, reason: string, fix: string, cause: unknown): CodedError {
  return new CodedError({ code: 'REPORT_INVALID', reason, fix, place: { file } }, { cause });
}

/**
 * @param file path of a `report.json`
 * @throws CodedError REPORT_INVALID when it does not exist, is no JSON, or is no report of a known version
 */
export async function readReport(file: string): Promise<Report> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw unreadable(file, `The report ${file} cannot be read.`, 'Give the path of a report.json.', error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = `The file ${file} is not JSON: ${error instanceof Error ? error.message : String(error)}.`;
    throw unreadable(file, reason, 'Give a report.json as `precision-bench convert` wrote it.', error);
  }
  return checkReport(value, file);
}
