/**
 * An engine opened on the GPU, as the session that comparison and measurement know, with TensorRT's view of its layers.
 *
 * Made by `tensorrt.ts`, in the worker process only.
 */
import { CodedError, cancelled, throwIfCancelled } from '../contract/errors';
import { dtypes, elementCount, type DType, type NamedTensors, type Tensor, type ValueSpec } from '../contract/tensor';
import type { RunTimings, Session, TimingRequest } from './backend';
import type {
  NativeCall,
  NativeEngine,
  NativeEngineError,
  NativeFeed,
  NativeLayerTime,
  NativeOutput,
  NativeTensor,
  NativeTensorRT,
} from './nativeAddon';
import { gpuReading } from './gpuReading';
import { engineLayers, type EngineLayer } from './tensorrtLayers';

/** @throws CodedError RUNTIME_FAILED with TensorRT's words */
export function openTensorrtSession(tensorrt: NativeTensorRT, path: string, device: string): TensorrtSession {
  try {
    return new TensorrtSession(tensorrt.openEngine(path), path, device);
  } catch (error) {
    throw engineError(error, path);
  }
}

export class TensorrtSession implements Session {
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  readonly layerCount: number;

  /** @param device the GPU's name */
  constructor(
    private readonly engine: NativeEngine,
    private readonly path: string,
    readonly device: string,
  ) {
    const { tensors, layers } = engine.describe();
    this.layerCount = layers;
    this.inputs = tensors.filter(({ isInput }) => isInput).map(valueSpec);
    this.outputs = tensors.filter(({ isInput }) => !isInput).map(valueSpec);
  }

  async run(feeds: NamedTensors, fetches?: readonly string[]): Promise<NamedTensors> {
    const outputs = await this.call(() => this.engine.run(this.toNative(feeds)));
    const wanted = outputs.filter(({ name }) => fetches === undefined || fetches.includes(name));
    return Object.fromEntries(wanted.map((output) => [output.name, toTensor(output)]));
  }

  async measure(feeds: NamedTensors, request: TimingRequest, signal?: AbortSignal): Promise<RunTimings> {
    const { warmupMs, durationMs, iterations, cudaGraph } = request;
    const spin = request.wait !== 'block';
    const transfers = request.transfers ?? true;
    const options = { warmupMs, minimumMs: durationMs, minimumRuns: iterations, cudaGraph, spin, transfers };
    const times = await this.call(() => this.engine.measure(this.toNative(feeds), options), signal);
    const { computeMs: compute, h2dMs: h2d, d2hMs: d2h } = times;
    const gpu = times.meters === null ? null : gpuReading(times.meters);
    return { compute, h2d, d2h, warmupMs: times.warmupMs, cudaGraph: times.cudaGraph, gpu };
  }

  /** The engine's layers; empty where it was built without details. */
  layers(): EngineLayer[] {
    return engineLayers(this.inspection());
  }

  /** TensorRT's own JSON about the layers. */
  inspection(): string {
    try {
      return this.engine.inspect();
    } catch (error) {
      throw engineError(error, this.path);
    }
  }

