/** What the command line prints: progress and errors on stderr, results on stdout. */
import type { CodedError } from '../contract/errors';
import type { OnProgress, Progress } from '../contract/progress';
import type { TableOptions } from '../report/renderTable';

/** How often a line is printed for the same stage when stderr is no terminal, in milliseconds. */
const quietInterval = 5000;

export interface ProgressPrinter {
  readonly onProgress: OnProgress;
  /** Ends the line that is being overwritten. */
  readonly finish: () => void;
}

/** On a terminal one line is overwritten; elsewhere a line is printed when the work changes, and every few seconds. */
export function progressPrinter(stream: NodeJS.WriteStream, quiet: boolean): ProgressPrinter {
  if (quiet) return { onProgress: () => undefined, finish: () => undefined };
  return stream.isTTY ? overwritingPrinter(stream) : appendingPrinter(stream);
}

function overwritingPrinter(stream: NodeJS.WriteStream): ProgressPrinter {
  let dirty = false;
  return {
    onProgress: (progress) => {
      stream.write(`\r\x1b[2K${progressLine(progress).slice(0, Math.max(20, (stream.columns || 80) - 1))}`);
      dirty = true;
    },
    finish: () => {
      if (dirty) stream.write('\r\x1b[2K');
      dirty = false;
    },
  };
}

function appendingPrinter(stream: NodeJS.WriteStream): ProgressPrinter {
  let lastKey = '';
  let lastTime = 0;
  return {
    onProgress: (progress) => {
      // Work that counts its progress may go back and forth between variants; work that does not is one line each.
      const key = progress.fraction === null ? `${progress.stage} ${progress.variant ?? ''}` : progress.stage;
      const now = Date.now();
      if (key === lastKey && now - lastTime < quietInterval && progress.fraction !== 1) return;
      [lastKey, lastTime] = [key, now];
      stream.write(`${progressLine(progress)}\n`);
    },
    finish: () => undefined,
  };
}

function progressLine(progress: Progress): string {
  const percent = progress.fraction === null ? '' : `${Math.round(progress.fraction * 100)} %`.padStart(6);
  const eta =
    progress.etaSeconds === null || progress.fraction === 1 ? '' : `, ${formatSeconds(progress.etaSeconds)} left`;
  return `${progress.stage.padEnd(9)} ${percent.padEnd(6)} ${progress.message}${eta}`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}

/** How a report's table is shown on this stream: colors on a terminal unless NO_COLOR is set, 120 columns elsewhere. */
export function tableOptions(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>): TableOptions {
  // In a pipe both are undefined, whatever the types say.
  const color = stream.isTTY === true && process.env['NO_COLOR'] === undefined;
  return { color, width: stream.columns ?? 120 };
}

/** The three lines a failed run ends with: what, why, what to do. */
export function formatError(error: CodedError): string {
  const place = [error.place?.file, error.place?.node, error.place?.field].filter((part) => part !== undefined);
  const where = place.length === 0 ? '' : ` (${place.join(', ')})`;
  return `error ${error.code}${where}\n  ${error.reason.replaceAll('\n', '\n  ')}\n  → ${error.fix}\n`;
}
