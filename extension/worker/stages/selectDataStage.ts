/**
 * `selectData`: opens the data a plan names and decides which samples calibrate and which evaluate. With no data at all,
 * seeded random inputs stand in and the report says that nothing in it is representative.
 */
import * as path from 'node:path';
import type { Backend } from '../../backends/backend';
import type { Dataset } from '../../calibrate/dataset';
import { resolveDataSource } from '../../calibrate/datasets/dataSource';
import { openDataset } from '../../calibrate/datasets/openDataset';
import { findSharedSamples, separateSamples, splitSamples, type Split } from '../../calibrate/splitSamples';
import { observeShapeValues } from '../../calibrate/observeShapeValues';
import { resolvePreprocess } from '../../calibrate/transforms/presets';
import type { Plan, Transform } from '../../contract/plan';
import type { DataSelection, StageMethods } from '../../contract/stageMethods';
import type { ValueSpec } from '../../contract/tensor';
import { loadModel } from '../../model/loadModel';
import { graphInputs } from '../../model/modelCard';
import { shapeHoldingInputs } from '../../plan/shapeArithmetic';
import { runnableSizes } from './runnableSizes';

type Params = StageMethods['selectData']['params'];
type Result = StageMethods['selectData']['result'];

/** How a source is opened, in calibration as in evaluation. */
interface Opening {
  readonly inputs: readonly ValueSpec[];
  readonly transforms: readonly Transform[];
  readonly python: string;
  readonly signal: AbortSignal | undefined;
  readonly randomSizes?: DataSelection['randomSizes'];
  /** Inputs whose values decide sizes; of made-up values nothing can be read. */
  readonly shapeInputs?: readonly string[];
}

export async function selectDataStage(params: Params, runtime: Backend, signal?: AbortSignal): Promise<Result> {
  const { plan, baseDir, python } = params;
  const model = await loadModel(params.model);
  const inputs = graphInputs(model);
  const { calibration, evaluation } = plan;
  const given = calibration.data ?? evaluation.data;
  if (given === null) {
    const randomSizes = await runnableSizes(params.model, inputs, plan.shapes, runtime);
    return randomData({ inputs, transforms: [], python, signal, randomSizes }, plan);
  }

  const names = new Set(inputs.map(({ name }) => name));
  const shapeInputs = shapeHoldingInputs(model.proto.graph).filter((name) => names.has(name));
  const transforms = resolvePreprocess(plan.preprocess, baseDir, inputs);
  const opening = { inputs, transforms, python, signal, shapeInputs };
  const locate = (file: string | null) => (file === null ? null : path.resolve(baseDir, file));
  const open = (source: string, labels: string | null) =>
    openDataset({ ...opening, source: resolveDataSource(source, baseDir), labels: locate(labels) });
  const labels = calibration.data === null ? evaluation.labels : calibration.labels;
  return closing(await open(given, labels), async (dataset) => {
    const first = { dataset, labels: locate(labels) };
    if (calibration.data === null || evaluation.data === null) {
      const split = splitSamples(dataset, sizes(plan));
      return { ...(await selections(first, first, split, opening)), warnings: split.shared ? [split.sentence] : [] };
    }
    return closing(await open(evaluation.data, evaluation.labels), async (other) => {
      const split = separateSamples(dataset, other, sizes(plan));
      const shared = await findSharedSamples(dataset, other, split);
      const second = { dataset: other, labels: locate(evaluation.labels) };
      return {
        ...(await selections(first, second, split, opening)),
        warnings: shared === null ? [] : [shared],
      };
    });
  });
}

const sizes = (plan: Plan) => ({
  calibrationSamples: plan.calibration.samples,
  evaluationSamples: plan.evaluation.samples,
});

async function randomData(opening: Opening, plan: Plan): Promise<Result> {
  return closing(await openDataset({ ...opening, source: 'random', labels: null }), async (dataset) => {
    const random = { dataset, labels: null };
    return {
      ...(await selections(random, random, splitSamples(dataset, sizes(plan)), opening)),
      representative: false,
      split: 'No data was given: seeded random inputs stand in for it.',
      warnings: [],
    };
  });
}

interface OpenedData {
  readonly dataset: Dataset;
  readonly labels: string | null;
}

async function selections(
  calibration: OpenedData,
  evaluation: OpenedData,
  split: Split,
  { transforms, python, signal, randomSizes, shapeInputs = [] }: Opening,
): Promise<Omit<Result, 'warnings'>> {
  const select = ({ dataset, labels }: OpenedData, indices: readonly number[], sha256: string): DataSelection => {
    const { source, kind, labelled, classes } = dataset;
    const card = { source, kind, samples: indices.length, sha256 };
    return { source, labels, transforms, python, indices, labelled, classes, randomSizes, card };
  };
  const hash = await calibration.dataset.sha256();
  const same = evaluation.dataset === calibration.dataset;
  // Engines have to take the samples of both.
  const sources = [
    { dataset: calibration.dataset, indices: split.calibration, batchSize: 1 },
    { dataset: evaluation.dataset, indices: split.evaluation, batchSize: 1 },
  ];
  return {
    calibration: select(calibration, split.calibration, hash),
    evaluation: select(evaluation, split.evaluation, same ? hash : await evaluation.dataset.sha256()),
    representative: calibration.dataset.kind !== 'random' && evaluation.dataset.kind !== 'random',
    split: split.sentence,
    sampleValues: await observeShapeValues(sources, shapeInputs, signal),
  };
}

/** Gives the data set to `work` and closes it, however that ends. */
async function closing<T>(dataset: Dataset, work: (dataset: Dataset) => Promise<T>): Promise<T> {
  try {
    return await work(dataset);
  } finally {
    await dataset.close();
  }
}
