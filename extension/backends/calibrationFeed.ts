/**
 * Batches of a data set for TensorRT's own calibrator: pulled one at a time, when TensorRT asks, so the data may be larger than
 * memory. Between `CalibratorRequest` (backend.ts) and `NativeCalibrator` (nativeAddon.ts); made by `tensorrt.ts`.
 */
import { CodedError } from '../contract/errors';
import { elementCount, type NamedTensors, type Tensor } from '../contract/tensor';
import type { CalibratorRequest } from './backend';
import type { NativeCalibrator, NativeFeed } from './nativeAddon';

export class CalibrationFeed {
  private readonly stop = new AbortController();
  private batches: AsyncIterator<NamedTensors> | null = null;

  /** @param flavour TensorRT 8 takes int64 inputs as int32 */
  constructor(
    private readonly request: CalibratorRequest,
    private readonly flavour: string,
  ) {}

  native(): NativeCalibrator {
    const { algorithm, quantile = 0.9999, cutoff = 1, shapes, cache } = this.request;
    const inputs = Object.entries(shapes).map(([name, dims]) => ({ name, dims }));
    return { algorithm, quantile, cutoff, inputs, cache, next: async () => this.next() };
  }

  /** Ends the reading of data, wherever it is. */
  async close(): Promise<void> {
    this.stop.abort();
    // A reader that fails on its way out has nothing to say that the build has not.
    await this.batches?.return?.().catch(() => undefined);
  }

  private async next(): Promise<readonly NativeFeed[] | null> {
    this.batches ??= this.request.batches(this.stop.signal)[Symbol.asyncIterator]();
    const batch = await this.batches.next();
    if (batch.done === true) return null;
    return Object.entries(this.request.shapes).map(([name, dims]) => this.feed(name, dims, batch.value));
  }

  private feed(name: string, dims: readonly number[], batch: NamedTensors): NativeFeed {
    const tensor = batch[name];
    if (tensor === undefined) throw unfit(`A calibration batch has no tensor for input "${name}".`);
    if (tensor.dims.length !== dims.length || tensor.dims.some((size, axis) => size !== dims[axis])) {
      throw unfit(
        `A calibration batch of input "${name}" has the shape [${tensor.dims.join(', ')}], all must have [${dims.join(', ')}].`,
      );
    }
    return { name, dims, data: this.flavour === '8' ? narrowed(tensor) : tensor.data };
  }
}

/** 64-bit integers as 32-bit ones; other tensors as they are. */
function narrowed({ dtype, dims, data }: Tensor): ArrayBufferView {
  if (dtype !== 'int64') return data;
  const wide = data as BigInt64Array;
  const narrow = new Int32Array(elementCount(dims));
  for (let i = 0; i < narrow.length; i += 1) narrow[i] = Number(wide[i]);
  return narrow;
}

function unfit(reason: string): CodedError {
  return new CodedError({
    code: 'DATA_MISMATCH',
    reason,
    fix: 'Give samples that fit the model, or a batch size that divides their number.',
  });
}