  /**
   * Mean ms per layer, each waiting for the one before.
   * @param shapes sizes of every input; the values are made up, since time hardly depends on them
   * @param values of inputs that hold a shape
   */
  async profile(
    shapes: Readonly<Record<string, readonly number[]>>,
    runs: number,
    values: Readonly<Record<string, readonly number[]>> = {},
  ): Promise<readonly NativeLayerTime[]> {
    const feeds = this.inputs.map(({ name, dtype, shape }) => {
      const dims = shapes[name] ?? (shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
      const given = values[name];
      const data = given === undefined ? madeUpValues(dtype, elementCount(dims)) : integers(dtype, given);
      return { name, dims, data };
    });
    return this.call(() => this.engine.profile(feeds, runs));
  }

  close(): Promise<void> {
    this.engine.close();
    return Promise.resolve();
  }

  private async call<T>(start: () => NativeCall<T>, signal?: AbortSignal): Promise<T> {
    throwIfCancelled(signal);
    let cancel: (() => void) | undefined;
    try {
      const running = start();
      cancel = () => {
        running.cancel();
      };
      signal?.addEventListener('abort', cancel, { once: true });
      return await running.done;
    } catch (error) {
      throw engineError(error, this.path);
    } finally {
      if (cancel !== undefined) signal?.removeEventListener('abort', cancel);
    }
  }

  private toNative(feeds: NamedTensors): NativeFeed[] {
    return this.inputs.map(({ name, dtype }) => {
      const tensor = feeds[name];
      if (tensor === undefined) throw failed(this.path, `Input "${name}" was given no tensor.`);
      if (tensor.dtype !== dtype) {
        throw failed(this.path, `Input "${name}" takes ${dtype} and was given ${tensor.dtype}.`);
      }
      return { name, dims: tensor.dims, data: tensor.data };
    });
  }
}

function valueSpec({ name, dtype, dims }: NativeTensor): ValueSpec {
  return { name, dtype: dtypeOf(dtype), shape: dims.map((size) => (size < 0 ? null : size)) };
}

function dtypeOf(name: string): DType {
  const known = dtypes.find((dtype) => dtype === name);
  if (known !== undefined) return known;
  throw new Error(`The engine has a binding of the type ${name}.`);
}

type Carrier = new (buffer: ArrayBuffer) => Tensor['data'];

/** Arrays of the types that bindings of an engine have (`contract/tensor.ts`: fp16 and bf16 as bits, bool as bytes). */
const carriers: Partial<Record<DType, Carrier>> = {
  fp32: Float32Array,
  fp16: Uint16Array,
  bf16: Uint16Array,
  fp8e4m3: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  int4: Uint8Array,
};

function toTensor({ dtype: name, dims, data }: NativeOutput): Tensor {
  const dtype = dtypeOf(name);
  return { dtype, dims: [...dims], data: new (carriers[dtype] ?? Uint8Array)(data) };
}

function integers(dtype: DType, values: readonly number[]): Tensor['data'] {
  return dtype === 'int64' ? BigInt64Array.from(values, BigInt) : Int32Array.from(values);
}

/** Neither zero nor huge in any type: a pattern of small numbers. */
function madeUpValues(dtype: DType, count: number): Tensor['data'] {
  switch (dtype) {
    case 'fp32':
      return Float32Array.from({ length: count }, (_, index) => (index % 17) / 16);
    case 'fp16':
      return new Uint16Array(count).fill(0x3800); // 0.5
    case 'bf16':
      return new Uint16Array(count).fill(0x3f00); // 0.5
    case 'int64':
      return new BigInt64Array(count).fill(1n);
    case 'int32':
      return new Int32Array(count).fill(1);
    default:
      return new Uint8Array(count).fill(1);
  }
}

function isNativeError(error: unknown): error is NativeEngineError {
  return error instanceof Error && typeof (error as Partial<NativeEngineError>).status === 'string';
}

/** What a call of the addon threw, as a coded error. */
function engineError(error: unknown, path: string): CodedError {
  if (error instanceof CodedError) return error;
  if (!isNativeError(error)) return failed(path, error instanceof Error ? error.message : String(error));
  if (error.status === 'cancelled') return cancelled();
  const errors = error.log.filter((line) => line.startsWith('error: ')).map((line) => line.slice('error: '.length));
  const said = errors.length === 0 ? '' : ` TensorRT says: ${errors.slice(-3).join(' | ')}`;
  return failed(path, `${error.message}${said}`, fixes[error.status]);
}

const fixes: Partial<Record<NativeEngineError['status'], string>> = {
  engine: 'Build the engine again on this machine.',
  memory: 'Free memory of the GPU, or give a smaller batch.',
};

function failed(file: string, reason: string, fix = 'Give inputs within the shapes of the plan, or build again.') {
  return new CodedError({ code: 'RUNTIME_FAILED', reason: `${file}: ${reason}`, fix, place: { file } });
}
