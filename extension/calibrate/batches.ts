/**
 * Streams a data set in batches: the next batch is read and decoded while the caller works on the current one.
 *
 * Comes after `openDataset`; calibration, evaluation and the TensorRT calibrator all read their data through it. At
 * most two batches are in memory, whatever the size of the data set.
 */
import { CodedError, throwIfCancelled } from '../contract/errors';
import { elementCount, type NamedTensors, type Tensor, type TensorData } from '../contract/tensor';
import { UnreadableSample, type Dataset, type Label, type Sample } from './dataset';

export interface SkippedSample {
  readonly index: number;
  readonly id: string;
  /** A sentence: which file and why. */
  readonly reason: string;
}

export interface Batch {
  /** Indices in the data set, one per sample. */
  readonly indices: readonly number[];
  readonly ids: readonly string[];
  readonly labels: readonly Label[];
  /** A tensor per graph input; samples follow each other on the first axis. */
  readonly tensors: NamedTensors;
  /** Samples in the batch. Rows of the first axis beyond `valid * rowsPerSample` only fill up a fixed batch. */
  readonly valid: number;
  /** Rows of the first axis that one sample takes: 1, unless a sample brings a whole batch or sequence. */
  readonly rowsPerSample: number;
  /** Samples that could not be read since the batch before. */
  readonly skipped: readonly SkippedSample[];
}

export interface BatchesOptions {
  readonly signal?: AbortSignal | undefined;
}

/** May the caller go on without this sample? */
function isSkippable(error: unknown): error is CodedError {
  return error instanceof UnreadableSample || CodedError.is(error, 'DATA_UNREADABLE');
}

/** Do two samples differ only in their values, so that they can stand in one batch? */
function alike(a: Sample, b: Sample): boolean {
  return Object.entries(a.tensors).every(([name, tensor]) => {
    const other = b.tensors[name];
    return other?.dims.length === tensor.dims.length && tensor.dims.every((size, axis) => size === other.dims[axis]);
  });
}

function rowsOf(sample: Sample): number {
  return Object.values(sample.tensors)[0]?.dims[0] ?? 1;
}

/** Joins tensors of equal shape on the first axis, the last one repeated until there are `rows` of them. */
function joinTensors(tensors: readonly Tensor[], rows: number): Tensor {
  const first = tensors[0]!;
  if (tensors.length === 1 && rows === 1) return first;
  const size = elementCount(first.dims);
  const data = new (first.data.constructor as new (length: number) => TensorData)(size * rows);
  for (let row = 0; row < rows; row++) {
    const source = tensors[Math.min(row, tensors.length - 1)]!.data;
    (data as Uint8Array).set(source as Uint8Array, row * size);
  }
  return { dtype: first.dtype, dims: [rows * first.dims[0]!, ...first.dims.slice(1)], data };
}

interface Read {
  readonly index: number;
  readonly sample: Sample;
}

function joinSamples(reads: readonly Read[], fixed: number | null, skipped: readonly SkippedSample[]): Batch {
  const samples = reads.map(({ sample }) => sample);
  const first = samples[0]!;
  const rowsPerSample = rowsOf(first);
  const rows = fixed === null ? samples.length : Math.max(1, fixed / rowsPerSample);
  const together = samples.length > 1 || rows > 1;
  const tensors = together
    ? Object.fromEntries(
        Object.keys(first.tensors).map((name) => [
          name,
          joinTensors(
            samples.map((s) => s.tensors[name]!),
            rows,
          ),
        ]),
      )
    : first.tensors;
  return {
    indices: reads.map(({ index }) => index),
    ids: samples.map(({ id }) => id),
    labels: samples.map(({ label }) => label),
    tensors,
    valid: samples.length,
    rowsPerSample,
    skipped,
  };
}

