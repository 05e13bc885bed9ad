/** Durations that tests measure, kept for people: one line in the output and one in build/workbench-durations.jsonl. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { resolve } from 'node:path';

export function recordDuration(what: string, milliseconds: number): void {
  const folder = resolve(import.meta.dirname, '../../../build');
  mkdirSync(folder, { recursive: true });
  const entry = { at: new Date().toISOString(), what, milliseconds, load: loadavg()[0] };
  appendFileSync(`${folder}/workbench-durations.jsonl`, `${JSON.stringify(entry)}\n`);
  console.log(`${what}: ${milliseconds} ms (load ${entry.load?.toFixed(1) ?? '?'})`);
}

/** How many times longer everything takes here just now, because more wants to run than there are cores; 1 on a quiet machine. */
export function slowdown(): number {
  return Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}
