/** Runs a package client and keeps its words for the error message. */
import { spawn } from 'node:child_process';

export interface CommandResult {
  /** Exit status; null when the program was not found or was ended by a signal. */
  readonly status: number | null;
  /** The program does not exist. */
  readonly missing: boolean;
  readonly stdout: string;
  /** The last lines of standard error. */
  readonly stderr: string;
}

const keptCharacters = 4000;

/**
 * Waits for the program to end. Its failure is a result, not an exception.
 *
 * @throws AbortError when the signal fires; the program is then ended
 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: { cwd?: string; signal?: AbortSignal | undefined; env?: Readonly<Record<string, string>> } = {},
): Promise<CommandResult> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      signal: options.signal,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-keptCharacters)));
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') fail(error);
      else done({ status: null, missing: true, stdout, stderr });
    });
    child.on('close', (status) => {
      done({ status, missing: false, stdout, stderr });
    });
  });
}