/** Reads samples in order and cuts them into batches. A batch ends when it is full or the next sample differs in shape. */
class BatchReader {
  private position = 0;
  /** Reads under way, in order; a data set that reads in a thread of its own is asked for several. */
  private readonly ahead: { readonly index: number; readonly sample: Promise<Sample> }[] = [];
  private readonly good: Read[] = [];
  private skipped: SkippedSample[] = [];
  private skips: SkippedSample[] = [];
  private delivered = 0;
  private readonly rule;

  constructor(
    private readonly dataset: Dataset,
    private readonly indices: readonly number[],
    private readonly batchSize: number,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.rule = dataset.batchRule ?? { kind: 'any' as const };
  }

  /** The next sample that can be read, or null at the end; the others are counted. */
  private async nextSample(): Promise<Read | null> {
    for (;;) {
      throwIfCancelled(this.signal);
      this.startReads();
      const next = this.ahead.shift();
      if (next === undefined) return null;
      const { index } = next;
      try {
        return { index, sample: await next.sample };
      } catch (error) {
        if (!isSkippable(error)) throw error;
        const skip = { index, id: this.dataset.describe?.(index).id ?? String(index), reason: error.reason };
        this.skipped.push(skip);
        this.skips.push(skip);
        if (this.skips.length === this.indices.length) throw this.allUnreadable(error);
      }
    }
  }

  private startReads(): void {
    const depth = this.dataset.readAhead ?? 1;
    while (this.ahead.length < depth && this.position < this.indices.length) {
      const index = this.indices[this.position++]!;
      const sample = this.dataset.get(index, this.signal);
      // Whoever awaits it learns of a failure; a reader that is given up on does not.
      sample.catch(() => undefined);
      this.ahead.push({ index, sample });
    }
  }

  private allUnreadable(last: CodedError): CodedError {
    return new CodedError(
      {
        code: last.code,
        reason: `None of the ${this.indices.length} sample(s) of ${this.dataset.source} can be read. ${this.skips[0]!.reason}`,
        fix: last.fix,
        place: { file: this.dataset.source },
      },
      { cause: last },
    );
  }

  private capacity(sample: Sample): number {
    // A sample that brings its own rows (a sequence, a whole batch) stands alone.
    if (this.rule.kind === 'single' || rowsOf(sample) !== 1) return 1;
    return this.rule.kind === 'fixed' ? this.rule.size : this.batchSize;
  }

  /** The next batch, or null at the end. One sample is read ahead, so that skips at the end still belong to a batch. */
  async next(): Promise<Batch | null> {
    for (;;) {
      const first = this.good[0];
      const read = await this.nextSample();
      const full = first !== undefined && this.good.length >= this.capacity(first.sample);
      if (first !== undefined && (read === null || full || !alike(first.sample, read.sample))) {
        const fixed = this.rule.kind === 'fixed' ? this.rule.size : null;
        const batch = joinSamples(this.good.splice(0), fixed, this.skipped);
        this.skipped = [];
        this.delivered += batch.valid;
        if (read !== null) this.good.push(read);
        return batch;
      }
      if (read === null) return null;
      this.good.push(read);
    }
  }
}

/**
 * @param indices which samples, in the order wanted
 * @param batchSize at most this many samples together; a model with a fixed batch gets exactly its own size, filled up
 *   by repeating the last sample, and a model without a batch axis gets one sample at a time
 * @throws CodedError CANCELLED; DATA_UNREADABLE or DATA_PYTHON when no sample at all can be read; DATA_MISMATCH and
 *   DATA_NON_FINITE of the first sample that has such a fault
 */
export async function* batches(
  dataset: Dataset,
  indices: readonly number[],
  batchSize: number,
  options: BatchesOptions = {},
): AsyncGenerator<Batch, void, undefined> {
  const reader = new BatchReader(dataset, indices, Math.max(1, batchSize), options.signal);
  let coming = reader.next();
  // The consumer may leave, or fail, while a read is under way: its rejection is then nobody's business.
  coming.catch(() => undefined);
  for (let batch = await coming; batch !== null; batch = await coming) {
    coming = reader.next();
    coming.catch(() => undefined);
    yield batch;
    throwIfCancelled(options.signal);
  }
}
