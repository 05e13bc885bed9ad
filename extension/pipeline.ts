/**
 * The stages in order: model → plan → calibrate → build → measure → compare → report. The only orchestrator.
 *
 * It holds no tensors and loads no native code: every stage is a request to the worker process (`contract/stageMethods`),
 * and what comes back are paths and plain data. A variant that fails is marked so and the others go on; a failure that
 * concerns all of them (an unreadable model, no usable data) ends the run.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, rmdir } from 'node:fs/promises';
import * as path from 'node:path';
import { chooseEngineBuilder, type EngineBuilder } from './build/chooseEngineBuilder';
import { describeFile } from './files/describeFile';
import { decideVerdict } from './compare/verdict';
import { CodedError, throwIfCancelled, type ErrorData } from './contract/errors';
import type { Plan, Precision } from './contract/plan';
import { precisions as precisionOrder } from './contract/plan';
import type { OnProgress, RunOptions, Stage } from './contract/progress';
import type {
  Artifact,
  BuildSummary,
  CalibrationSummary,
  Decision,
  ModelCard,
  Report,
  Variant,
} from './contract/report';
import type { DataSelection, PerVariant, StageMethods, VariantFile } from './contract/stageMethods';
import { writeReport } from './report/writeReport';
import { toolVersion } from './version';

/** The worker as the pipeline needs it; tests give a fake. */
export interface StageRunner {
  request<M extends keyof StageMethods>(
    method: M,
    params: StageMethods[M]['params'],
    options: RunOptions,
  ): Promise<StageMethods[M]['result']>;
}

export interface ConvertRequest {
  readonly plan: Plan;
  /** The folder that the plan's relative paths start from. */
  readonly baseDir: string;
  /** Output folder; created if missing. */
  readonly out: string;
  /** The command line that reproduces the run. */
  readonly command: string;
  /** Interpreter for `file.py:ClassName` data sets. */
  readonly python: string;
  /** Then evaluate and measure only as much as time is left; null: no limit. */
  readonly timeBudgetMs: number | null;
}

/** A variant while it is being made. */
interface Draft {
  readonly precision: Precision;
  error: ErrorData | null;
  artifacts: Artifact[];
  decisions: Decision[];
  warnings: string[];
  builds: BuildSummary[];
  /** Architectures that got no engine, and why. */
  refusals: { readonly target: string | null; readonly error: ErrorData }[];
  /** What is timed and what is compared; null until the variant is written. */
  runnable: VariantFile | null;
  evaluable: VariantFile | null;
  bytes: number | null;
}

/** What the stages before writing leave behind. */
interface Calibrated {
  readonly card: ModelCard;
  readonly data: StageMethods['selectData']['result'];
  /** The graph that all variants share, in the scratch folder. */
  readonly prepared: string;
  readonly ranges: string;
  /** Null when no precision needs scales. */
  readonly table: Artifact | null;
  readonly summary: CalibrationSummary | null;
  readonly sampleDims: Record<string, number[]>;
}

const tableName = 'calibration.json';

/**
 * Converts one model as its plan says and writes the report into `request.out`.
 *
 * @returns the report, also written as report.json, .html, .md and .csv
 * @throws CodedError for failures that concern every variant; CANCELLED when the signal fires. The output folder then
 *   holds no partial files of this run.
 */
export async function convert(request: ConvertRequest, worker: StageRunner, options: RunOptions): Promise<Report> {
  const run = new Conversion(request, worker, options);
  try {
    return await run.execute();
  } finally {
    await run.cleanUp();
  }
}

/**
 * Observes the model on the plan's data and writes the calibration table into `request.out`, nothing else.
 *
 * @returns the table's path and what calibration found
 * @throws CodedError as `convert` does
 */
export async function calibrate(
  request: ConvertRequest,
  worker: StageRunner,
  options: RunOptions,
): Promise<{ table: string; summary: CalibrationSummary; warnings: readonly string[] }> {
  const run = new Conversion(request, worker, options);
  try {
    const { table, summary } = await run.calibrate();
    if (table === null || summary === null) {
      throw new CodedError({
        code: 'PLAN_INVALID',
        reason: 'None of the precisions in the plan needs scales.',
        fix: 'Add int8 or fp8 to the precisions.',
        place: { field: 'precisions' },
      });
    }
    await run.publish([table]);
    return { table: path.join(request.out, table.path), summary, warnings: run.warnings };
  } finally {
    await run.cleanUp();
  }
}

