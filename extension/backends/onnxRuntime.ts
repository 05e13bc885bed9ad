/**
 * The embedded backend: onnxruntime on the CPU. It is the FP32 reference everywhere, observes tensors for calibration and
 * runs the rewritten graphs (casts, Q/DQ) that TensorRT compiles, so that accuracy is known on a machine without a GPU.
 *
 * Comes after `plan/applyPlan.ts` (which writes the graphs); `calibrate/`, `compare/` and `measure/` use the sessions it
 * opens. Runs inside the worker process. `run` computes on the calling thread of that process: cancellation inside one
 * inference is the kill of the worker (`worker/workerClient.ts`).
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import type * as OnnxRuntime from 'onnxruntime-node';
import { CodedError } from '../contract/errors';
import type { Artifact } from '../contract/report';
import {
  elementCount,
  type DType,
  type NamedTensors,
  type Tensor,
  type TensorData,
  type ValueSpec,
} from '../contract/tensor';
import type { Backend, BackendInfo, OpenOptions, Session } from './backend';
import { onnxRuntimeError } from './onnxRuntimeError';

type OrtModule = typeof OnnxRuntime;
type OrtType = OrtTensor.Type;

/** Element types that onnxruntime-node can pass in and out of a graph; bf16 and fp8 exist inside graphs only. */
const ortTypes: Partial<Record<DType, OrtType>> = {
  fp32: 'float32',
  fp64: 'float64',
  fp16: 'float16',
  int4: 'int4',
  uint4: 'uint4',
  int8: 'int8',
  uint8: 'uint8',
  int16: 'int16',
  uint16: 'uint16',
  int32: 'int32',
  uint32: 'uint32',
  int64: 'int64',
  uint64: 'uint64',
  bool: 'bool',
  string: 'string',
};
const dtypeOfOrt = new Map<string, DType>(Object.entries(ortTypes).map(([dtype, ort]) => [ort, dtype as DType]));

export interface Carrier {
  new (buffer: ArrayBufferLike, offset: number, length: number): TensorData;
  readonly BYTES_PER_ELEMENT: number;
}

/** Array constructors by element type, as `contract/tensor.ts` defines the carriers. */
export const carriers: Partial<Record<DType, Carrier>> = {
  fp32: Float32Array,
  fp64: Float64Array,
  fp16: Uint16Array,
  int4: Uint8Array,
  uint4: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

export class OnnxRuntimeBackend implements Backend {
  readonly name = 'onnxruntime';

  async probe(): Promise<BackendInfo> {
    const unavailable: BackendInfo = {
      name: this.name,
      version: null,
      library: null,
      available: false,
      reason: null,
      builds: false,
      targets: [],
      runs: false,
      // What the CPU kernels compute in; bf16 and fp8 are simulated (`plan/simulate.ts`).
      precisions: ['fp32', 'fp16', 'int8'],
    };
    try {
      const ort = await loadRuntime();
      return { ...unavailable, version: ort.env.versions.node ?? null, available: true, runs: true };
    } catch (error) {
      return { ...unavailable, reason: CodedError.from(error).reason };
    }
  }

  /**
   * Loads an ONNX file. External data is read by the runtime itself, from beside the file.
   * @param artifact an `onnx` artifact with its path resolved (absolute or relative to the working directory)
   * @throws CodedError RUNTIME_FAILED, MODEL_OPERATOR_UNSUPPORTED, MODEL_OPSET_UNSUPPORTED, MODEL_NOT_ONNX,
   *   MODEL_NOT_FOUND, EXTERNAL_DATA_MISSING or BACKEND_UNAVAILABLE
   */
  async open(artifact: Pick<Artifact, 'kind' | 'path'>, options: OpenOptions = {}): Promise<Session> {
    if (artifact.kind !== 'onnx') {
      throw new CodedError({
        code: 'RUNTIME_FAILED',
        reason: `onnxruntime runs ONNX files; ${artifact.path} is a file of kind "${artifact.kind}".`,
        fix: 'Give the ONNX file of the variant, or the TensorRT backend that built the engine.',
        place: { file: artifact.path },
      });
    }
    const ort = await loadRuntime();
    let session: InferenceSession | undefined;
    try {
      session = await ort.InferenceSession.create(artifact.path, sessionOptions(options));
      return new OnnxRuntimeSession(ort, session, artifact.path);
    } catch (error) {
      await session?.release();
      throw onnxRuntimeError(error, artifact.path);
    }
  }
}

/**
 * The runtime is loaded on first use: importing this file must not load a native library.
 * @throws CodedError BACKEND_UNAVAILABLE when the shared library does not load (C library too old, wrong platform …)
 */
async function loadRuntime(): Promise<OrtModule> {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    throw new CodedError(
      {
        code: 'BACKEND_UNAVAILABLE',
        reason: `onnxruntime cannot be loaded on this machine: ${error instanceof Error ? error.message : String(error)}`,
        fix: 'Run npm install in the project; on Linux glibc 2.28 or newer is needed.',
      },
      { cause: error },
    );
  }
}

function sessionOptions({ exact = false, threads }: OpenOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: ['cpu'],
    // `exact` keeps every Q/DQ and cast where the plan put it: fused integer kernels saturate and round differently.
    graphOptimizationLevel: exact ? 'disabled' : 'all',
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    interOpNumThreads: 1,
    // Threads that spin for work take the cores from the next session: measured in turns, three copies of one model ran
    // at half their speed.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    // Fatal only: errors come back as exceptions and would be printed a second time.
    logSeverityLevel: 4,
  };
}

