/** The tool's own folder: fetched libraries and headers, caches. Never inside the project or the user's workspace. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * `PRECISION_BENCH_HOME`, or `precision-bench` in the user's cache folder: `XDG_CACHE_HOME`, else `~/.cache` (on Windows
 * `LOCALAPPDATA`).
 */
export function toolHome(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment['PRECISION_BENCH_HOME'];
  if (own) return own;
  const caches = environment['XDG_CACHE_HOME'] || (process.platform === 'win32' && environment['LOCALAPPDATA']);
  return join(caches || join(homedir(), '.cache'), 'precision-bench');
}
