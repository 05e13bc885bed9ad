/**
 * Builds, measures and judges the engines of one model on a GPU, from the ONNX files that `convert` wrote of it.
 *
 *     node measureEngines.cjs build   MODEL BATCH WORK        engines into WORK/MODEL/bBATCH
 *     node measureEngines.cjs measure MODEL BATCH WORK OUT    OUT/MODEL.json, or MODEL-batchN.json beside batch 1
 *
 * WORK/MODEL/report.json is the report of `convert --backend onnxruntime`: plan, data and what the processor found. The
 * variants are ours (strong typing, from the rewritten graphs) and those that TensorRT makes of the FP32 graph by itself
 * (weak typing); all are measured in turns and compared with the original model in onnxruntime, on the same samples.
 * Bundled and run by `run.mjs` and `onDevice.sh`.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { Backend, BuildRequest } from '../../extension/backends/backend';
import { OnnxRuntimeBackend } from '../../extension/backends/onnxRuntime';
import { tensorrtBackend } from '../../extension/backends/tensorrt';
import { realisedShares } from '../../extension/backends/tensorrtLayers';
import { batches } from '../../extension/calibrate/batches';
import { decideVerdict } from '../../extension/compare/verdict';
import type { ErrorData } from '../../extension/contract/errors';
import type { Plan, Precision } from '../../extension/contract/plan';
import type { Accuracy, BuildSummary, Report, Variant } from '../../extension/contract/report';
import type { PerVariant } from '../../extension/contract/stageMethods';
import type { NamedTensors } from '../../extension/contract/tensor';
import { describeFile } from '../../extension/files/describeFile';
import { measureInterleaved, type BenchmarkEntry } from '../../extension/measure/measureInterleaved';
import { loadModel } from '../../extension/model/loadModel';
import { graphInputs } from '../../extension/model/modelCard';
import { convertFeeds } from '../../extension/worker/stages/convertFeeds';
import { evaluateStage } from '../../extension/worker/stages/evaluateStage';
import { selectDataStage } from '../../extension/worker/stages/selectDataStage';
import { withSelectedDataset } from '../../extension/worker/stages/selectedDataset';

interface EngineVariant {
  readonly name: string;
  readonly precision: Precision;
  /** The written graph that it is built from. */
  readonly onnx: Precision;
  readonly typing: 'strong' | 'weak';
  readonly tf32: boolean;
}

const engineVariants: readonly EngineVariant[] = [
  { name: 'fp32', precision: 'fp32', onnx: 'fp32', typing: 'strong', tf32: false },
  { name: 'tf32', precision: 'fp32', onnx: 'fp32', typing: 'strong', tf32: true },
  { name: 'fp16-weak', precision: 'fp16', onnx: 'fp32', typing: 'weak', tf32: false },
  { name: 'fp16-strong', precision: 'fp16', onnx: 'fp16', typing: 'strong', tf32: false },
  { name: 'int8-qdq', precision: 'int8', onnx: 'int8', typing: 'strong', tf32: false },
];

const [command = '', model = '', batchText = '1', work = '', out = ''] = process.argv.slice(2);
const batch = Number(batchText);
const folder = path.join(work, model);
const engines = path.join(folder, `b${batch}`);
const converted = JSON.parse(readFileSync(path.join(folder, 'report.json'), 'utf8')) as Report;
const source = path.resolve(converted.plan.model);
const tensorrt = tensorrtBackend('tensorrt');
const runtime = new OnnxRuntimeBackend();

const log = (text: string): void => {
  process.stderr.write(`${new Date().toTimeString().slice(0, 8)} ${model} b${batch}: ${text}\n`);
};
const engineOf = (variant: EngineVariant): string => path.join(engines, `${variant.name}.engine`);
const onnxOf = (variant: EngineVariant): string => {
  const written = converted.variants.find(({ precision }) => precision === variant.onnx);
  const artifact = written?.artifacts.find(({ kind }) => kind === 'onnx');
  if (artifact === undefined) throw new Error(`convert wrote no ${variant.onnx} model: ${written?.error?.reason}`);
  return path.join(folder, artifact.path);
};

/** LEVEL: a lower optimization level, where time is short; the report's plan says so. */
const builderOptions = {
  ...converted.plan.builder,
  optimizationLevel: Number(process.env['LEVEL'] ?? converted.plan.builder.optimizationLevel),
};

async function selectData() {
  return selectDataStage({ model: source, plan: converted.plan, baseDir: process.cwd(), python: 'python3' }, runtime);
}

