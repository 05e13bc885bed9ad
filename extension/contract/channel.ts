/**
 * One typed message channel for everything that talks across a boundary: host ↔ worker process, host ↔ webview panel,
 * host ↔ side view. It knows nothing of the transport: `ChannelPort` is all it needs (a forked process's IPC, or
 * `postMessage`).
 *
 * What it promises:
 * - every request is answered: a handler that throws, returns something that cannot be sent, or does not exist answers
 *   with an error; errors travel as `ErrorData` and arrive as `CodedError`;
 * - pending requests are rejected when the channel is disposed or the other side restarts (a webview that reloads);
 * - both sides check the protocol version before the first request goes out; requests made earlier wait for that;
 * - messages are checked at the boundary: foreign ones are ignored, malformed ones of ours fail the channel;
 * - a request can be cancelled (`AbortSignal`) and reports progress. Cancelling only asks: the promise settles when the
 *   handler does. Whoever owns the other side may end it by force (`worker/workerClient.ts`).
 *
 * The methods themselves are in `messages.ts`.
 */
import { CodedError, cancelled, type ErrorData } from './errors';
import { stages, type OnProgress, type Progress } from './progress';

/** Raised with every change of the messages below or of the methods' types. */
export const protocolVersion = 1;

/** The transport. Messages are structured-cloneable values and arrive in order. */
export interface ChannelPort {
  /** @throws when the value cannot be cloned */
  send(message: unknown): void;
  /** @returns a function that stops listening */
  listen(listener: (message: unknown) => void): () => void;
}

export type Methods = Record<string, { params: unknown; result: unknown }>;
export type Events = Record<string, unknown>;

/** What one side of a channel answers and emits. */
export interface Side {
  readonly methods: Methods;
  readonly events: Events;
}
/** A side that answers nothing and emits nothing. */
export interface Silent extends Side {
  readonly methods: Record<never, never>;
  readonly events: Record<never, never>;
}

/** What a handler gets beside its parameters; fits `RunOptions`. */
export interface HandlerOptions {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}
export type Handler<M extends Methods[string]> = (
  params: M['params'],
  options: HandlerOptions,
) => M['result'] | Promise<M['result']>;
/** A handler for every method: a forgotten one is a type error. */
export type Handlers<M extends Methods> = { readonly [K in keyof M]: Handler<M[K]> };

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface ChannelOptions {
  /** For tests of the handshake. */
  readonly version?: number;
  /** Gets defects that a user sees only as INTERNAL, with their stack: for the log. */
  readonly onDefect?: ((error: unknown, method: string) => void) | undefined;
}

type Message =
  | { readonly type: 'hello'; readonly version: number; readonly instance: string; readonly isReply: boolean }
  | { readonly type: 'request'; readonly id: number; readonly method: string; readonly params: unknown }
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorData }
  | { readonly type: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'event'; readonly name: string; readonly data: unknown };

/** Marks our messages among those of other scripts on the same transport. */
const marker = 'precision-bench';
/** Progress of one stage and variant is sent at most this often; the end (fraction 1) always. */
const progressIntervalMs = 50;

interface Pending {
  readonly method: string;
  readonly onProgress: OnProgress | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CodedError) => void;
}

/**
 * One end of a channel.
 * @typeParam Here what this end answers and emits
 * @typeParam There what the other end answers and emits
 */
export class Channel<Here extends Side, There extends Side> {
  /** Settles with the handshake; rejected with WORKER_PROTOCOL when the versions differ or the channel ends first. */
  readonly ready: Promise<void>;

  private readonly version: number;
  private readonly instance = Math.random().toString(36).slice(2);
  private readonly handlers = new Map<string, Handler<Methods[string]>>();
  private readonly listeners = new Map<string, Set<(data: never) => void>>();
  private readonly pending = new Map<number, Pending>();
  private readonly running = new Map<number, AbortController>();
  private readonly stopListening: () => void;
  private settleReady: { resolve: () => void; reject: (error: CodedError) => void };
  private peer: string | null = null;
  /** Set once the channel is of no more use. */
  private end: CodedError | null = null;
  private queue: Message[] = [];
  private nextId = 1;