class Conversion {
  private readonly plan: Plan;
  private readonly model: string;
  /** Files of this run before they are complete; on the same file system as `out`, so that renames are atomic. */
  private readonly scratch: string;
  private readonly precisions: readonly Precision[];
  readonly warnings: string[] = [];
  private readonly startedAt = performance.now();

  constructor(
    private readonly request: ConvertRequest,
    private readonly worker: StageRunner,
    private readonly options: RunOptions,
  ) {
    this.plan = request.plan;
    this.model = path.resolve(request.baseDir, request.plan.model);
    this.precisions = precisionOrder.filter((name) => name === 'fp32' || request.plan.precisions.includes(name));
    this.scratch = path.join(request.out, `.run-${randomUUID().slice(0, 8)}`);
  }

  /** The stages up to the calibration table: all that `precision-bench calibrate` does. */
  async calibrate(): Promise<Calibrated> {
    const { plan, worker, options } = this;
    await this.createFolders();
    this.progress('model', 0, `Reading ${path.basename(this.model)}`);
    const { card } = await worker.request('inspect', { model: this.model, explain: [] }, options);
    this.progress('model', 1, `${card.nodes} nodes, opset ${card.opset}`);

    this.progress('plan', 0, 'Preparing the graph');
    const prepared = path.join(this.scratch, 'prepared.onnx');
    const preparation = await worker.request('prepare', { model: this.model, plan, output: prepared }, options);
    this.progress('plan', 0.5, 'Looking at the data');
    const data = await worker.request(
      'selectData',
      { model: this.model, plan, baseDir: this.request.baseDir, python: this.request.python },
      options,
    );
    this.progress('plan', 1, `Prepared at opset ${preparation.opset}`);

    const ranges = path.join(this.scratch, 'ranges.json');
    const table = path.join(this.scratch, tableName);
    const { summary, sampleDims, warnings } = await worker.request(
      'calibrate',
      {
        prepared,
        modelSha256: card.sha256,
        plan,
        precisions: this.precisions,
        data: data.calibration,
        representative: data.representative,
        reuse: plan.calibration.table === null ? null : path.resolve(this.request.baseDir, plan.calibration.table),
        rangesOutput: ranges,
        tableOutput: table,
      },
      options,
    );
    this.warnings.push(...data.warnings, ...preparation.warnings, ...warnings);
    return {
      card,
      data,
      prepared,
      ranges,
      summary,
      sampleDims,
      table: summary === null ? null : await this.describe(tableName, 'table'),
    };
  }

