/**
 * The host's side of the worker process: starts it on demand, asks it, cancels it and survives its death.
 *
 * Native code and inference run in a forked process because a segmentation fault there must not take the editor or the
 * command line along. The process stays warm between requests; after a crash or a kill the next request gets a fresh one.
 *
 * Cancelling takes three steps: the request's `AbortSignal` fires here, a message asks the worker to stop (its handlers see
 * their own signal fire), and whatever has not answered within the grace period is killed.
 *
 * `pipeline.ts` is the user; `serveWorker.ts` is the other end.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { Channel, type ChannelPort, type RequestOptions } from '../contract/channel';
import { CodedError, cancelled } from '../contract/errors';
import type { HostSide, WorkerMethods, WorkerSide } from '../contract/messages';
import type { Progress } from '../contract/progress';
import { LogTail } from './logTail';
import { workerDeathError } from './workerDeath';

export interface WorkerClientOptions {
  /** The bundled worker, `dist/worker.cjs`. */
  readonly entry: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Gets every line the worker prints. */
  readonly onLog?: (line: string) => void;
  /** From the wish to cancel to the kill, in ms. */
  readonly graceMs?: number;
  /** How long a fresh worker may take to say hello, in ms. */
  readonly startMs?: number;
}

const logLines = 200;
/** After the exit of the process, time for its last output and messages to arrive (a grandchild can hold the pipes). */
const drainMs = 500;

export class WorkerClient {
  private worker: WorkerProcess | null = null;

  constructor(private readonly options: WorkerClientOptions) {}

  /** Process id of the live worker, or null. */
  get pid(): number | null {
    return this.worker?.pid ?? null;
  }

  /**
   * Asks the worker; starts one if none is alive.
   * @throws CodedError what the handler threw; CANCELLED; WORKER_CRASHED, WORKER_OUT_OF_MEMORY or WORKER_PROTOCOL when the
   *   process failed
   */
  async request<K extends keyof WorkerMethods>(
    method: K,
    params: WorkerMethods[K]['params'],
    options: RequestOptions = {},
  ): Promise<WorkerMethods[K]['result']> {
    if (options.signal?.aborted) throw cancelled();
    if (this.worker === null || this.worker.ended) this.worker = new WorkerProcess(this.options);
    return this.worker.request(method, params, options);
  }

  /** Stops the worker, gently and then by force. A later request would start another. */
  async dispose(): Promise<void> {
    const worker = this.worker;
    this.worker = null;
    await worker?.stop();
  }
}

/** One life of the worker process. */
class WorkerProcess {
  /** True from the moment that no request may be given to it any more. */
  ended = false;

  private readonly child: ChildProcess;
  private readonly channel: Channel<HostSide, WorkerSide>;
  private readonly log = new LogTail(logLines);
  private readonly exited: Promise<void>;
  /** The requests under way, each with the stage it last reported. */
  private readonly stages = new Map<symbol, string>();
  /** Why we killed it ourselves, if we did. */
  private killReason: CodedError | null = null;

  constructor(private readonly options: WorkerClientOptions) {
    this.child = forkWorker(options);
    this.collectLog(this.child.stdout);
    this.collectLog(this.child.stderr);
    this.channel = new Channel<HostSide, WorkerSide>(childPort(this.child));
    this.exited = this.watchExit();
    this.watchStart();
  }

  get pid(): number | null {
    return this.child.pid ?? null;
  }

  async request<K extends keyof WorkerMethods>(
    method: K,
    params: WorkerMethods[K]['params'],
    { signal, onProgress }: RequestOptions,
  ): Promise<WorkerMethods[K]['result']> {
    const key = Symbol(method);
    this.stages.set(key, method);
    const remember = (progress: Progress) => {
      this.stages.set(key, stageName(progress));
      onProgress?.(progress);
    };
    let killTimer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      killTimer = setTimeout(() => this.kill(cancelled()), this.options.graceMs ?? 1000);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await this.channel.request(method, params, { signal, onProgress: remember });
    } finally {
      clearTimeout(killTimer);
      signal?.removeEventListener('abort', onAbort);
      this.stages.delete(key);
    }
  }

  /** Disconnects, upon which the worker ends itself; kills it when it does not. */
  async stop(): Promise<void> {
    this.ended = true;
    this.killReason ??= cancelled();
    this.channel.dispose(this.killReason);
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), this.options.graceMs ?? 1000);
    await this.exited;
    clearTimeout(timer);
  }

  private kill(reason: CodedError): void {
    this.ended = true;
    this.killReason ??= reason;
    this.child.kill('SIGKILL');
  }

  /** Resolves when the process is gone and its requests have been rejected. */
  private watchExit(): Promise<void> {
    return new Promise((resolve) => {
      this.child.on('error', (error) => {
        // A process that never came to be has no exit event; after later errors (a failed kill) one comes.
        if (this.child.pid !== undefined) return;
        this.fail(startError(`The worker process cannot be started: ${error.message}.`));
        resolve();
      });
      this.child.once('exit', (code, signal) => {
        this.ended = true;
        // Only a death that is not our doing needs the last words of the process.
        const drained = this.killReason === null ? this.drained() : Promise.resolve();
        void drained.then(() => {
          this.fail(this.killReason ?? this.deathError(code, signal));
          resolve();
        });
      });
    });
  }

  /** Waits for `close` (all pipes ended), but not for a grandchild that keeps them open. */
  private async drained(): Promise<void> {
    const timer = new AbortController();
    const closed = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    await Promise.race([closed, delay(drainMs, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }

  private watchStart(): void {
    const startMs = this.options.startMs ?? 30_000;
    const timer = setTimeout(() => {
      this.kill(startError(`The worker process did not answer within ${startMs / 1000} s of its start.`));
    }, startMs);
    // A channel that failed (other version, malformed message) makes the process useless.
    this.channel.ready.catch((error: unknown) => this.kill(CodedError.from(error))).finally(() => clearTimeout(timer));
  }

  private fail(error: CodedError): void {
    this.ended = true;
    this.channel.dispose(error);
  }

  private deathError(code: number | null, signal: NodeJS.Signals | null): CodedError {
    const stage = [...this.stages.values()].join(', ') || 'none (it was idle)';
    return workerDeathError({ code, signal, stage, log: this.log.last(logLines) });
  }

  private collectLog(stream: Readable | null): void {
    if (stream === null) return;
    createInterface({ input: stream }).on('line', (line) => {
      this.log.push(line);
      this.options.onLog?.(line);
    });
  }
}

/** @throws CodedError WORKER_CRASHED for failures that the system reports at once; others come as an `error` event */
function forkWorker({ entry, env }: WorkerClientOptions): ChildProcess {
  try {
    return fork(entry, [], {
      execArgv: [],
      env: { ...process.env, ...env, ELECTRON_RUN_AS_NODE: '1' },
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
  } catch (error) {
    throw startError(
      `The worker process cannot be started: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}

/** IPC with the child. Messages to a dead child are dropped: its exit rejects what is pending. */
function childPort(child: ChildProcess): ChannelPort {
  return {
    send: (message) => {
      if (child.connected) child.send(message as object, () => {});
    },
    listen: (listener) => {
      child.on('message', listener);
      return () => child.off('message', listener);
    },
  };
}

function stageName({ stage, variant }: Progress): string {
  return variant === undefined ? stage : `${stage} (${variant})`;
}

function startError(reason: string): CodedError {
  return new CodedError({
    code: 'WORKER_CRASHED',
    reason,
    fix: 'Build the project (npm run build) and check that processes and memory are left on the machine.',
  });
}
