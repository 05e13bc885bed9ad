/**
 * `evaluate`: every variant against the original FP32 model, batch by batch over the evaluation samples, in one pass over the
 * data. The reference is the file the user gave, not our rewriting of it: a fault of the preparation shows as a low
 * SQNR of the variant `fp32`.
 */
import type { Backend, Session } from '../../backends/backend';
import { batches, type Batch } from '../../calibrate/batches';
import type { Dataset } from '../../calibrate/dataset';
import { Comparison } from '../../compare/comparison';
import { detectTask } from '../../compare/detectTask';
import { CodedError, type ErrorData } from '../../contract/errors';
import type { RunOptions } from '../../contract/progress';
import type { Accuracy } from '../../contract/report';
import type { StageMethods, VariantFile } from '../../contract/stageMethods';
import type { NamedTensors } from '../../contract/tensor';
import { loadModel } from '../../model/loadModel';
import { isQuantized } from '../../plan/existingQuantization';
import { graphInputs, graphOutputs } from '../../model/modelCard';
import { bindingScales, dequantizedOutputs, type BindingScales } from './bindingScales';
import { convertFeeds } from './convertFeeds';
import { withSelectedDataset } from './selectedDataset';

type Params = StageMethods['evaluate']['params'];
type Result = StageMethods['evaluate']['result'];

/** @param backends run the engines of variants that have one; without, the runtime's answer stands for all of them */
export async function evaluateStage(
  params: Params,
  runtime: Backend,
  options: RunOptions,
  backends: readonly Backend[] = [],
): Promise<Result> {
  try {
    return await evaluate(params, runtime, options, backends);
  } catch (error) {
    // Some models declare an open batch and were traced with one sample: a size of it is a constant in the graph.
    if (params.batchSize === 1 || !CodedError.is(error, 'RUNTIME_FAILED')) throw error;
    return evaluate({ ...params, batchSize: 1 }, runtime, options, backends);
  }
}

async function evaluate(
  params: Params,
  runtime: Backend,
  options: RunOptions,
  backends: readonly Backend[],
): Promise<Result> {
  const model = await loadModel(params.model);
  const metadata = Object.fromEntries(model.proto.metadataProps.map(({ key, value }) => [key ?? '', value ?? '']));
  const outputs = graphOutputs(model);
  return withSelectedDataset(params.data, graphInputs(model), options.signal, async (dataset) => {
    // The runtime fuses the pairs of a quantized model into integer kernels, which saturate and round otherwise than the model says.
    const exact = isQuantized(model);
    const reference = await runtime.open({ kind: 'onnx', path: params.model }, { exact });
    const variants = params.variants.map((file) => new EvaluatedVariant(file, runtime, backends));
    const progress = new EvaluationProgress(params.data.indices.length, options);
    let skipped = 0;
    try {
      for await (const batch of batches(dataset, params.data.indices, params.batchSize, { signal: options.signal })) {
        skipped += batch.skipped.length;
        const expected = await reference.run(batch.tensors);
        for (const variant of variants) {
          await variant.add(batch, expected, () => {
            const task = detectTask(outputs, expected, rowLabels(batch), metadata);
            const { backend, classNames } = { backend: variant.backend.name, classNames: dataset.classes };
            return new Comparison({ outputs, task, backend, simulated: variant.simulated, classNames });
          });
        }
        progress.advance(batch.valid + batch.skipped.length);
        if (params.budgetMs !== null && progress.elapsedMs > params.budgetMs) break;
      }
    } finally {
      await reference.close();
      for (const variant of variants) await variant.close();
    }
    return { ...collect(variants, skipped, dataset), unseen: progress.remaining };
  });
}

/** Labels for every row fed, since a fixed batch may be filled up beyond its samples. */
function rowLabels(batch: Batch) {
  const rows = rowsOf(batch);
  return Array.from({ length: rows }, (_, row) => batch.labels[row] ?? null);
}

function rowsOf(batch: Batch): number {
  const first = Object.values(batch.tensors)[0]?.dims[0] ?? batch.valid;
  return Math.max(batch.valid, Math.round(first / batch.rowsPerSample));
}

function collect(variants: readonly EvaluatedVariant[], skipped: number, dataset: Dataset): Omit<Result, 'unseen'> {
  const results: Record<string, Accuracy> = {};
  const errors: Record<string, ErrorData> = {};
  for (const { file, error, comparison } of variants) {
    if (error !== null) errors[file.name] = error;
    else if (comparison !== null) results[file.name] = comparison.finish();
  }
  if (Object.keys(results).length === 0 && Object.keys(errors).length === 0) {
    throw new CodedError({
      code: 'DATA_EMPTY',
      reason: `${dataset.source} leaves no sample to evaluate.`,
      fix: 'Give more data, or evaluation data of its own with --eval-data.',
      place: { file: dataset.source },
    });
  }
  return { results, errors, skipped };
}

/** One variant in the pass. From its first failure on it is left out. */
class EvaluatedVariant {
  error: ErrorData | null = null;
  comparison: Comparison | null = null;
  readonly backend: Backend;
  readonly simulated: boolean;
  private readonly artifact: Parameters<Backend['open']>[0];
  private session: Session | null = null;
  private scales: BindingScales | null = null;

  constructor(
    readonly file: VariantFile,
    runtime: Backend,
    backends: readonly Backend[],
  ) {
    // Seen on a GPU: an INT8 engine answered nonsense where the same graph was right on the processor.
    const { engine } = file;
    this.artifact = engine === undefined ? { kind: 'onnx', path: file.path } : { kind: 'engine', path: engine.path };
    this.backend = backends.find(({ name }) => name === engine?.backend) ?? runtime;
    this.simulated = engine === undefined && file.simulated;
  }

  async add(batch: Batch, reference: NamedTensors, newComparison: () => Comparison): Promise<void> {
    if (this.error !== null) return;
    this.comparison ??= newComparison();
    try {
      this.session ??= await this.backend.open(this.artifact, { exact: true });
      this.scales ??= bindingScales(await loadModel(this.file.path));
      const feeds = convertFeeds(batch.tensors, this.session, this.scales);
      const test = dequantizedOutputs(await this.session.run(feeds), this.scales);
      this.comparison.add({
        ids: batch.ids,
        labels: batch.labels,
        reference,
        test,
        valid: batch.valid,
        rows: rowsOf(batch),
      });
    } catch (error) {
      // Labels that fit no class concern every variant, and the user at once.
      if (CodedError.is(error, 'DATA_LABELS_INVALID')) throw error;
      this.error = CodedError.from(error).toJSON();
    }
  }

  async close(): Promise<void> {
    await this.session?.close();
  }
}

class EvaluationProgress {
  private readonly started = performance.now();
  private done = 0;

  constructor(
    private readonly total: number,
    private readonly options: RunOptions,
  ) {}

  get elapsedMs(): number {
    return performance.now() - this.started;
  }

  get remaining(): number {
    return Math.max(0, this.total - this.done);
  }

  advance(samples: number): void {
    this.done += samples;
    const fraction = Math.min(1, this.done / Math.max(1, this.total));
    const seconds = this.elapsedMs / 1000;
    this.options.onProgress?.({
      stage: 'compare',
      fraction,
      etaSeconds: (seconds * (1 - fraction)) / fraction,
      message: `Evaluating: ${this.done} of ${this.total} samples`,
    });
  }
}
