import { describe, expect, test } from 'vitest';
import { workerDeathError, type WorkerDeath } from '../../../extension/worker/workerDeath';

const death = (facts: Partial<WorkerDeath>) =>
  workerDeathError({ code: null, signal: null, stage: 'build (int8)', log: [], ...facts });

describe('workerDeathError', () => {
  test.each<[string, Partial<WorkerDeath>, string]>([
    ['a segmentation fault', { signal: 'SIGSEGV' }, 'WORKER_CRASHED'],
    ['an abort', { signal: 'SIGABRT' }, 'WORKER_CRASHED'],
    ['an exit code', { code: 3 }, 'WORKER_CRASHED'],
    ['a kill', { signal: 'SIGKILL' }, 'WORKER_OUT_OF_MEMORY'],
    ['a kill as a shell reports it', { code: 137 }, 'WORKER_OUT_OF_MEMORY'],
    ['a full V8 heap', { signal: 'SIGABRT', log: ['FATAL ERROR: Reached heap limit'] }, 'WORKER_OUT_OF_MEMORY'],
    ['a failed new', { signal: 'SIGABRT', log: ["instance of 'std::bad_alloc'"] }, 'WORKER_OUT_OF_MEMORY'],
    ["TensorRT's compiler giving up", { signal: 'SIGABRT', log: ['LLVM ERROR: out of memory'] }, 'ENGINE_BUILD'],
    ['talk of memory before another death', { signal: 'SIGSEGV', log: ['CUDA out of memory?'] }, 'WORKER_CRASHED'],
  ])('%s', (_, facts, code) => {
    const error = death(facts);
    expect(error.code).toBe(code);
    expect(error.reason).toContain('in stage build (int8)');
  });

  test("says what TensorRT's compiler said, which more memory does not help", () => {
    const { reason, fix } = death({ code: 1, log: ['LLVM ERROR: Cannot select: v8f16'] });
    expect(reason).toContain(
      'compiler of kernels ended the worker process in stage build (int8): Cannot select: v8f16.',
    );
    expect(fix).toMatch(/^Leave this precision out/);
  });

  test('shows the newest lines of a long log', () => {
    const log = Array.from({ length: 50 }, (_, i) => `line ${i}`);
    const { reason } = death({ signal: 'SIGSEGV', log });
    expect(reason).toContain('line 49');
    expect(reason).not.toContain('line 20\n');
  });

  test('leaves out the traces that Node prints when it aborts', () => {
    const log = [
      'last words',
      '----- Native stack trace -----',
      ' 1: 0xd3a3c0  [/usr/bin/node]',
      '----- JavaScript stack trace -----',
      '1: calibrate (/x.cjs:1:216)',
    ];
    expect(death({ signal: 'SIGABRT', log }).reason).toMatch(/log:\nlast words$/);
    const heap = [
      '<--- Last few GCs --->',
      '[77:0x5de2d0a0]     1031 ms: Mark-sweep 23.9 (35.4) -> 23.9 MB',
      'FATAL ERROR: Reached heap limit',
    ];
    const error = death({ signal: 'SIGABRT', log: heap });
    expect(error.code).toBe('WORKER_OUT_OF_MEMORY');
    expect(error.reason).not.toContain('Mark-sweep');
  });

  test('says when there is no log', () => {
    expect(death({ signal: 'SIGBUS' }).reason).toMatch(/died with SIGBUS.*left no log/);
  });
});
