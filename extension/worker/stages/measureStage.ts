/** `measure`: latency of all variants, interleaved, on the same input: engines on their GPU, ONNX files on the processor. */
import { availableParallelism } from 'node:os';
import type { Backend, Session } from '../../backends/backend';
import { chooseRunner } from '../../backends/choose';
import { batches, type Batch } from '../../calibrate/batches';
import { CodedError, type ErrorData } from '../../contract/errors';
import type { RunOptions } from '../../contract/progress';
import { guessSizes } from '../../calibrate/datasets/randomSizes';
import type { DataSelection, MeasuredFile, StageMethods } from '../../contract/stageMethods';
import type { ValueSpec } from '../../contract/tensor';
import { measureInterleaved, type BenchmarkEntry } from '../../measure/measureInterleaved';
import { loadModel } from '../../model/loadModel';
import { graphInputs } from '../../model/modelCard';
import { bindingScales, type BindingScales } from './bindingScales';
import { convertFeeds } from './convertFeeds';
import { withSelectedDataset } from './selectedDataset';

type Params = StageMethods['measure']['params'];
type Result = StageMethods['measure']['result'];

const randomData: Omit<DataSelection, 'indices'> = {
  source: 'random',
  labels: null,
  transforms: [],
  python: 'python3',
  labelled: false,
  classes: null,
  card: { source: 'random', kind: 'random', samples: 0, sha256: null },
};

export async function measureStage(params: Params, backends: readonly Backend[], options: RunOptions): Promise<Result> {
  const { benchmark } = params;
  // Said, not left to the runtime: a latency without its number of threads means nothing.
  const threads = availableParallelism();
  const errors: Record<string, ErrorData> = {};
  const sessions = new Map<string, OpenedVariant>();
  try {
    const entries: BenchmarkEntry[] = [];
    for (const variant of comparable(params)) {
      try {
        const opened = sessions.get(fileOf(variant)) ?? (await openVariant(backends, variant, threads));
        sessions.set(fileOf(variant), opened);
        entries.push(await entryOf(variant, opened, params, options.signal));
      } catch (error) {
        if (CodedError.is(error, 'CANCELLED')) throw error;
        errors[variant.name] = CodedError.from(error).toJSON();
      }
    }
    const measured = await measureInterleaved(entries, benchmark, options);
    return { results: measured.results, errors: { ...errors, ...measured.errors } };
  } finally {
    for (const { session } of sessions.values()) await session.close();
  }
}

/** One session serves all measurements of a file. */
function fileOf({ engine, path }: MeasuredFile): string {
  return engine?.path ?? path;
}

async function entryOf(
  variant: MeasuredFile,
  { session, backend, conditions }: OpenedVariant,
  params: Params,
  signal: AbortSignal | undefined,
): Promise<BenchmarkEntry> {
  const batch = variant.batch ?? params.benchmark.batch;
  const model = isEngineFile(variant) ? null : await loadModel(variant.path);
  const scales = model === null ? {} : bindingScales(model);
  const inputs = (model === null ? session.inputs : graphInputs(model)).map((input) => asData(input, scales));
  const first = await firstBatch(inputs, { ...params, batch }, signal);
  return {
    name: variant.name,
    session,
    feeds: convertFeeds(first.batch.tensors, session, scales),
    backend,
    device: session.device ?? 'cpu',
    // What is really fed: the data may hold fewer samples than the plan asks for, or the model fix its batch.
    batch: first.samples,
    ...(variant.cudaGraph === undefined ? {} : { cudaGraph: variant.cudaGraph }),
    ...(variant.transfers === undefined ? {} : { transfers: variant.transfers }),
    conditions,
  };
}

/** Data for an INT8 input with a scale are the values that it stands for. */
function asData(input: ValueSpec, scales: BindingScales): ValueSpec {
  return input.name in scales ? { ...input, dtype: 'fp32' } : input;
}

/** An engine alone, without the ONNX file it was built from. */
function isEngineFile({ engine, path }: MeasuredFile): boolean {
  return engine?.path === path;
}

/**
 * Where engines of a plan's variants run, variants without one are left out: their latency would be that of another device.
 * Files that were named one by one (no data belongs to them) are measured as named.
 */
function comparable({ variants, data }: Params): readonly MeasuredFile[] {
  const engines = variants.filter(({ engine }) => engine !== undefined);
  return data !== null && engines.length > 0 ? engines : variants;
}

interface OpenedVariant {
  readonly conditions: NonNullable<BenchmarkEntry['conditions']>;
  readonly session: Session;
  readonly backend: string;
}

async function openVariant(
  backends: readonly Backend[],
  { engine, path, simulated }: MeasuredFile,
  threads: number,
): Promise<OpenedVariant> {
  if (engine !== undefined) {
    const artifact = { kind: 'engine', ...engine } as const;
    const session = await chooseRunner(backends, artifact).open(artifact);
    return { session, backend: engine.backend, conditions: {} };
  }
  const runtime = chooseRunner(backends, { kind: 'onnx', path, backend: null });
  const { session, graphOptimization } = await openFast(runtime, path, threads);
  return { session, backend: runtime.name, conditions: { simulated, threads, graphOptimization } };
}

/**
 * A session with the runtime's graph optimizations, or without where they break the graph: onnxruntime 1.30 fuses Q/DQ
 * around Concat into QLinearConcat even where the scales are FP16, which that operator does not take.
 */
async function openFast(
  runtime: Backend,
  path: string,
  threads: number,
): Promise<{ session: Session; graphOptimization: boolean }> {
  const artifact = { kind: 'onnx', path } as const;
  try {
    return { session: await runtime.open(artifact, { threads }), graphOptimization: true };
  } catch (error) {
    const session = await runtime.open(artifact, { threads, exact: true }).catch(() => null);
    if (session === null) throw error;
    return { session, graphOptimization: false };
  }
}

/** The first `batch` samples that can be read, in the types of the variant's own inputs, and how many they are. */
async function firstBatch(
  inputs: readonly ValueSpec[],
  { data, shapes = {}, batch: size }: Pick<Params, 'data' | 'shapes'> & { readonly batch: number },
  signal: AbortSignal | undefined,
): Promise<{ batch: Batch; samples: number }> {
  const [randomSizes] = guessSizes(inputs, shapes);
  const selection = data ?? { ...randomData, randomSizes, indices: [] };
  return withSelectedDataset(selection, inputs, signal, async (dataset) => {
    const indices = data?.indices ?? Array.from({ length: size }, (_, index) => index);
    for await (const batch of batches(dataset, indices, size, { signal })) {
      // A made-up sample has the rows that the model fixes: they are a batch.
      const isWholeBatch = dataset.kind === 'random' && dataset.batchRule?.kind === 'fixed';
      return { batch, samples: isWholeBatch ? batch.valid * batch.rowsPerSample : batch.valid };
    }
    throw new CodedError({
      code: 'DATA_EMPTY',
      reason: `${selection.source} has no sample to measure with.`,
      fix: 'Give data with at least one readable sample.',
      place: { file: selection.source },
    });
  });
}
