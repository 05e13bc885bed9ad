/**
 * The stages in order: model → plan → calibrate → build → measure → compare → report. The only orchestrator.
 *
 * It holds no tensors and loads no native code: every stage is a request to the worker process (`contract/stageMethods`),
 * and what comes back are paths and plain data. A variant that fails is marked so and the others go on; a failure that
 * concerns all of them (an unreadable model, no usable data) ends the run. The pieces are in `pipeline/`.
 */
import * as path from 'node:path';
import { chooseEngineBuilder, type EngineBuilder } from './build/chooseEngineBuilder';
import { calibratedPrecisions, variantRecipes, weaklyTyped } from './build/variantRecipes';
import { CodedError, throwIfCancelled } from './contract/errors';
import { precisionOf, type Plan, type VariantName } from './contract/plan';
import type { RunOptions, Stage } from './contract/progress';
import type { Artifact, CalibrationSummary, ModelCard, Report } from './contract/report';
import type { StageMethods, VariantFile, VariantRecipe } from './contract/stageMethods';
import { assembleReport, type Measurements } from './pipeline/assembleReport';
import { perVariant } from './pipeline/perVariant';
import { RunFolder } from './pipeline/runFolder';
import { TimeBudget } from './pipeline/timeBudget';
import {
  adviseLikeBaseline,
  filesOf,
  needsEngine,
  newDraft,
  requireBaseline,
  type VariantDraft,
} from './pipeline/variantDraft';
import { checkAccelerator, checkTargets } from './plan/findPlatform';
import { checkPrecision } from './plan/platforms';
import { writeReport } from './report/writeReport';

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

/** What the stages before writing leave behind. */
interface Calibrated {
  readonly card: ModelCard;
  /** What every variant is compared with: the user's file, or a copy that says so in older versions. */
  readonly reference: string;
  readonly data: StageMethods['selectData']['result'];
  /** The graph that all variants share, in the scratch folder. */
  readonly prepared: string;
  readonly ranges: string;
  /** Null when no variant needs scales of ours. */
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
  return run.guarded(() => run.convert());
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
  return run.guarded(async () => {
    const { table, summary } = await run.calibrate(variantRecipes(builtinCalibration(request.plan), null));
    if (table === null || summary === null) {
      throw new CodedError({
        code: 'PLAN_INVALID',
        reason: 'None of the precisions in the plan needs scales.',
        fix: 'Add int8 or fp8 to the precisions.',
        place: { field: 'precisions' },
      });
    }
    await run.folder.publish([table]);
    return { table: path.join(request.out, table.path), summary, warnings: run.warnings };
  });
}

/** One run: its request, its folder, and the time it has. */
class Conversion {
  readonly folder: RunFolder;
  readonly warnings: string[] = [];
  private readonly plan: Plan;
  private readonly model: string;
  private readonly budget: TimeBudget;

  constructor(
    private readonly request: ConvertRequest,
    private readonly worker: StageRunner,
    private readonly options: RunOptions,
  ) {
    this.plan = withResolvedFiles(request.plan, request.baseDir);
    this.model = path.resolve(request.baseDir, request.plan.model);
    this.folder = new RunFolder(request.out);
    this.budget = new TimeBudget(request.timeBudgetMs);
  }

