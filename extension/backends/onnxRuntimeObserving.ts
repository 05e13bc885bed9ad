/**
 * onnxruntime with our Observe operator, through the native module: the same library as `onnxRuntime.ts` uses, but runs do not
 * block this thread, several go on at once, and tensors are looked at where they are computed.
 *
 * `worker/stages/calibrateStage.ts` hands it to `calibrate/`. Where the native module is missing or cannot open the library,
 * calibration goes on with plain sessions.
 */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import type {
  FetchingSession,
  ObservingRuntime,
  ObservingSession,
  ProbeModel,
  SeenTensor,
} from '../calibrate/observers/observingRuntime';
import type { NamedTensors, Tensor } from '../contract/tensor';
import { dtypeOf, onnxType } from '../model/dtype';
import type { NativeAddon, NativeObservingSession, NativeRunInput, NativeRunOutput } from './nativeAddon';
import { carriers } from './onnxRuntime';
import { onnxRuntimeError } from './onnxRuntimeError';

/** Runs compute on the four threads of Node's pool; one is left to files, those of the data set's thread too. */
const mostParallelRuns = 3;

/** ONNX Runtime's GraphOptimizationLevel for everything it has, kernels with layouts of their own included. */
const allOptimizations = 99;

/**
 * Its optimizers that look for patterns which observed tensors break up, by the names that it registers them under. What remains acts
 * on observed graphs, too: folded constants, blocked layouts of convolutions, factors and transpositions taken into matrix products,
 * and single nodes left out. Names that a version does not have are passed over.
 */
const fusionOptimizers = [
  'Level2_RuleBasedTransformer ConstantSharing CommonSubexpressionElimination TransposeOptimizer',
  'MatMulAddFusion MatMul_BatchNormalization_Fusion ReshapeFusion Pad_Fusion SliceConcatToSpaceToDepthFusion GatherToSliceFusion',
  'GeluFusionL1 GeluFusionL2 FastGeluFusion QuickGeluFusion BiasGeluFusion BiasSoftmaxFusion BiasDropoutFusion',
  'LayerNormFusionL1 LayerNormFusionL2 SimplifiedLayerNormFusion SkipLayerNormFusion BiasSkipLayerNormFusion EmbedLayerNormFusion',
  'AttentionFusion GroupQueryAttentionFusion GroupQueryAttentionPreNormFusion GemmActivationFusion ConvActivationFusion',
  'ConvAddActivationFusion MatMulActivationFusion MatMulIntegerToFloatFusion',
  'DynamicQuantizeMatMulFusion MatMulNBitsMlpFusion MatMulNBitsQkvFusion EnsureUniqueDQForNodeUnit QDQPropagationTransformer',
  'WeightBiasQuantization DoubleQDQPairsRemover QDQSelectorActionTransformer QDQFinalCleanupTransformer QDQS8ToU8Transformer',
  'Avx2WeightS8ToU8Transformer NhwcTransformer',
].flatMap((line) => line.split(' '));
const withoutFusions = { 'optimization.disable_specified_optimizers': fusionOptimizers.join(';') };

/** Those that `calibrate/` writes into its models. */
const operators = ['Observe', 'CompareLayer'];

/** Null where the native module or the library is missing, does not load, or was built before it could do this. */
export async function onnxRuntimeObserving(
  addon: Partial<Pick<NativeAddon, 'ObservingSession' | 'loadOnnxRuntime' | 'observingOperators'>> | null,
): Promise<ObservingRuntime | null> {
  const library = runtimeLibrary();
  const Native = addon?.ObservingSession;
  const hasOperators = operators.every((name) => addon?.observingOperators?.includes(name) === true);
  if (typeof Native?.open !== 'function' || !hasOperators || library === null) return null;
  try {
    await addon?.loadOnnxRuntime?.(library);
  } catch {
    // Plain sessions say what is wrong with the runtime, if they cannot load it either.
    return null;
  }
  const open = async (probe: ProbeModel, histograms: readonly boolean[], config: Record<string, string>) => {
    const model = probe.bytes ?? probe.path;
    try {
      return await Native.open({ library, model, histograms, optimization: allOptimizations, config });
    } catch (error) {
      throw onnxRuntimeError(error, probe.path);
    }
  };
  return {
    parallelRuns: Math.min(availableParallelism(), mostParallelRuns),
    openObserving: async (probe, { histograms, output, fusions }) =>
      new NativeObserving(await open(probe, histograms, fusions ? {} : withoutFusions), probe.path, output),
    // Q/DQ are neither fused into integer kernels nor moved: these saturate and round differently.
    openFetching: async (probe, outputs) =>
      new NativeFetching(await open(probe, [], { 'session.disable_quant_qdq': '1' }), probe.path, outputs),
  };
}

/** What the native module does at once, in the form that the interface has. */
function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

/** Beside the binding that onnxruntime-node loads, in the folder of the platform. */
function runtimeLibrary(): string | null {
  try {
    const main = createRequire(__filename).resolve('onnxruntime-node');
    const bin = join(dirname(dirname(main)), 'bin');
    const [napi = ''] = readdirSync(bin).filter((name) => name.startsWith('napi-'));
    const folder = join(bin, napi, process.platform, process.arch);
    const library = readdirSync(folder).find((name) => libraryName.test(name));
    return library === undefined ? null : join(folder, library);
  } catch {
    return null;
  }
}

const libraryName = /^(libonnxruntime\.so\.\d+|libonnxruntime\.[\d.]+\.dylib|onnxruntime\.dll)$/;

class NativeObserving implements ObservingSession {
  constructor(
    private readonly session: NativeObservingSession,
    private readonly path: string,
    private readonly output: string,
  ) {}

  async observe(feeds: NamedTensors, noteDims: boolean): Promise<void> {
    await run(this.session, this.path, feeds, [this.output], noteDims);
  }

  observations(): SeenTensor[] {
    return this.session.observations().map(({ min, max, nonFinite, dims, binWidth, counts, channels }) => {
      return { min, max, nonFinite, dims, channels, histogram: counts === null ? null : { binWidth, counts } };
    });
  }

  close(): Promise<void> {
    return attempt(() => this.session.close());
  }
}

class NativeFetching implements FetchingSession {
  constructor(
    private readonly session: NativeObservingSession,
    private readonly path: string,
    private readonly outputs: readonly string[],
  ) {}

  async run(feeds: NamedTensors): Promise<NamedTensors> {
    const results = await run(this.session, this.path, feeds, this.outputs, false);
    return Object.fromEntries(results.map((result, index) => [this.outputs[index] ?? '', this.tensorOf(result)]));
  }

  private tensorOf({ type, dims, data }: NativeRunOutput): Tensor {
    const dtype = dtypeOf(type);
    const Carrier = carriers[dtype] ?? (dtype === 'bf16' ? Uint16Array : null);
    if (Carrier === null) throw onnxRuntimeError(new Error(`An output is of type ${dtype}.`), this.path);
    return { dtype, dims, data: new Carrier(data, 0, data.byteLength / Carrier.BYTES_PER_ELEMENT) };
  }

  close(): Promise<void> {
    return attempt(() => this.session.close());
  }
}

async function run(
  session: NativeObservingSession,
  path: string,
  feeds: NamedTensors,
  outputs: readonly string[],
  noteDims: boolean,
) {
  const inputs = Object.entries(feeds).map(([name, { dtype, dims, data }]): NativeRunInput => {
    return { name, type: onnxType(dtype), dims, data };
  });
  try {
    return await session.run(inputs, outputs, noteDims);
  } catch (error) {
    throw onnxRuntimeError(error, path);
  }
}