  async execute(): Promise<Report> {
    const { plan, worker, options } = this;
    const probe = await worker.request('probe', { fresh: false }, options);
    // Decided first, so that an impossible target costs nothing.
    const builder = chooseEngineBuilder(plan, probe.backends);
    const calibrated = await this.calibrate();
    const { card, data, table } = calibrated;

    const drafts: Draft[] = [];
    for (const precision of this.precisions) drafts.push(await this.writeVariant(precision, calibrated));
    for (const draft of drafts) await this.buildEngines(draft, builder, calibrated.sampleDims);

    const accuracy = await this.evaluate(drafts, data.evaluation);
    const latency = await this.measure(drafts, data.evaluation);

    const baseline = drafts.find((draft) => draft.precision === 'fp32');
    const baselineLatency = latency.results['fp32'];
    const variants = drafts.map((draft): Variant => {
      const name = draft.precision;
      const engineError = draft.builds.length === 0 ? (draft.refusals[0]?.error ?? null) : null;
      const untimed = latency.errors[name];
      // Latency of the CPU runtime is a side note: a crash in its fusions says nothing against the graph or its engine.
      const timedOnCpu = draft.runnable?.engine === undefined && accuracy.results[name] !== undefined;
      if (untimed !== undefined && timedOnCpu) this.warnings.push(`${name}: no CPU latency: ${untimed.reason}`);
      const error = draft.error ?? accuracy.errors[name] ?? (timedOnCpu ? undefined : untimed) ?? engineError;
      // What the hardware cannot do, or the user gave no time for, is no failure of the run.
      const beyondReach =
        error === engineError && ['PRECISION_UNSUPPORTED', 'TIME_BUDGET'].includes(engineError?.code ?? '');
      const quantized = name === 'int8' || name === 'fp8';
      const measured = latency.results[name] ?? null;
      return {
        name,
        precision: draft.precision,
        status: error === null ? 'ok' : beyondReach ? 'skipped' : 'failed',
        error,
        artifacts: quantized && table !== null ? [...draft.artifacts, table] : draft.artifacts,
        calibration: quantized ? calibrated.summary : null,
        decisions: draft.decisions,
        build: draft.builds[0] ?? null,
        latency: measured,
        accuracy: accuracy.results[name] ?? null,
        speedup: ratio(baselineLatency?.medianMs, measured?.medianMs),
        sizeRatio: ratio(draft.bytes, baseline?.bytes),
      };
    });

    this.progress('report', 0, 'Writing the report');
    const report: Report = {
      schemaVersion: 1,
      tool: { name: 'precision-bench', version: toolVersion },
      createdAt: new Date().toISOString(),
      command: this.request.command,
      model: card,
      plan,
      host: probe.host,
      data: {
        calibration: data.calibration.card,
        evaluation: { ...data.evaluation.card, labelled: data.evaluation.labelled, skipped: accuracy.skipped },
        representative: data.representative,
        split: data.split,
      },
      variants,
      verdict: decideVerdict({
        variants,
        plan,
        model: card,
        representative: data.representative,
        skippedSamples: accuracy.skipped,
        warnings: [...new Set([...this.warnings, ...warningsOf(drafts)])],
      }),
    };
    await this.publish(variants.flatMap((variant) => variant.artifacts));
    await writeReport(report, this.request.out);
    this.progress('report', 1, `Report in ${this.request.out}`);
    return report;
  }

  /** Removes everything of this run that did not become part of the result. */
  async cleanUp(): Promise<void> {
    // A folder that could not be made cannot be removed either; the first failure is the one to tell.
    await rm(this.scratch, { recursive: true, force: true }).catch(() => undefined);
    // An output folder that this run made and left empty goes too; rmdir refuses one that holds anything.
    await rmdir(this.request.out).catch(() => undefined);
  }

  private async createFolders(): Promise<void> {
    try {
      await mkdir(this.scratch, { recursive: true });
    } catch (error) {
      throw unwritable(this.request.out, error);
    }
  }

  private async writeVariant(precision: Precision, { prepared, ranges, table }: Calibrated): Promise<Draft> {
    const draft: Draft = {
      precision,
      error: null,
      artifacts: [],
      decisions: [],
      warnings: [],
      builds: [],
      refusals: [],
      runnable: null,
      evaluable: null,
      bytes: null,
    };
    this.progress('plan', null, `Writing ${precision}`, precision);
    await this.attempt(draft, async () => {
      const name = this.fileName(precision, 'onnx');
      const output = path.join(this.scratch, name);
      const written = await this.worker.request(
        'write',
        {
          prepared,
          ranges,
          table: table === null ? null : path.join(this.scratch, table.path),
          precision,
          plan: this.plan,
          output,
          simulatedOutput: path.join(this.scratch, `${precision}.simulated.onnx`),
        },
        this.options,
      );
      draft.warnings.push(...written.warnings);
      draft.decisions = written.decisions;
      draft.bytes = written.bytes;
      draft.artifacts.push(...(await this.describeModel(name)));
      draft.runnable = written.runnable;
      draft.evaluable = written.evaluable;
    });
    return draft;
  }

  private async buildEngines(
    draft: Draft,
    builder: EngineBuilder | null,
    sampleDims: Record<string, number[]>,
  ): Promise<void> {
    if (builder === null || draft.error !== null) return;
    for (const target of builder.targets) {
      const name = this.fileName(draft.precision, target === null ? 'engine' : `${target}.engine`);
      this.progress('build', null, `Building ${name}`, draft.precision);
      try {
        await this.buildEngine(draft, builder, target, name, sampleDims);
      } catch (error) {
        if (CodedError.is(error, 'CANCELLED')) throw error;
        const { reason, ...rest } = CodedError.from(error).toJSON();
        const where = target === null ? '' : ` for ${target}`;
        draft.refusals.push({ target, error: { ...rest, reason: `No engine${where}: ${reason}` } });
      }
    }
    // One engine is a result; the architectures without one are named among the warnings.
    if (draft.builds.length > 0) {
      draft.warnings.push(...draft.refusals.map(({ error }) => error.reason));
    }
  }