/** The first samples of the evaluation data, as one batch. */
async function firstFeeds(size: number): Promise<NamedTensors> {
  const { evaluation } = await selectData();
  const inputs = graphInputs(await loadModel(source));
  return withSelectedDataset(evaluation, inputs, undefined, async (dataset) => {
    for await (const samples of batches(dataset, evaluation.indices, size, {})) return samples.tensors;
    throw new Error('There are no samples.');
  });
}

/** Batch 1 has an engine of its own; larger ones also take the smaller last batch of the evaluation. */
async function shapes(): Promise<Plan['shapes']> {
  const feeds = await firstFeeds(1);
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dims }]) => {
      const large = [batch, ...dims.slice(1)];
      return [name, { min: [1, ...dims.slice(1)], opt: large, max: large }];
    }),
  );
}

/** The variants that the questions are about first: a session may end before all engines are built. */
function buildOrder(): EngineVariant[] {
  const order = (process.env['VARIANTS'] ?? 'fp32,int8-qdq,fp16-strong,fp16-weak,tf32').split(',');
  return order.flatMap((name) => engineVariants.filter((variant) => variant.name === name));
}

type Builds = Record<string, { build: BuildSummary } | { error: string }>;

async function buildAll(): Promise<void> {
  mkdirSync(engines, { recursive: true });
  const profile = await shapes();
  const kept = path.join(engines, 'builds.json');
  const builds: Builds = existsSync(kept) ? (JSON.parse(readFileSync(kept, 'utf8')) as Builds) : {};
  for (const variant of buildOrder()) {
    if (variant.name in builds) continue;
    const builder = { ...builderOptions, tf32: variant.tf32, timingCache: path.join(engines, 'timing.cache') };
    const { precision, typing } = variant;
    try {
      const onnx = onnxOf(variant);
      const request: BuildRequest = {
        onnx,
        precision,
        typing,
        engine: engineOf(variant),
        target: null,
        builder,
        shapes: profile,
      };
      builds[variant.name] = { build: await tensorrt.build(request, {}) };
    } catch (error) {
      builds[variant.name] = { error: error instanceof Error ? error.message : String(error) };
    }
    log(`built ${variant.name}: ${JSON.stringify(builds[variant.name]).slice(0, 600)}`);
    writeFileSync(path.join(engines, 'builds.json'), JSON.stringify(builds));
  }
}

/** onnxruntime for ONNX files, TensorRT for engines, under TensorRT's name: the reference stays where it was. */
const either: Backend = {
  name: 'tensorrt',
  probe: () => tensorrt.probe(),
  open: (artifact, options) =>
    artifact.path.endsWith('.engine')
      ? tensorrt.open({ kind: 'engine', path: artifact.path })
      : runtime.open(artifact, options),
};

