/**
 * The thread in which a data set is read (`dist/datasetThread.cjs`); started by `threadedDataset.ts`. Samples are made one
 * after the other, in the order asked for: memory holds one sample being decoded, whatever is asked for ahead.
 */
import { parentPort } from 'node:worker_threads';
import { Channel, registerHandlers, type Silent } from '../../contract/channel';
import { CodedError } from '../../contract/errors';
import { UnreadableSample, type Dataset, type Sample, type SampleInfo } from '../dataset';
import { contentHashes } from '../sampleByContent';
import { openDataset } from './openDataset';
import type { DatasetThreadSide, OpenedDataset, ThreadSample } from './threadedDataset';

const port = parentPort;
if (port === null) throw new Error('This file is started by threadedDataset.ts, as a thread.');

const channel = new Channel<DatasetThreadSide, Silent>(
  {
    send: (message) => port.postMessage(message, handedOver(message)),
    listen: (listener) => {
      port.on('message', listener);
      return () => port.off('message', listener);
    },
  },
  { onDefect: (error, method) => console.error(`Defect in data set method ${method}:`, error) },
);

let dataset: Dataset | null = null;
/** The end of the queue of reads. */
let last: Promise<unknown> = Promise.resolve();

registerHandlers(channel, {
  open: async (options, { signal }) => {
    dataset = await openDataset({ ...options, signal });
    return describeDataset(dataset);
  },
  get: (index, { signal }) => {
    const read = last.then(() => readSample(opened(), index, signal));
    last = read.catch(() => undefined);
    return read;
  },
  contentHashes: (indices, { signal }) => contentHashes(opened(), indices, signal),
  sha256: () => opened().sha256(),
  close: async () => {
    await dataset?.close();
    return null;
  },
});

function opened(): Dataset {
  if (dataset !== null) return dataset;
  throw new CodedError({ code: 'INTERNAL', reason: 'No data set is open.', fix: 'Report this as a defect.' });
}

function describeDataset(source: Dataset): OpenedDataset {
  const { kind, length, labelled, classes, batchRule } = source;
  const describe = source.describe?.bind(source);
  const infos: SampleInfo[] | null =
    describe === undefined ? null : Array.from({ length }, (_, index) => describe(index));
  return { kind, length, labelled, classes, batchRule: batchRule ?? null, infos };
}

/** Kinds whose arrays are made anew for every sample. A user's module may give out the same one again. */
const freshKinds: readonly Dataset['kind'][] = ['npz', 'npy', 'classFolders', 'imageFolder'];
/** The buffers of samples on their way; every sample is sent once. */
const samplesOnTheWay = new WeakMap<object, ArrayBuffer[]>();

/** What of a message `postMessage` can give away, where it would else copy it twice. */
function handedOver(message: unknown): ArrayBuffer[] {
  const { result } = message as { readonly result?: unknown };
  return typeof result === 'object' && result !== null ? (samplesOnTheWay.get(result) ?? []) : [];
}

/** Buffers that the sample's arrays fill; those that they share with something else stay here. */
function ownBuffers({ tensors }: Sample): ArrayBuffer[] {
  const buffers = Object.values(tensors).flatMap(({ data }) =>
    data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength ? [data.buffer] : [],
  );
  return [...new Set(buffers)];
}

async function readSample(source: Dataset, index: number, signal: AbortSignal): Promise<ThreadSample> {
  try {
    const answer = { sample: await source.get(index, signal) };
    if (freshKinds.includes(source.kind)) samplesOnTheWay.set(answer, ownBuffers(answer.sample));
    return answer;
  } catch (error) {
    if (error instanceof UnreadableSample) return { unreadable: error.toJSON() };
    throw error;
  }
}