class OnnxRuntimeSession implements Session {
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  private session: InferenceSession | null;

  constructor(
    private readonly ort: OrtModule,
    session: InferenceSession,
    private readonly path: string,
  ) {
    this.session = session;
    this.inputs = session.inputMetadata.map((value) => valueSpec(value, path));
    this.outputs = session.outputMetadata.map((value) => outputSpec(value, path));
  }

  async run(feeds: NamedTensors, fetches?: readonly string[]): Promise<NamedTensors> {
    if (this.session === null) throw new Error(`The session of ${this.path} is closed.`);
    const inputs = Object.fromEntries(this.inputs.map(({ name }) => [name, this.toOrt(name, feeds[name])]));
    this.checkNames('input', Object.keys(feeds), this.inputs);
    if (fetches !== undefined) this.checkNames('output', fetches, this.outputs);
    const wanted = fetches ?? this.outputs.map(({ name }) => name);
    if (wanted.length === 0) return {};
    let results: InferenceSession.OnnxValueMapType;
    try {
      results = await this.session.run(inputs, [...wanted]);
    } catch (error) {
      throw onnxRuntimeError(error, this.path);
    }
    return Object.fromEntries(wanted.map((name) => [name, fromOrt(name, results[name], this.path)]));
  }

  async close(): Promise<void> {
    const session = this.session;
    this.session = null;
    await session?.release();
  }

  /** The runtime ignores names it does not know, which would hide a wrong binding. */
  private checkNames(what: 'input' | 'output', names: readonly string[], known: readonly ValueSpec[]): void {
    const unknown = names.filter((name) => !known.some((value) => value.name === name));
    if (unknown.length === 0) return;
    throw runtimeFailed(
      this.path,
      `The model has no ${what} ${quoted(unknown)}; it has ${quoted(known.map(({ name }) => name))}.`,
      `Use the ${what} names of the model.`,
    );
  }

  private toOrt(name: string, tensor: Tensor | undefined): OrtTensor {
    if (tensor === undefined) {
      throw runtimeFailed(this.path, `Input "${name}" was given no tensor.`, 'Give a tensor for every graph input.');
    }
    const { dtype, dims, data } = tensor;
    const type = ortTypes[dtype];
    if (type === undefined || type === 'string') {
      throw runtimeFailed(
        this.path,
        `Input "${name}" is of type ${dtype}, which onnxruntime for Node.js cannot be fed with.`,
        type === 'string'
          ? 'Cut the text processing off the model and feed numbers.'
          : 'Declare the graph input as fp32 (plan: bindings) and let the graph cast.',
      );
    }
    const packed = dtype === 'int4' || dtype === 'uint4' ? 2 : 1;
    const expected = Math.ceil(elementCount(dims) / packed);
    if (data.length !== expected) {
      throw runtimeFailed(
        this.path,
        `Input "${name}" has ${data.length} elements where its shape [${dims.join(', ')}] needs ${expected}.`,
        'Give data of the size that the shape says.',
      );
    }
    // fp16 bits in a Uint16Array are taken as they are, also where Node has Float16Array.
    return new this.ort.Tensor(type, data as never, dims);
  }
}

function fromOrt(name: string, value: InferenceSession.OnnxValueMapType[string] | undefined, path: string): Tensor {
  const dtype = value === undefined ? undefined : dtypeOfOrt.get(value.type);
  const Carrier = dtype === undefined ? undefined : carriers[dtype];
  if (value === undefined || dtype === undefined || Carrier === undefined) {
    throw runtimeFailed(
      path,
      `Output "${name}" is of type ${value?.type ?? 'none'}, which cannot be compared.`,
      'Remove the output from the model or cast it to a numeric type.',
    );
  }
  const data = value.data as unknown as TensorData;
  return { dtype, dims: [...value.dims], data: new Carrier(data.buffer, data.byteOffset, data.length) };
}

function valueSpec(value: InferenceSession.ValueMetadata, path: string): ValueSpec {
  if (!value.isTensor) {
    throw runtimeFailed(
      path,
      `"${value.name}" is a sequence, map or optional; only tensors can be inputs and outputs.`,
      'Cut the model before the operator that makes it (SequenceConstruct, ZipMap …).',
    );
  }
  const dtype = dtypeOfOrt.get(value.type);
  if (dtype === undefined) throw runtimeFailed(path, `"${value.name}" has the unknown type ${value.type}.`);
  // The runtime reports an unnamed dynamic axis as an empty string.
  return { name: value.name, dtype, shape: value.shape.map((size) => (size === '' ? null : size)) };
}

/** Handing out a 4-bit tensor kills the process (onnxruntime-node 1.30: "ArrayBuffer::New Allocation failed"). */
function outputSpec(value: InferenceSession.ValueMetadata, path: string): ValueSpec {
  const spec = valueSpec(value, path);
  if (spec.dtype !== 'int4' && spec.dtype !== 'uint4') return spec;
  throw runtimeFailed(
    path,
    `Output "${value.name}" is of type ${spec.dtype}, which onnxruntime for Node.js cannot hand out.`,
    'Cast the output to int8 in the model.',
  );
}

function runtimeFailed(
  file: string,
  reason: string,
  fix = 'Check that the model runs in onnxruntime by itself.',
): CodedError {
  return new CodedError({ code: 'RUNTIME_FAILED', reason: `${file}: ${reason}`, fix, place: { file } });
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
