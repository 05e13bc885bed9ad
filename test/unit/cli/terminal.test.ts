import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatError, progressPrinter, tableOptions } from '../../../extension/cli/terminal';
import { CodedError } from '../../../extension/contract/errors';
import type { Progress } from '../../../extension/contract/progress';

/** A stream that keeps what is written to it. */
function stream(isTTY: boolean, columns?: number): { text: string; stream: NodeJS.WriteStream } {
  const kept = { text: '', stream: undefined as unknown as NodeJS.WriteStream };
  const write = (text: string) => ((kept.text += text), true);
  kept.stream = { isTTY, columns, write } as unknown as NodeJS.WriteStream;
  return kept;
}

const step = (more: Partial<Progress> = {}): Progress => ({
  stage: 'calibrate',
  fraction: 0.25,
  etaSeconds: 12.4,
  message: '10 of 40 samples',
  ...more,
});

describe('progressPrinter on a terminal', () => {
  it('overwrites one line and clears it at the end, once', () => {
    const seen = stream(true, 80);
    const { onProgress, finish } = progressPrinter(seen.stream, false);
    onProgress(step());
    onProgress(step({ fraction: 0.5, etaSeconds: null }));
    finish();
    finish();
    expect(seen.text).toBe(
      '\r\x1b[2Kcalibrate   25 % 10 of 40 samples, 12 s left' +
        '\r\x1b[2Kcalibrate   50 % 10 of 40 samples' +
        '\r\x1b[2K',
    );
  });

  it('cuts the line to the width, so that it never wraps', () => {
    const seen = stream(true, 30);
    progressPrinter(seen.stream, false).onProgress(step({ message: 'x'.repeat(200) }));
    expect(seen.text.replace('\r\x1b[2K', '')).toHaveLength(29);
  });

  it.each([
    [0.2, ', 1 s left'],
    [89.4, ', 89 s left'],
    [90, ', 2 min left'],
  ])('%d seconds left read "%s"', (etaSeconds, text) => {
    const seen = stream(true, 80);
    progressPrinter(seen.stream, false).onProgress(step({ etaSeconds }));
    expect(seen.text.endsWith(text)).toBe(true);
  });
});

describe('progressPrinter without a terminal', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('prints a line when the work changes, at its end and every few seconds', () => {
    const seen = stream(false);
    const { onProgress, finish } = progressPrinter(seen.stream, false);
    for (const fraction of [0.1, 0.2, 0.3]) onProgress(step({ fraction, etaSeconds: null, message: 'm' }));
    vi.advanceTimersByTime(5000);
    onProgress(step({ fraction: 0.4, etaSeconds: null, message: 'm' }));
    onProgress(step({ fraction: 1, etaSeconds: 3, message: 'm' }));
    onProgress(step({ stage: 'build', variant: 'fp16', fraction: null, etaSeconds: null, message: 'engine' }));
    onProgress(step({ stage: 'build', variant: 'int8', fraction: null, etaSeconds: null, message: 'engine' }));
    finish();
    expect(seen.text.split('\n')).toEqual([
      'calibrate   10 % m',
      'calibrate   40 % m',
      'calibrate  100 % m',
      'build            engine',
      'build            engine',
      '',
    ]);
  });

  it('is silent when asked to be', () => {
    for (const isTTY of [false, true]) {
      const seen = stream(isTTY, 80);
      const { onProgress, finish } = progressPrinter(seen.stream, true);
      onProgress(step({ fraction: 1 }));
      finish();
      expect(seen.text).toBe('');
    }
  });
});

describe('formatError', () => {
  it('says what, where, why and what to do; lines of the reason stay together', () => {
    const error = new CodedError({
      code: 'ENGINE_PARSE',
      reason: 'The parser refused it:\nno such operator.',
      fix: 'Replace it.',
      place: { file: 'm.onnx', node: 'conv1' },
    });
    expect(formatError(error)).toBe(
      'error ENGINE_PARSE (m.onnx, conv1)\n  The parser refused it:\n  no such operator.\n  → Replace it.\n',
    );
  });

  it('leaves out a place that is not known', () => {
    const error = new CodedError({ code: 'CANCELLED', reason: 'Stopped.', fix: 'Start again.' });
    expect(formatError(error)).toBe('error CANCELLED\n  Stopped.\n  → Start again.\n');
  });
});

describe('tableOptions', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('shows colors on a terminal only, and not where NO_COLOR forbids them', () => {
    vi.stubEnv('NO_COLOR', undefined);
    expect(tableOptions(stream(true, 100).stream)).toEqual({ color: true, width: 100 });
    expect(tableOptions({} as NodeJS.WriteStream)).toEqual({ color: false, width: 120 });
    vi.stubEnv('NO_COLOR', '');
    expect(tableOptions(stream(true, 100).stream)).toEqual({ color: false, width: 100 });
  });
});
