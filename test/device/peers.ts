/**
 * FP16 files that other tools wrote of a run's model, built strongly typed and held against the run's own engines: accuracy on
 * the same samples, latency in turns in one measurement.
 *
 *     node peers.cjs RUN FOLDER OUT.json [SECONDS]      every FOLDER/NAME.onnx becomes the variant NAME of a report
 *
 * The report has the run's fp32, fp16 and fp16-weak beside them. Nothing of a peer's file is changed but the names of
 * dimensions that are called `?`, which TensorRT would take for one size.
 */
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { decideVerdict } from '../../extension/compare/verdict';
import { CodedError } from '../../extension/contract/errors';
import type { Variant } from '../../extension/contract/report';
import type { VariantFile, VariantRecipe } from '../../extension/contract/stageMethods';
import { loadModel } from '../../extension/model/loadModel';
import { saveModel } from '../../extension/model/saveModel';
import { uniqueDimensions } from '../../extension/plan/prepare/uniqueDimensions';
import { FinishedRun, Stages } from './finishedRun';
import { measuredName } from './variantNames';
import { script } from './script';

const [folder = '', peers = '', out = '', seconds = '2'] = process.argv.slice(2);
const own: readonly string[] = ['fp32', 'fp16', 'fp16-weak'];

const recipe: VariantRecipe = {
  ...{ name: 'fp16', precision: 'fp16', graph: 'fp16', typing: 'strong', tf32: false, calibrator: null },
  ...{ rest: 'fp16', weightStorage: 'auto', int4Block: 128 },
};

async function withUniqueDimensions(from: string, to: string): Promise<void> {
  const model = await loadModel(from);
  uniqueDimensions(model.proto.graph);
  await saveModel(model, to);
}

/** A peer's engine, or why there is none. */
async function build(stages: Stages, run: FinishedRun, name: string): Promise<{ variant: Variant; file: VariantFile }> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'peer-'));
  const onnx = path.join(scratch, `${name}.onnx`);
  const output = path.join(scratch, `${name}.engine`);
  const file: VariantFile = { name, path: onnx, simulated: false };
  const variant: Variant = {
    ...{ name, precision: 'fp16', status: 'ok', error: null, artifacts: [], calibration: null, decisions: [] },
    ...{ build: null, latency: null, accuracy: null, speedup: null, sizeRatio: null },
  };
  try {
    await withUniqueDimensions(path.join(peers, `${name}.onnx`), onnx);
    const { plan } = run.report;
    const params = { backend: 'tensorrt' as const, onnx, recipe, target: null, plan, sampleDims: run.sampleDims() };
    const built = await stages.ask('build', { ...params, output, calibration: null });
    const engine = { backend: 'tensorrt' as const, path: output };
    return { variant: { ...variant, build: built.build }, file: { ...file, engine } };
  } catch (error) {
    return { variant: { ...variant, status: 'failed', error: CodedError.from(error).toJSON() }, file };
  }
}

async function main(): Promise<void> {
  const run = new FinishedRun(folder);
  const { report } = run;
  const names = readdirSync(peers).filter((name) => name.endsWith('.onnx'));
  const { built, accuracy, latency } = await Stages.with(async (stages) => {
    const { evaluation } = await stages.data(run);
    const peersBuilt = [];
    for (const name of names) peersBuilt.push(await build(stages, run, path.basename(name, '.onnx')));
    const files = peersBuilt.flatMap(({ file }) => (file.engine === undefined ? [] : [file]));
    const { batchSize } = report.plan.calibration;
    const evaluated = await stages.ask('evaluate', {
      ...{ model: run.model, variants: files, data: evaluation, batchSize, budgetMs: null },
    });
    const ours = run.engines((variant) => (own.includes(variant.name) ? measuredName(variant) : null));
    const benchmark = { ...report.plan.benchmark, durationMs: 1000 * Number(seconds) };
    const measured = await stages.ask('measure', { variants: [...ours, ...files], data: evaluation, benchmark });
    return { built: peersBuilt, accuracy: evaluated, latency: measured };
  });
  const ours = report.variants.filter(({ name }) => own.includes(name));
  const fp32 = latency.results['fp32']?.medianMs ?? null;
  const variants = [
    ...ours.map((variant) => ({ ...variant, name: measuredName(variant) })),
    ...built.map(({ variant }) => {
      const error = variant.error ?? accuracy.errors[variant.name] ?? latency.errors[variant.name] ?? null;
      const status = error === null ? ('ok' as const) : ('failed' as const);
      return { ...variant, error, status, accuracy: accuracy.results[variant.name] ?? null };
    }),
  ].map((variant) => {
    const timed = latency.results[variant.name] ?? null;
    const speedup = timed === null || fp32 === null ? null : fp32 / timed.medianMs;
    return { ...variant, latency: timed, speedup };
  });
  const { plan, model, data } = report;
  const verdict = decideVerdict({ variants, plan, model, representative: data.representative });
  writeFileSync(out, `${JSON.stringify({ ...report, variants, verdict }, null, 2)}\n`);
}

script(main);
