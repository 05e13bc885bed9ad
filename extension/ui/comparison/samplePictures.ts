/** Where the picture of a report's sample lies, for data that are picture files. Pure. */
import * as path from 'node:path';
import { imageExtensions } from '../../calibrate/transforms/imageExtensions';
import type { Report } from '../../contract/report';

/** @returns the file, or null where samples are no files of their own */
export function pictureFile(data: Report['data']['evaluation'], sample: string): string | null {
  if (data === null || !isPicture(sample)) return null;
  switch (data.kind) {
    case 'classFolders':
    case 'imageFolder':
      // A single picture is its own source.
      return isPicture(data.source) ? data.source : path.join(data.source, sample);
    case 'manifest':
      return path.resolve(path.dirname(data.source), sample);
    default:
      return null;
  }
}

function isPicture(file: string): boolean {
  return (imageExtensions as readonly string[]).includes(path.extname(file).toLowerCase());
}
