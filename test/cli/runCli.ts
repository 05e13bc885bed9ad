/** Runs the bundled command line as a user would: a process of its own, exit code and both streams kept. */
import { spawn } from 'node:child_process';
import * as path from 'node:path';

export const repository = path.resolve(__dirname, '../..');
export const sample = path.join(repository, 'media/sample');

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Gets the process as soon as it runs, to interrupt it. */
  readonly onSpawn?: (child: ReturnType<typeof spawn>) => void;
}

export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(repository, 'dist/cli.cjs'), ...args], {
      cwd: options.cwd ?? repository,
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    options.onSpawn?.(child);
  });
}

/** The code of the error a run ended with, or null when stderr names none. */
export function errorCodeOf(result: CliResult): string | null {
  return /^error ([A-Z_]+)/m.exec(result.stderr)?.[1] ?? null;
}
