/** The page of a folder of measurements, made from the reports in it; other JSON files are left out. */
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import type { MeasuredReport } from './measuredReport';
import { renderPage, type NamedReport } from './renderPage';

/** @param css the stylesheet's text */
export function pageOf(folder: string, css: string): string {
  const reports = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((file): NamedReport[] => {
      const report = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as MeasuredReport;
      return 'variants' in report ? [{ name: path.basename(file, '.json'), report }] : [];
    });
  return renderPage(reports, css);
}
