/** `measure`: latency of all variants, interleaved, on the same input: engines on their GPU, ONNX files on the processor. */
import { availableParallelism } from 'node:os';
import type { Backend, Session } from '../../backends/backend';
import { chooseRunner } from '../../backends/choose';
import { batches, type Batch } from '../../calibrate/batches';
import { CodedError, type ErrorData } from '../../contract/errors';
import type { RunOptions } from '../../contract/progress';
import type { DataSelection, StageMethods, VariantFile } from '../../contract/stageMethods';
import { measureInterleaved, type BenchmarkEntry } from '../../measure/measureInterleaved';
import { loadModel } from '../../model/loadModel';
import { graphInputs } from '../../model/modelCard';
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
  const variants = comparable(params.variants);
  // Said, not left to the runtime: a latency without its number of threads means nothing.
  const threads = availableParallelism();
  const errors: Record<string, ErrorData> = {};
  const sessions = new Map<string, Session>();
  try {
    const entries: BenchmarkEntry[] = [];
    // What is really fed: the data may hold fewer samples than the plan asks for, or the model fix its batch.
    let batch = benchmark.batch;
    for (const variant of variants) {
      try {
        const { session, backend, conditions } = await openVariant(backends, variant, threads);
        sessions.set(variant.name, session);
        const first = await firstBatch(variant, params, options.signal);
        batch = first.valid;
        entries.push({
          name: variant.name,
          session,
          feeds: convertFeeds(first.tensors, session),
          backend,
          device: session.device ?? 'cpu',
          conditions,
        });
      } catch (error) {
        if (CodedError.is(error, 'CANCELLED')) throw error;
        errors[variant.name] = CodedError.from(error).toJSON();
      }
    }
    const measured = await measureInterleaved(entries, { ...benchmark, batch }, options);
    return { results: measured.results, errors: { ...errors, ...measured.errors } };
  } finally {
    for (const session of sessions.values()) await session.close();
  }
}

/** Where engines run, variants without one are left out: their latency would be that of another device. */
function comparable(variants: readonly VariantFile[]): readonly VariantFile[] {
  const engines = variants.filter(({ engine }) => engine !== undefined);
  return engines.length > 0 ? engines : variants;
}

interface OpenedVariant {
  readonly conditions: NonNullable<BenchmarkEntry['conditions']>;
  readonly session: Session;
  readonly backend: string;
}

async function openVariant(
  backends: readonly Backend[],
  { engine, path, simulated }: VariantFile,
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

/** The first `benchmark.batch` samples that can be read, in the types of the variant's own inputs. */
async function firstBatch(
  variant: VariantFile,
  { data, benchmark }: Params,
  signal: AbortSignal | undefined,
): Promise<Batch> {
  const inputs = graphInputs(await loadModel(variant.path));
  const selection = data ?? { ...randomData, indices: Array.from({ length: benchmark.batch }, (_, index) => index) };
  return withSelectedDataset(selection, inputs, signal, async (dataset) => {
    for await (const batch of batches(dataset, selection.indices, benchmark.batch, { signal })) return batch;
    throw new CodedError({
      code: 'DATA_EMPTY',
      reason: `${selection.source} has no sample to measure with.`,
      fix: 'Give data with at least one readable sample.',
      place: { file: selection.source },
    });
  });
}