async function measureAll(): Promise<void> {
  const builds = JSON.parse(readFileSync(path.join(engines, 'builds.json'), 'utf8')) as Builds;
  const built = engineVariants.filter(({ name }) => 'build' in (builds[name] ?? {}));
  const feeds = await firstFeeds(batch);
  const profile = await shapes();
  const entries: BenchmarkEntry[] = [];
  const realised: Record<string, BuildSummary['realised']> = {};
  const tactics: Record<string, unknown> = {};
  const sessions = [];
  for (const variant of built) {
    const session = await tensorrt.open({ kind: 'engine', path: engineOf(variant) });
    sessions.push(session);
    const opt = Object.fromEntries(Object.entries(profile).map(([name, shape]) => [name, shape.opt]));
    const times = await session.profile(opt, 100);
    realised[variant.name] = realisedShares(session.layers(), times);
    const msOf = new Map(times.map(({ name, ms }) => [name, ms]));
    tactics[variant.name] = session.layers().map((layer) => ({ ...layer, ms: msOf.get(layer.name) ?? null }));
    writeFileSync(path.join(engines, `${variant.name}.inspector.json`), session.inspection());
    entries.push({
      name: variant.name,
      session,
      feeds: convertFeeds(feeds, session),
      backend: 'tensorrt',
      device: session.device,
    });
  }
  writeFileSync(path.join(engines, 'layers.json'), JSON.stringify(tactics, null, 1));
  const benchmark = { warmupMs: 500, durationMs: 1500, iterations: 100, batch, cudaGraph: true, spin: false };
  const latency = await measureInterleaved(entries, benchmark);
  const direct = await measureInterleaved(entries, { ...benchmark, durationMs: 500, cudaGraph: false });
  for (const session of sessions) await session.close();
  for (const [name, error] of Object.entries(latency.errors)) log(`${name}: ${error.reason}`);
  for (const { name } of built) {
    const graph = latency.results[name];
    const shares = Object.entries(realised[name] ?? {}).map(
      ([type, share]) => `${type} ${share.layers.toFixed(2)}/${share.time?.toFixed(2)}`,
    );
    log(
      `${name}: ${graph?.medianMs.toFixed(4)} ms (p99 ${graph?.p99Ms.toFixed(4)}, cov ${graph?.cov.toFixed(3)}), no graph ${direct.results[name]?.medianMs.toFixed(4)}; ${shares.join(', ')}`,
    );
  }

  const data = (await selectData()).evaluation;
  const variants = built.map((variant) => ({ name: variant.name, path: engineOf(variant), simulated: false }));
  const batchSize = Math.min(batch, 32);
  // ACCURACY=no: latency only; a batch of 1 answers as the larger one does.
  const accuracy: PerVariant<Accuracy> & { skipped: number } =
    process.env['ACCURACY'] === 'no'
      ? { results: {}, errors: {}, skipped: 0 }
      : await evaluateStage({ model: source, variants, data, batchSize, budgetMs: null }, either, {});
  for (const [name, error] of Object.entries<ErrorData>(accuracy.errors)) log(`accuracy of ${name}: ${error.reason}`);
  for (const [name, { outputs, task }] of Object.entries<Accuracy>(accuracy.results)) {
    log(`${name}: ${outputs[0]?.sqnrDb?.toFixed(2)} dB, top-1 ${task?.top1}, agreement ${task?.agreement}`);
  }

  const fp32Engine = engineOf(engineVariants[0] as EngineVariant);
  const fp32Bytes = existsSync(fp32Engine) ? statSync(fp32Engine).size : null;
  const reported: Variant[] = [];
  for (const variant of engineVariants.filter(({ name }) => name in builds)) {
    const made = builds[variant.name];
    const written = converted.variants.find(({ precision }) => precision === variant.onnx);
    const failure = made !== undefined && 'error' in made ? made.error : null;
    const error = latency.errors[variant.name] ?? accuracy.errors[variant.name] ?? null;
    const ok = made !== undefined && 'build' in made;
    const measured = latency.results[variant.name] ?? null;
    const without = direct.results[variant.name];
    const file = ok ? await describeFile(engineOf(variant)) : null;
    reported.push({
      name: variant.name,
      precision: variant.precision,
      status: ok && error === null ? 'ok' : 'failed',
      error: failure === null ? error : { code: 'ENGINE_BUILD', reason: failure, fix: 'See the log of the run.' },
      artifacts:
        file === null
          ? []
          : [{ kind: 'engine', backend: 'tensorrt', target: null, path: `${variant.name}.engine`, ...file }],
      calibration: variant.typing === 'strong' ? (written?.calibration ?? null) : null,
      decisions: variant.typing === 'strong' ? (written?.decisions ?? []) : [],
      build: ok ? { ...made.build, realised: realised[variant.name] ?? null } : null,
      latency:
        measured === null
          ? null
          : {
              ...measured,
              conditions: { ...measured.conditions, medianMsWithoutCudaGraph: without?.medianMs ?? null },
            },
      accuracy: accuracy.results[variant.name] ?? null,
      speedup:
        measured === null || !latency.results['fp32'] ? null : latency.results['fp32'].medianMs / measured.medianMs,
      sizeRatio: file === null || fp32Bytes === null ? null : file.bytes / fp32Bytes,
    });
  }
  const info = await tensorrt.probe();
  const { plan, model: card, data: described } = converted;
  const report: Report = {
    ...converted,
    createdAt: new Date().toISOString(),
    command: `node test/device/run.mjs (${model}, batch ${batch})`,
    plan: { ...plan, backend: 'tensorrt', builder: builderOptions, benchmark },
    host: {
      ...converted.host,
      gpu: info.gpu ?? null,
      backends: [{ name: 'tensorrt', version: info.version, library: info.library }],
    },
    variants: reported,
    verdict: decideVerdict({
      variants: reported,
      plan,
      model: card,
      representative: described.representative,
      skippedSamples: accuracy.skipped,
      warnings: [],
    }),
  };
  mkdirSync(out, { recursive: true });
  writeFileSync(
    path.join(out, `${model}${batch === 1 ? '' : `-batch${batch}`}.json`),
    `${JSON.stringify(report, null, 2)}\n`,
  );
}

(command === 'build' ? buildAll() : measureAll()).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
