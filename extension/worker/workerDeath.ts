/**
 * Turns the death of the worker process into a coded error: what killed it, in which stage, with its last log lines.
 * Pure; `workerClient.ts` gathers the facts.
 */
import { CodedError } from '../contract/errors';

export interface WorkerDeath {
  /** Exit code, or null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The work it was doing, as a user would name it: `build (int8)`. */
  readonly stage: string;
  /** Its newest log lines, oldest first. */
  readonly log: readonly string[];
}

/** What V8 and the C++ runtime print when memory runs out, before they abort. */
const heapExhausted = /JavaScript heap out of memory|Reached heap limit|Fatal process out of memory/;
const allocationFailed = /std::bad_alloc|cannot allocate memory|out of memory/i;
/**
 * What TensorRT's own compiler of kernels prints before it aborts. "Out of memory" among it, seen with 256 GB free: of TensorRT 10.6,
 * which had INT4 weights to compile (docs/measurements/h200-trt10.6).
 */
const compilerFailed = /^LLVM ERROR: (.*)$/m;
const shownLines = 12;
/** Traces and tables that Node prints when it aborts: of use to a developer, who has the whole log. */
const noise = /^-{5} .* stack trace -{5}$|^\s*\d+: |^<--- .* --->$|^\[\d+:0x[\da-f]+\]/;

export function workerDeathError(death: WorkerDeath): CodedError {
  const compiler = compilerReason(death);
  const memory = memoryReason(death);
  const log = death.log
    .filter((line) => !noise.test(line))
    .slice(-shownLines)
    .join('\n');
  const tail = log === '' ? ' It left no log.' : ` Last lines of its log:\n${log}`;
  if (compiler !== null) {
    return new CodedError({
      code: 'ENGINE_BUILD',
      reason: `TensorRT's compiler of kernels ended the worker process in stage ${death.stage}: ${compiler}.${tail}`,
      fix:
        'Leave this precision out, or try another optimization level or another version of TensorRT. Where the machine was short of ' +
        'memory, close other programs.',
    });
  }
  if (memory !== null) {
    return new CodedError({
      code: 'WORKER_OUT_OF_MEMORY',
      reason: `The worker process ran out of memory in stage ${death.stage}: ${memory}.${tail}`,
      fix: 'Lower the batch size and the number of samples, close other programs, or use a machine with more memory.',
    });
  }
  return new CodedError({
    code: 'WORKER_CRASHED',
    reason: `The worker process died with ${ending(death)} in stage ${death.stage}.${tail}`,
    fix: 'Start the job again: it gets a fresh worker. If it dies again, report the model and the log as a defect.',
  });
}

function ending({ signal, code }: WorkerDeath): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : signal;
}

/** What TensorRT's compiler said, or null where it was not the one to abort. */
function compilerReason({ signal, code, log }: WorkerDeath): string | null {
  const said = compilerFailed.exec(log.join('\n'))?.[1] ?? null;
  return signal !== null || code !== 0 ? said : null;
}

/** Why this death is one of memory, or null when it is not. */
function memoryReason({ signal, code, log }: WorkerDeath): string | null {
  const text = log.join('\n');
  if (heapExhausted.test(text)) return 'the JavaScript heap reached its limit';
  // An orderly exit explains itself in the log; only a violent end is judged by its last words.
  const aborted = signal === 'SIGABRT' || code === 134;
  if (aborted && allocationFailed.test(text)) return 'an allocation in native code failed';
  // The client excludes kills of its own; what else sends SIGKILL is in nearly all cases the kernel's OOM killer.
  const killed = signal === 'SIGKILL' || code === 137;
  return killed ? 'it was killed (SIGKILL), most likely by the system because memory ran out' : null;
}
