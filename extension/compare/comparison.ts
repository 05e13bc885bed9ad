/**
 * A variant against fp32 over a whole evaluation set, in memory that does not grow with it.
 *
 * Comes after inference of both models on each batch and before `verdict.ts`: feed every batch to `add`, then `finish` gives
 * the accuracy part of the report. One instance per variant; fp32 itself is compared with itself, which gives its task
 * metrics and its count of non-finite elements.
 */
import type { Accuracy } from '../contract/report';
import type { NamedTensors, ValueSpec } from '../contract/tensor';
import type { Label, Task } from './detectTask';
import { TaskMetrics, type AnswerPair } from './taskMetrics';
import { TensorMetrics, type BatchLayout, type SampleDistance } from './tensorMetrics';

export interface ComparisonOptions {
  /** The outputs to compare, in graph order. */
  readonly outputs: readonly Pick<ValueSpec, 'name'>[];
  /** From `detectTask`. */
  readonly task: Task | null;
  /** The runtime that executes the variant, as the report names it. */
  readonly backend: string;
  readonly simulated: boolean;
  /** Names of the classes in label order, where the data set has them. */
  readonly classNames?: readonly string[] | null;
  /** How many of the worst samples to keep. */
  readonly worst?: number;
}

/** One batch through both models. */
export interface ComparedBatch {
  readonly ids: readonly string[];
  readonly labels: readonly Label[];
  readonly reference: NamedTensors;
  readonly test: NamedTensors;
  /** Samples in the batch; they fill its first rows. */
  readonly valid: number;
  /** Rows fed to the models, where a fixed batch size was padded; `valid` when left out. */
  readonly rows?: number;
}

interface WorstSample extends AnswerPair {
  readonly sample: string;
  readonly sqnrDb: number | null;
  readonly broken: number;
}

/** Worst first: samples with new NaN or infinity before all others, then the lowest SQNR. */
function byDamage(a: WorstSample, b: WorstSample): number {
  if (a.broken !== b.broken) return b.broken - a.broken;
  // Identical samples are not listed, so no SQNR means no signal at all under the noise.
  return (a.sqnrDb ?? -Number.MAX_VALUE) - (b.sqnrDb ?? -Number.MAX_VALUE);
}

const noAnswers: AnswerPair = { label: null, expected: null, got: null };

export class Comparison {
  private readonly outputs: readonly TensorMetrics[];
  private readonly task: TaskMetrics | null;
  private readonly keep: number;
  private worst: WorstSample[] = [];
  private samples = 0;

  constructor(private readonly options: ComparisonOptions) {
    this.outputs = options.outputs.map(({ name }) => new TensorMetrics(name));
    this.task = options.task === null ? null : new TaskMetrics(options.task, options.classNames ?? null);
    this.keep = options.worst ?? 8;
  }

  /**
   * @throws CodedError DATA_LABELS_INVALID when a label is no class of the model
   */
  add(batch: ComparedBatch): void {
    const layout: BatchLayout = { valid: batch.valid, rows: Math.max(batch.rows ?? 0, batch.valid) };
    let distances: SampleDistance[] | null = null;
    for (const metrics of this.outputs) {
      const reference = batch.reference[metrics.name];
      const test = batch.test[metrics.name];
      if (reference === undefined || test === undefined) continue;
      // The first output that can be told sample by sample ranks the samples.
      const perSample = metrics.add(reference, test, layout);
      distances ??= perSample;
    }
    const answers = this.addAnswers(batch, layout);
    if (distances !== null) this.rank(batch.ids, distances, answers);
    this.samples += batch.valid;
  }

  finish(): Accuracy {
    return {
      reference: 'fp32',
      backend: this.options.backend,
      samples: this.samples,
      simulated: this.options.simulated,
      outputs: this.outputs.map((metrics) => metrics.finish()),
      task: this.task?.finish() ?? null,
      worst: this.worst.map(({ sample, sqnrDb, label, expected, got }) => ({ sample, sqnrDb, label, expected, got })),
    };
  }

  private addAnswers(batch: ComparedBatch, layout: BatchLayout): AnswerPair[] {
    const output = this.options.task?.output;
    const reference = output === undefined ? undefined : batch.reference[output];
    const test = output === undefined ? undefined : batch.test[output];
    if (this.task === null || reference === undefined || test === undefined) return [];
    return this.task.add(reference, test, layout, batch.ids, batch.labels);
  }

  private rank(ids: readonly string[], distances: readonly SampleDistance[], answers: readonly AnswerPair[]): void {
    const differing = distances.flatMap(({ sqnrDb, identical, broken }, row): WorstSample[] =>
      identical
        ? []
        : [{ sample: ids[row] ?? String(this.samples + row), sqnrDb, broken, ...(answers[row] ?? noAnswers) }],
    );
    this.worst = [...this.worst, ...differing].sort(byDamage).slice(0, this.keep);
  }
}
