/**
 * A data set that is read, decoded and preprocessed in a thread of its own, so that the next batch is made while inference
 * holds the main thread (onnxruntime's `run` is synchronous).
 *
 * A thread suffices: decoders are JavaScript and WebAssembly, and a user's Python class runs in a process of its own. The other
 * end is `datasetThread.ts`.
 */
import { setMaxListeners } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Channel, type Side, type Silent } from '../../contract/channel';
import { CodedError, type ErrorData } from '../../contract/errors';
import {
  UnreadableSample,
  type BatchRule,
  type Dataset,
  type OpenDatasetOptions,
  type Sample,
  type SampleInfo,
} from '../dataset';

/** What the thread tells of a data set that it opened. */
export interface OpenedDataset {
  readonly kind: Dataset['kind'];
  readonly length: number;
  readonly labelled: boolean;
  readonly classes: readonly string[] | null;
  readonly batchRule: BatchRule | null;
  /** One per sample; null where only reading a sample tells. */
  readonly infos: readonly SampleInfo[] | null;
}

/** A sample that cannot be read is an answer, not a failure: the caller may go on without it. */
export type ThreadSample = { readonly sample: Sample } | { readonly unreadable: ErrorData };

/** The thread's side of its channel. */
export interface DatasetThreadSide extends Side {
  readonly methods: {
    open: { params: Omit<OpenDatasetOptions, 'signal'>; result: OpenedDataset };
    get: { params: number; result: ThreadSample };
    contentHashes: { params: readonly number[]; result: (string | null)[] };
    sha256: { params: null; result: string };
    close: { params: null; result: null };
  };
  readonly events: Record<never, never>;
}

/** Samples asked for ahead of the one that is awaited: as many as the budget holds of the largest seen, within these bounds. */
const leastReadAhead = 16;
const mostReadAhead = 256;
const readAheadBytes = 32 * 2 ** 20;

/**
 * @param entry the bundle of `datasetThread.ts`
 * @throws CodedError as `openDataset` does
 */
export async function openThreadedDataset(options: OpenDatasetOptions, entry: string): Promise<Dataset> {
  const { signal, ...plain } = options;
  // Every read that is under way listens to it.
  if (signal !== undefined) setMaxListeners(0, signal);
  const thread = new Worker(entry);
  const channel = new Channel<Silent, DatasetThreadSide>({
    send: (message) => thread.postMessage(message),
    listen: (listener) => {
      thread.on('message', listener);
      return () => thread.off('message', listener);
    },
  });
  thread.once('error', (error) => channel.dispose(threadDied(options.source, error.message, error)));
  // Without an error before it: the user's module ended the thread itself.
  thread.once('exit', (code) => channel.dispose(threadDied(options.source, `its code exited with ${code}`)));
  try {
    const opened = await channel.request('open', plain, { signal });
    return new ThreadedDataset(options.source, opened, thread, channel);
  } catch (error) {
    channel.dispose();
    await thread.terminate();
    throw error;
  }
}

function threadDied(source: string, why: string, cause?: Error): CodedError {
  return new CodedError(
    {
      code: 'DATA_UNREADABLE',
      reason: `Reading ${source} failed: ${why}.`,
      fix: 'Look for a sample that is much larger than the others or code that ends its process, and try again without it.',
      place: { file: source },
    },
    { cause },
  );
}

class ThreadedDataset implements Dataset {
  readonly kind: Dataset['kind'];
  readonly length: number;
  readonly labelled: boolean;
  readonly classes: readonly string[] | null;
  readonly batchRule?: BatchRule;
  readonly describe?: (index: number) => SampleInfo;
  /** Of the samples that have come; 0 before the first. */
  private largestBytes = 0;

  constructor(
    readonly source: string,
    opened: OpenedDataset,
    private readonly thread: Worker,
    private readonly channel: Channel<Silent, DatasetThreadSide>,
  ) {
    const { kind, length, labelled, classes, batchRule, infos } = opened;
    this.kind = kind;
    this.length = length;
    this.labelled = labelled;
    this.classes = classes;
    if (batchRule !== null) this.batchRule = batchRule;
    if (infos !== null) {
      this.describe = (index) => {
        const info = infos[index];
        if (info === undefined) throw new RangeError(`sample ${index} of ${length}`);
        return info;
      };
    }
  }

  /** Small samples are all there by the time that a session is open, and the thread takes no processor from inference. */
  get readAhead(): number {
    if (this.largestBytes === 0) return leastReadAhead;
    return Math.min(Math.max(Math.floor(readAheadBytes / this.largestBytes), leastReadAhead), mostReadAhead);
  }

  async get(index: number, signal?: AbortSignal): Promise<Sample> {
    const answer = await this.channel.request('get', index, { signal });
    if ('unreadable' in answer) throw new UnreadableSample(answer.unreadable);
    this.largestBytes = Math.max(this.largestBytes, sampleBytes(answer.sample));
    return answer.sample;
  }

  contentHashes(indices: readonly number[], signal?: AbortSignal): Promise<(string | null)[]> {
    return this.channel.request('contentHashes', indices, { signal });
  }

  sha256(): Promise<string> {
    return this.channel.request('sha256', null);
  }

  async close(): Promise<void> {
    // Python's child process is ended by the data set's own close, which the thread must live to see.
    await this.channel.request('close', null).catch(() => null);
    this.channel.dispose();
    await this.thread.terminate();
  }
}

function sampleBytes({ tensors }: Sample): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
}