  /** Runs `work` and cleans up, however it ends. */
  async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // Nothing in the scratch folder outlives the run: what the user can look at is the model.
      throw this.folder.lasting(CodedError.from(error), () => this.model);
    } finally {
      await this.folder.cleanUp();
    }
  }

  async convert(): Promise<Report> {
    const { plan } = this;
    // Decided first, so that an impossible request costs nothing.
    checkTargets(plan);
    const probe = await this.ask('probe', { fresh: false });
    const builder = chooseEngineBuilder(plan, probe.backends);
    if (builder !== null) checkAccelerator(plan, probe.host.gpu);
    const recipes = variantRecipes(plan, builder);

    const calibrated = await this.calibrate(recipes);
    const drafts = await this.write(recipes, calibrated);
    const gpu = probe.host.gpu?.computeCapability ?? null;
    for (const [index, draft] of drafts.entries()) {
      await this.buildEngines(draft, builder, gpu, calibrated);
      drafts[index] = await this.orWeaklyTyped(draft, builder, gpu, calibrated);
    }
    adviseLikeBaseline(drafts);
    const measurements = await this.measureAll(drafts, calibrated);

    this.progress('report', 0, 'Writing the report');
    const { command } = this.request;
    const report = assembleReport({
      ...calibrated,
      ...measurements,
      ...{ command, plan: this.request.plan, host: probe.host, drafts, warnings: this.warnings },
    });
    await this.folder.publish(report.variants.flatMap((variant) => variant.artifacts));
    await writeReport(report, this.request.out);
    this.progress('report', 1, `Report in ${this.request.out}`);
    return report;
  }

  /** The stages up to the calibration table: all that `precision-bench calibrate` does. */
  async calibrate(recipes: readonly VariantRecipe[]): Promise<Calibrated> {
    const { plan, model, folder } = this;
    await folder.create();
    this.progress('model', 0, `Reading ${path.basename(model)}`);
    const { card } = await this.ask('inspect', { model, explain: [] });
    this.progress('model', 1, `${card.nodes} nodes, opset ${card.opset}`);

    this.progress('plan', 0, 'Preparing the graph');
    const prepared = folder.file('prepared.onnx');
    const referenceOutput = folder.file('reference.onnx');
    const preparation = await this.ask('prepare', { model, plan, output: prepared, referenceOutput });
    const { reference } = preparation;
    this.progress('plan', 0.5, 'Looking at the data');
    const { baseDir, python } = this.request;
    const data = await this.ask('selectData', { model: reference, plan, baseDir, python });
    this.progress('plan', 1, `Prepared at opset ${preparation.opset}`);

    const ranges = folder.file('ranges.json');
    const { summary, sampleDims, warnings } = await this.ask('calibrate', {
      prepared,
      modelSha256: card.sha256,
      // Whatever TensorRT calibrates itself is not asked of us.
      plan: { ...plan, calibration: { ...plan.calibration, calibrator: 'builtin' } },
      precisions: observedPrecisions(recipes),
      data: data.calibration,
      representative: data.representative,
      reuse: plan.calibration.table,
      rangesOutput: ranges,
      tableOutput: folder.file(tableName),
    });
    this.warnings.push(...data.warnings, ...preparation.warnings, ...warnings);
    const table = summary === null ? null : await folder.describe(tableName, 'table');
    return { card, reference, data, prepared, ranges, summary, sampleDims, table };
  }

  private async write(recipes: readonly VariantRecipe[], calibrated: Calibrated): Promise<VariantDraft[]> {
    const drafts: VariantDraft[] = [];
    for (const recipe of recipes) {
      const draft = newDraft(recipe);
      const [baseline] = drafts;
      drafts.push(draft);
      if (needsEngine(recipe) && recipe.graph === 'fp32' && baseline !== undefined) {
        shareGraph(draft, baseline);
      } else {
        this.progress('plan', null, `Writing ${recipe.name}`, recipe.name);
        await this.attempt(draft, () => this.writeVariant(draft, calibrated));
      }
    }
    return drafts;
  }

  private async writeVariant(draft: VariantDraft, { prepared, ranges, table }: Calibrated): Promise<void> {
    const { folder, plan } = this;
    const { name, graph, rest, weightStorage, int4Block } = draft.recipe;
    const fileName = this.fileName(name, 'onnx');
    const written = await this.ask('write', {
      ...{ prepared, ranges, plan, name, precision: graph, rest, weightStorage, int4Block },
      table: table === null ? null : folder.file(table.path),
      output: folder.file(fileName),
      simulatedOutput: folder.file(`${name}.simulated.onnx`),
    });
    draft.onnx = folder.file(fileName);
    draft.warnings.push(...written.warnings);
    draft.decisions = written.decisions;
    draft.bytes = written.bytes;
    draft.artifacts.push(...(await folder.describeModel(fileName)));
    draft.runnable = written.runnable;
    draft.evaluable = written.evaluable;
  }

  /** @param gpu the architecture of this machine's GPU, or null */
  private async buildEngines(
    draft: VariantDraft,
    builder: EngineBuilder | null,
    gpu: string | null,
    calibrated: Calibrated,
  ): Promise<void> {
    if (builder === null || draft.error !== null) return;
    const { name } = draft.recipe;
    for (const target of builder.targets) {
      const fileName = this.fileName(name, target === null ? 'engine' : `${target}.engine`);
      this.progress('build', null, `Building ${fileName}`, name);
      throwIfCancelled(this.options.signal);
      try {
        this.budget.requireSome();
        const architecture = target ?? gpu;
        if (architecture !== null) checkPrecision(architecture, name);
        await this.buildEngine(draft, builder, target, fileName, calibrated);
      } catch (error) {
        if (CodedError.is(error, 'CANCELLED')) throw error;
        const { reason, ...rest } = this.lasting(error).toJSON();
        const where = target === null ? '' : ` for ${target}`;
        draft.refusals.push({ target, error: { ...rest, reason: `No engine${where}: ${reason}` } });
      }
    }
    // One engine is a result; the architectures without one are named among the warnings.
    if (draft.builds.length > 0) draft.warnings.push(...draft.refusals.map(({ error }) => error.reason));
  }

  /** A variant that the builder refused, made once more with types that the builder chooses, where that may help. */
  private async orWeaklyTyped(
    draft: VariantDraft,
    builder: EngineBuilder | null,
    gpu: string | null,
    calibrated: Calibrated,
  ): Promise<VariantDraft> {
    const [refusal] = draft.refusals;
    if (builder === null || refusal?.error.code !== 'ENGINE_BUILD' || draft.builds.length > 0) return draft;
    const recipe = weaklyTyped(draft.recipe, this.plan, builder);
    if (recipe === null) return draft;
    const again = newDraft(recipe);
    await this.attempt(again, () => this.writeVariant(again, calibrated));
    await this.buildEngines(again, builder, gpu, calibrated);
    again.warnings.push(`Weakly typed, because TensorRT refused the strongly typed network. ${refusal.error.reason}`);
    return again;
  }

  private async buildEngine(
    draft: VariantDraft,
    { name: backend }: EngineBuilder,
    target: string | null,
    fileName: string,
    { card, data, sampleDims }: Calibrated,
  ): Promise<void> {
    const { folder, plan } = this;
    const { recipe, onnx } = draft;
    if (onnx === null) return;
    const calibratesItself = recipe.calibrator !== null && recipe.calibrator !== 'builtin';
    const built = await this.ask('build', {
      ...{ backend, onnx, recipe, target, plan, sampleDims, sampleValues: data.sampleValues },
      output: folder.file(fileName),
      calibration: calibratesItself
        ? {
            data: data.calibration,
            modelSha256: card.sha256,
            cache: plan.calibration.cache,
            output: folder.file(this.fileName(recipe.name, 'cache')),
          }
        : null,
    });
    for (const artifact of [built.artifact, ...built.more]) {
      draft.artifacts.push({ ...artifact, path: path.basename(artifact.path) });
    }
    draft.builds.push(built.build);
    draft.calibration ??= built.calibration;
    draft.warnings.push(...built.warnings);
    // An engine for no named architecture is one for the GPU of this machine, and what the variant really is.
    if (target === null) {
      const engine = { backend, path: built.artifact.path };
      const file: VariantFile = { name: recipe.name, path: onnx, simulated: false };
      draft.runnable = { ...(draft.runnable ?? file), engine };
      draft.evaluable = { ...(draft.evaluable ?? file), engine };
    }
  }

  private async measureAll(drafts: readonly VariantDraft[], calibrated: Calibrated): Promise<Measurements> {
    requireBaseline(drafts);
    const { plan, budget } = this;
    const { reference } = calibrated;
    const data = calibrated.data.evaluation;
    const { signal } = this.options;
    const { benchmark } = plan;
    const budgetMs = budget.evaluationMs(benchmark, drafts.length);
    const { batchSize } = plan.calibration;
    const accuracy = await perVariant(
      filesOf(drafts, 'evaluable'),
      (variants) => this.ask('evaluate', { model: reference, data, batchSize, budgetMs, variants }),
      signal,
    );
    const { unseen = 0, skipped = 0 } = accuracy.answers[0] ?? {};
    if (unseen > 0) this.warnings.push(`The time budget ended evaluation with ${unseen} samples unseen.`);

    const shortened = budget.shortened(benchmark, drafts.length);
    const latency = await perVariant(
      filesOf(drafts, 'runnable'),
      (variants) => this.ask('measure', { data, benchmark: shortened, variants }),
      signal,
    );
    return { accuracy: { ...accuracy, skipped }, latency };
  }

  /** Runs a step for one variant; its failure is the variant's, cancellation is the run's. */
  private async attempt(draft: VariantDraft, step: () => Promise<void>): Promise<void> {
    throwIfCancelled(this.options.signal);
    try {
      await step();
    } catch (error) {
      if (CodedError.is(error, 'CANCELLED')) throw error;
      draft.error ??= this.lasting(error).toJSON();
    }
  }

  /** An error of a variant names its files as they are called once they are published. */
  private lasting(error: unknown): CodedError {
    return this.folder.lasting(CodedError.from(error), (name) => path.join(this.request.out, name));
  }

  private ask<M extends keyof StageMethods>(
    method: M,
    params: StageMethods[M]['params'],
  ): Promise<StageMethods[M]['result']> {
    return this.worker.request(method, params, this.options);
  }

  private fileName(variant: string, extension: string): string {
    return `${path.basename(this.model).replace(/\.onnx$/i, '')}.${variant}.${extension}`;
  }

  private progress(stage: Stage, fraction: number | null, message: string, variant?: string): void {
    const progress = { stage, fraction, etaSeconds: null, message, ...(variant === undefined ? {} : { variant }) };
    this.options.onProgress?.(progress);
  }
}