  constructor(
    private readonly port: ChannelPort,
    private readonly options: ChannelOptions = {},
  ) {
    this.version = options.version ?? protocolVersion;
    this.settleReady = { resolve: () => {}, reject: () => {} };
    this.ready = new Promise<void>((resolve, reject) => (this.settleReady = { resolve, reject }));
    // Requests report the same failure; nobody has to await `ready`.
    this.ready.catch(() => {});
    this.stopListening = port.listen((message) => this.receive(message));
    this.send({ type: 'hello', version: this.version, instance: this.instance, isReply: false });
  }

  /** True while no handler runs on this side. */
  get isIdle(): boolean {
    return this.running.size === 0;
  }

  /** Answers a method. `check` validates parameters that come from a less trusted side; it throws a CodedError. */
  handle<K extends keyof Here['methods'] & string>(
    method: K,
    handler: Handler<Here['methods'][K]>,
    check?: (params: unknown) => Here['methods'][K]['params'],
  ): void {
    this.handlers.set(method, (params, options) => handler(check === undefined ? params : check(params), options));
  }

  /** Asks the other side. Rejects with a CodedError only. */
  request<K extends keyof There['methods'] & string>(
    method: K,
    params: There['methods'][K]['params'],
    { signal, onProgress }: RequestOptions = {},
  ): Promise<There['methods'][K]['result']> {
    if (this.end !== null) return Promise.reject(this.end);
    if (signal?.aborted) return Promise.reject(cancelled());
    const id = this.nextId++;
    const onAbort = () => this.askToCancel(id);
    return new Promise<There['methods'][K]['result']>((resolve, reject) => {
      this.pending.set(id, { method, onProgress, resolve, reject });
      signal?.addEventListener('abort', onAbort, { once: true });
      this.sendRequest({ type: 'request', id, method, params });
    }).finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** Tells the other side something it need not answer. */
  emit<K extends keyof Here['events'] & string>(name: K, data: Here['events'][K]): void {
    if (this.end === null) this.sendWhenReady({ type: 'event', name, data });
  }

  /** @returns a function that stops listening */
  on<K extends keyof There['events'] & string>(name: K, listener: (data: There['events'][K]) => void): () => void {
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Ends the channel: rejects what is pending with `error`, aborts what is running here, sends nothing more. */
  dispose(error: CodedError = cancelled()): void {
    if (this.end !== null) return;
    this.end = error;
    this.queue = [];
    this.stopListening();
    this.settleReady.reject(error);
    this.rejectPending(error);
    this.abortRunning();
  }

  private receive(value: unknown): void {
    if (this.end !== null || !isOurs(value)) return;
    const message = parseMessage(value);
    if (message === null) {
      this.dispose(protocolError('The other side sent a malformed message.'));
      return;
    }
    switch (message.type) {
      case 'hello':
        return this.onHello(message);
      case 'request':
        return void this.onRequest(message.id, message.method, message.params);
      case 'result':
        return this.takePending(message.id)?.resolve(message.result);
      case 'error':
        return this.takePending(message.id)?.reject(new CodedError(message.error));
      case 'progress':
        return this.pending.get(message.id)?.onProgress?.(message.progress);
      case 'cancel':
        return this.running.get(message.id)?.abort();
      case 'event':
        return this.listeners.get(message.name)?.forEach((listener) => listener(message.data as never));
    }
  }

  private onHello({ version, instance, isReply }: Extract<Message, { type: 'hello' }>): void {
    if (!isReply) this.send({ type: 'hello', version: this.version, instance: this.instance, isReply: true });
    if (version !== this.version) {
      this.dispose(protocolError(`The other side speaks protocol version ${version}, this side ${this.version}.`));
      return;
    }
    if (this.peer === instance) return;
    if (this.peer !== null) {
      // The other side was restarted (a webview reloaded): what its predecessor was asked will not be answered.
      this.rejectPending(protocolError('The other side was restarted before it answered.'));
      this.abortRunning();
    }
    this.peer = instance;
    this.settleReady.resolve();
    const queue = this.queue;
    this.queue = [];
    for (const message of queue) {
      if (message.type === 'request') this.sendRequest(message);
      else this.send(message);
    }
  }

  private async onRequest(id: number, method: string, params: unknown): Promise<void> {
    const controller = new AbortController();
    this.running.set(id, controller);
    let answer: Message;
    try {
      const handler = this.handlers.get(method);
      if (handler === undefined) throw protocolError(`There is no method "${method}" on this side of the channel.`);
      const options = { signal: controller.signal, onProgress: this.progressSender(id) };
      answer = { type: 'result', id, result: await handler(params, options) };
    } catch (error) {
      answer = { type: 'error', id, error: this.errorData(error, method) };
    }
    // A peer that restarted has its own ids: what its predecessor asked for is not answered to it.
    if (this.running.get(id) !== controller) return;
    this.running.delete(id);
    try {
      this.send(answer);
    } catch (error) {
      this.send({ type: 'error', id, error: this.errorData(error, method) });
    }
  }

  private errorData(error: unknown, method: string): ErrorData {
    const coded = CodedError.from(error);
    if (coded.code === 'INTERNAL') this.options.onDefect?.(error, method);
    return coded.toJSON();
  }

  private progressSender(id: number): OnProgress {
    const lastSent = new Map<string, number>();
    return (progress) => {
      const key = `${progress.stage} ${progress.variant ?? ''}`;
      const now = Date.now();
      const due = now - (lastSent.get(key) ?? -Infinity) >= progressIntervalMs;
      if (!this.running.has(id) || (!due && progress.fraction !== 1)) return;
      lastSent.set(key, now);
      this.send({ type: 'progress', id, progress });
    };
  }

  private sendRequest(message: Extract<Message, { type: 'request' }>): void {
    try {
      this.sendWhenReady(message);
    } catch (error) {
      this.takePending(message.id)?.reject(CodedError.from(error));
    }
  }

  private sendWhenReady(message: Message): void {
    if (this.peer === null) this.queue.push(message);
    else this.send(message);
  }

  private send(message: Message): void {
    if (this.end === null) this.port.send({ ...message, channel: marker });
  }

  private askToCancel(id: number): void {
    if (this.peer !== null) return this.send({ type: 'cancel', id });
    // Not sent yet: nobody else knows of it.
    this.queue = this.queue.filter((message) => message.type !== 'request' || message.id !== id);
    this.takePending(id)?.reject(cancelled());
  }

  private takePending(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    return pending;
  }

  private rejectPending(error: CodedError): void {
    const all = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of all) reject(error);
  }

  private abortRunning(): void {
    const all = [...this.running.values()];
    this.running.clear();
    for (const controller of all) controller.abort();
  }
}

/** Answers all methods of this side. */
export function registerHandlers<Here extends Side, There extends Side>(
  channel: Channel<Here, There>,
  handlers: Handlers<Here['methods']>,
): void {
  for (const [method, handler] of Object.entries(handlers)) {
    channel.handle(method, handler as Handler<Here['methods'][string]>);
  }
}

function protocolError(reason: string): CodedError {
  return new CodedError({
    code: 'WORKER_PROTOCOL',
    reason,
    fix: 'Build the project again (npm run build) and reload the window, so that both sides are of one version.',
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isOurs(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && value['channel'] === marker;
}

/** The message, or null when a field is missing or of the wrong type. */
function parseMessage(value: Record<string, unknown>): Message | null {
  const id = Number.isSafeInteger(value['id']) ? (value['id'] as number) : null;
  const has = (field: string, type: 'string' | 'number' | 'boolean') => typeof value[field] === type;
  const valid = (() => {
    switch (value['type']) {
      case 'hello':
        return has('version', 'number') && has('instance', 'string') && has('isReply', 'boolean');
      case 'request':
        return id !== null && has('method', 'string');
      case 'result':
      case 'cancel':
        return id !== null;
      case 'error':
        return id !== null && isErrorData(value['error']);
      case 'progress':
        return id !== null && isProgress(value['progress']);
      case 'event':
        return has('name', 'string');
      default:
        return false;
    }
  })();
  return valid ? (value as Message) : null;
}

function isErrorData(value: unknown): value is ErrorData {
  return isRecord(value) && ['code', 'reason', 'fix'].every((field) => typeof value[field] === 'string');
}

function isProgress(value: unknown): value is Progress {
  if (!isRecord(value)) return false;
  const numberOrNull = (field: string) => value[field] === null || typeof value[field] === 'number';
  return (
    (stages as readonly unknown[]).includes(value['stage']) &&
    numberOrNull('fraction') &&
    numberOrNull('etaSeconds') &&
    typeof value['message'] === 'string'
  );
}