  private async buildEngine(
    draft: Draft,
    { name: backend }: EngineBuilder,
    target: string | null,
    name: string,
    sampleDims: Record<string, number[]>,
  ): Promise<void> {
    throwIfCancelled(this.options.signal);
    if ((this.remainingMs() ?? 1) <= 0) throw outOfTime();
    const { artifact, build } = await this.worker.request(
      'build',
      {
        backend,
        onnx: path.join(this.scratch, this.fileName(draft.precision, 'onnx')),
        precision: draft.precision,
        target,
        plan: this.plan,
        sampleDims,
        output: path.join(this.scratch, name),
      },
      this.options,
    );
    draft.artifacts.push({ ...artifact, path: name });
    draft.builds.push(build);
    // An engine for no named architecture is one for the GPU of this machine.
    if (target === null && draft.runnable !== null) {
      draft.runnable = { ...draft.runnable, engine: { backend, path: artifact.path } };
    }
  }

  private async evaluate(drafts: readonly Draft[], data: DataSelection) {
    requireBaseline(drafts);
    const remaining = this.remainingMs();
    const params = {
      model: this.model,
      data,
      batchSize: this.plan.calibration.batchSize,
      // Measuring comes after it and is worth more than the last samples.
      budgetMs: remaining === null ? null : Math.max(0, remaining - measuringMs(this.plan, drafts)),
    };
    const evaluated = await this.perVariant(filesOf(drafts, 'evaluable'), (variants) =>
      this.worker.request('evaluate', { ...params, variants }, this.options),
    );
    const unseen = evaluated.answers[0]?.unseen ?? 0;
    if (unseen > 0) this.warnings.push(`The time budget ended evaluation with ${unseen} samples unseen.`);
    return { ...evaluated, skipped: evaluated.answers[0]?.skipped ?? 0 };
  }

  private async measure(drafts: readonly Draft[], data: DataSelection) {
    const remaining = this.remainingMs();
    const { benchmark } = this.plan;
    const wanted = measuringMs(this.plan, drafts);
    const share = remaining === null || remaining >= wanted ? 1 : Math.max(0, remaining) / wanted;
    const params = {
      data,
      benchmark: {
        ...benchmark,
        warmupMs: Math.round(benchmark.warmupMs * share),
        durationMs: Math.max(1, Math.round(benchmark.durationMs * share)),
      },
    };
    return this.perVariant(filesOf(drafts, 'runnable'), (variants) =>
      this.worker.request('measure', { ...params, variants }, this.options),
    );
  }

  /** What is left of the time budget, perhaps less than nothing; null without one. */
  private remainingMs(): number | null {
    const { timeBudgetMs } = this.request;
    return timeBudgetMs === null ? null : timeBudgetMs - (performance.now() - this.startedAt);
  }

  /**
   * Runs a request over all variants at once, so that they see the same batches and the same minutes. If the worker dies
   * of one of them, each is tried alone: the culprit gets the error, the others their results.
   */
  private async perVariant<T, More>(
    variants: VariantFile[],
    request: (variants: VariantFile[]) => Promise<PerVariant<T> & More>,
  ): Promise<PerVariant<T> & { readonly answers: readonly More[] }> {
    try {
      const answer = await request(variants);
      return { results: answer.results, errors: answer.errors, answers: [answer] };
    } catch (error) {
      const died = CodedError.is(error, 'WORKER_CRASHED') || CodedError.is(error, 'WORKER_OUT_OF_MEMORY');
      if (!died || variants.length < 2) throw error;
    }
    const answers: (PerVariant<T> & More)[] = [];
    const deaths: Record<string, ErrorData> = {};
    for (const variant of variants) {
      throwIfCancelled(this.options.signal);
      try {
        answers.push(await request([variant]));
      } catch (error) {
        if (CodedError.is(error, 'CANCELLED')) throw error;
        deaths[variant.name] = CodedError.from(error).toJSON();
      }
    }
    return {
      results: Object.assign({}, ...answers.map((answer) => answer.results)) as Record<string, T>,
      errors: Object.assign({}, ...answers.map((answer) => answer.errors), deaths) as Record<string, ErrorData>,
      answers,
    };
  }