/**
 * The plan with nothing but what our calibration table is for.
 * @throws CodedError PLAN_INVALID where TensorRT is to calibrate
 */
function builtinCalibration(plan: Plan): Plan {
  if (plan.calibration.calibrator === 'tensorrt') {
    throw new CodedError({
      code: 'PLAN_INVALID',
      reason: "TensorRT's own calibrators run while an engine is built; they make no calibration table.",
      fix: 'Use `precision-bench convert --calibrator tensorrt --calib-cache FILE`, or leave out the calibrator.',
      place: { field: 'calibration.calibrator' },
    });
  }
  const scaled = (['int8', 'fp8'] as const).filter((name) => plan.precisions.map(precisionOf).includes(name));
  const precisions: VariantName[] = ['fp32', ...scaled];
  return { ...plan, precisions, builder: { ...plan.builder, typing: 'auto' } };
}

/** The variant is another engine of the baseline's graph; there is nothing of it to run on the processor. */
function shareGraph(draft: VariantDraft, baseline: VariantDraft): void {
  const { onnx, bytes, artifacts, error } = baseline;
  Object.assign(draft, { onnx, bytes, error, artifacts: artifacts.filter(({ kind }) => kind === 'onnx') });
}

/** What calibration has to look at: FP16 and BF16 need ranges, INT8 and FP8 of ours scales. */
function observedPrecisions(recipes: readonly VariantRecipe[]): StageMethods['calibrate']['params']['precisions'] {
  const written = recipes.filter(({ graph, precision }) => graph === precision).map(({ precision }) => precision);
  return [...new Set([...written, ...calibratedPrecisions(recipes)])];
}

/** The plan with its files as absolute paths, which the worker needs; the report keeps the user's. */
function withResolvedFiles(plan: Plan, baseDir: string): Plan {
  const { calibration, builder } = plan;
  const absolute = (file: string | null) => (file === null ? null : path.resolve(baseDir, file));
  return {
    ...plan,
    calibration: { ...calibration, table: absolute(calibration.table), cache: absolute(calibration.cache) },
    builder: { ...builder, timingCache: absolute(builder.timingCache) },
  };
}
