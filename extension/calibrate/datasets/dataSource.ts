/**
 * How a data source is written: a path, or `file.py:ClassName(…)`, whose file part is the path.
 */
import * as path from 'node:path';

/** Splits `calib.py:Class('images')` into file and expression; any other source is all path. */
export function splitDataSource(source: string): { readonly file: string; readonly expression: string | null } {
  const match = /^(.*?\.py):(.+)$/s.exec(source);
  return match === null
    ? { file: source, expression: null }
    : { file: match[1] ?? source, expression: match[2] ?? null };
}

function withFile(source: string, map: (file: string) => string): string {
  const { file, expression } = splitDataSource(source);
  return expression === null ? map(file) : `${map(file)}:${expression}`;
}

/** The source with its path made absolute from `baseDir`. */
export function resolveDataSource(source: string, baseDir: string): string {
  return withFile(source, (file) => path.resolve(baseDir, file));
}

/** The source, written relative to `from`, rewritten relative to `to`. */
export function relocateDataSource(source: string, from: string, to: string): string {
  return withFile(source, (file) => path.relative(to, path.resolve(from, file)) || '.');
}