  /** Runs a step for one variant; its failure is the variant's, cancellation is the run's. */
  private async attempt(draft: Draft, step: () => Promise<void>): Promise<void> {
    throwIfCancelled(this.options.signal);
    try {
      await step();
    } catch (error) {
      if (CodedError.is(error, 'CANCELLED')) throw error;
      draft.error ??= CodedError.from(error).toJSON();
    }
  }

  /** A finished file of the scratch folder as an artifact; `publish` moves it into the output folder. */
  private async describe(name: string, kind: Artifact['kind']): Promise<Artifact> {
    const file = await describeFile(path.join(this.scratch, name));
    return { ...file, kind, backend: null, target: null, path: name };
  }

  /** A written model, and the external weights that one above 2 GB has beside it under a name derived from its own. */
  private async describeModel(name: string): Promise<Artifact[]> {
    const weights = `${name}.data`;
    const external = existsSync(path.join(this.scratch, weights)) ? [await this.describe(weights, 'onnx')] : [];
    return [await this.describe(name, 'onnx'), ...external];
  }

  /** Moves the artifacts into the output folder. Until here a failed or cancelled run leaves no trace of itself. */
  async publish(artifacts: readonly Artifact[]): Promise<void> {
    for (const name of new Set(artifacts.map((artifact) => artifact.path))) {
      const destination = path.join(this.request.out, name);
      await rename(path.join(this.scratch, name), destination).catch((error: unknown) => {
        throw unwritable(destination, error);
      });
    }
  }

  private fileName(precision: Precision, extension: string): string {
    return `${path.basename(this.model).replace(/\.onnx$/i, '')}.${precision}.${extension}`;
  }

  private progress(stage: Stage, fraction: number | null, message: string, variant?: string): void {
    const report: OnProgress | undefined = this.options.onProgress;
    report?.({ stage, fraction, etaSeconds: null, message, ...(variant === undefined ? {} : { variant }) });
  }
}

/**
 * Without the FP32 variant there is nothing to compare with: its failure is the run's.
 * @throws CodedError why it was not written
 */
function requireBaseline(drafts: readonly Draft[]): void {
  const baseline = drafts.find(({ precision }) => precision === 'fp32');
  if (baseline?.runnable) return;
  throw new CodedError(
    baseline?.error ?? { code: 'INTERNAL', reason: 'No fp32 variant was written.', fix: 'Report this as a defect.' },
  );
}

/** The files of the variants that were written. */
function filesOf(drafts: readonly Draft[], file: 'runnable' | 'evaluable'): VariantFile[] {
  return drafts.flatMap((draft) => draft[file] ?? []);
}

function unwritable(file: string, cause: unknown): CodedError {
  return new CodedError(
    {
      code: 'OUTPUT_UNWRITABLE',
      reason: `${file} cannot be written: ${describe(cause)}`,
      fix: 'Give a folder you may write to with --out.',
      place: { file },
    },
    { cause },
  );
}

function outOfTime(): CodedError {
  return new CodedError({
    code: 'TIME_BUDGET',
    reason: 'the time budget was used up before it was built.',
    fix: 'Give more time with --time-budget, or fewer precisions or targets.',
  });
}

/** How long measuring takes if nothing shortens it. */
function measuringMs({ benchmark }: Plan, drafts: readonly Draft[]): number {
  return drafts.length * (benchmark.warmupMs + benchmark.durationMs);
}

/** The warnings of all variants, each once, with the variants that it concerns unless it concerns all of them. */
function warningsOf(drafts: readonly Draft[]): string[] {
  const concerned = new Map<string, Precision[]>();
  for (const { precision, warnings } of drafts) {
    for (const text of new Set(warnings)) concerned.set(text, [...(concerned.get(text) ?? []), precision]);
  }
  return [...concerned].map(([text, names]) =>
    names.length === drafts.length ? text : `${names.join(', ')}: ${text}`,
  );
}

function ratio(numerator: number | null | undefined, denominator: number | null | undefined): number | null {
  return numerator == null || denominator == null || denominator === 0 ? null : numerator / denominator;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
