/**
 * What calibration asks of a runtime that can look at tensors while it computes them.
 *
 * `backends/onnxRuntimeObserving.ts` is one, where the native module is there; the worker injects it, because this folder knows
 * no runtime. Without it `observeTensors.ts` does the same with plain sessions, slower. Both kinds of session may be run several
 * times at once: a run computes on one thread, so that its results do not depend on what runs beside it.
 */
import type { NamedTensors } from '../../contract/tensor';
import type { ObservedRange } from './observer';
import type { Histogram } from '../histogram';

/** A model to be opened: a file, or what one would hold. */
export interface ProbeModel {
  /** The file; where the model is in memory, the one that it was made of, for messages. */
  readonly path: string;
  /** Null for a file. */
  readonly bytes: Uint8Array | null;
}

export interface ObservingRuntime {
  /** How many runs at a time make full use of the machine. */
  readonly parallelRuns: number;
  /**
   * Opens a model with Observe nodes, as `observeInside.ts` writes them, without holding this thread.
   * @throws CodedError as `Backend.open` does
   */
  openObserving(probe: ProbeModel, request: ObservingRequest): Promise<ObservingSession>;
  /**
   * The same for runs that fetch the model's outputs. Q/DQ pairs are computed as written; CompareLayer nodes may be in it, as
   * `biasProbe.ts` writes them.
   * @throws CodedError as `Backend.open` does
   */
  openFetching(probe: ProbeModel, outputs: readonly string[]): Promise<FetchingSession>;
}

export interface FetchingSession {
  /** @throws CodedError RUNTIME_FAILED */
  run(feeds: NamedTensors): Promise<NamedTensors>;
  close(): Promise<void>;
}

export interface ObservingRequest {
  /** By the number of the tensor: is its histogram wanted? */
  readonly histograms: readonly boolean[];
  /** Some small output of the model: a run has to be asked for one. */
  readonly output: string;
  /** Should the runtime look for operators to fuse? Looking takes longer than a few samples where it finds none. */
  readonly fusions: boolean;
}

/** By channel; min = Infinity and max = -Infinity where there is no finite value. */
export interface ChannelRanges {
  readonly min: Float32Array;
  readonly max: Float32Array;
}

/** What one Observe node's tensor was in all runs. */
export interface SeenTensor extends Omit<ObservedRange, 'absMax'> {
  /** Of the run that was to note them, or else the largest of other runs; null when no run computed the tensor. */
  readonly dims: readonly number[] | null;
  readonly histogram: Histogram | null;
  /** Null where they were not asked for, and when no run computed the tensor. */
  readonly channels: ChannelRanges | null;
}

export interface ObservingSession {
  /**
   * One inference.
   * @param noteDims whether the tensors' shapes are those to remember
   * @throws CodedError RUNTIME_FAILED
   */
  observe(feeds: NamedTensors, noteDims: boolean): Promise<void>;
  /** By the number of the tensor; once all runs have ended. */
  observations(): readonly SeenTensor[];
  close(): Promise<void>;
}
