/**
 * The thread in which a data set is read (`dist/datasetThread.cjs`); started by `threadedDataset.ts`. Samples are made one
 * after the other, in the order asked for: memory holds one sample being decoded, whatever is asked for ahead.
 */
import { parentPort } from 'node:worker_threads';
import { Channel, registerHandlers, type Silent } from '../../contract/channel';
import { CodedError } from '../../contract/errors';
import { UnreadableSample, type Dataset, type SampleInfo } from '../dataset';
import { contentHashes } from '../sampleByContent';
import { openDataset } from './openDataset';
import type { DatasetThreadSide, OpenedDataset, ThreadSample } from './threadedDataset';

const port = parentPort;
if (port === null) throw new Error('This file is started by threadedDataset.ts, as a thread.');

const channel = new Channel<DatasetThreadSide, Silent>(
  {
    send: (message) => port.postMessage(message),
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

async function readSample(source: Dataset, index: number, signal: AbortSignal): Promise<ThreadSample> {
  try {
    return { sample: await source.get(index, signal) };
  } catch (error) {
    if (error instanceof UnreadableSample) return { unreadable: error.toJSON() };
    throw error;
  }
}
