/**
 * `previewData`: what the data of a plan looks like to the model, for the convert panel, and single samples as pictures for
 * the comparison view. Reads a handful of samples and hashes nothing, so it is quick on data sets of any size.
 *
 * Stands beside `selectData`, which decides in earnest who calibrates and who evaluates.
 */
import * as path from 'node:path';
import { UnreadableSample, type Dataset, type Label } from '../../calibrate/dataset';
import { resolveDataSource } from '../../calibrate/datasets/dataSource';
import { openDataset } from '../../calibrate/datasets/openDataset';
import { decodeImage } from '../../calibrate/transforms/decodeImage';
import { imageExtensions } from '../../calibrate/transforms/imageExtensions';
import { resolvePreprocess } from '../../calibrate/transforms/presets';
import { throwIfCancelled } from '../../contract/errors';
import type { SamplePreview } from '../../contract/panels/convertPanel';
import type { Plan } from '../../contract/plan';
import type { PreviewMethods } from '../../contract/previewMethods';
import type { ValueSpec } from '../../contract/tensor';
import { loadModel } from '../../model/loadModel';
import { graphInputs } from '../../model/modelCard';
import { pictureUrl, previewInput } from './samplePicture';

type Params = PreviewMethods['previewData']['params'];
type Result = PreviewMethods['previewData']['result'];

/** Names beyond these would make a message of megabytes. */
const shownClasses = 1000;

export async function previewDataStage(params: Params, signal?: AbortSignal): Promise<Result> {
  const inputs = graphInputs(await loadModel(params.model));
  const dataset = await openPlanned(params, inputs, signal);
  try {
    const { samples, sampleDims, warnings } = await previewSamples(dataset, indicesOf(dataset, params), inputs, signal);
    return {
      card: { source: dataset.source, kind: dataset.kind, samples: dataset.length, sha256: null },
      labelled: dataset.labelled,
      classes: dataset.classes?.slice(0, shownClasses) ?? null,
      samples,
      sampleDims,
      warnings,
    };
  } finally {
    await dataset.close();
  }
}

/** The data set for one purpose, as `selectData` finds it: where one is not given, the other serves both. */
function openPlanned(
  { plan, of, baseDir, python }: Params,
  inputs: readonly ValueSpec[],
  signal: AbortSignal | undefined,
): Promise<Dataset> {
  const { data, labels } = sourceOf(plan, of);
  if (data === null) return openDataset({ source: 'random', labels: null, transforms: [], inputs, signal });
  return openDataset({
    source: resolveDataSource(data, baseDir),
    labels: labels === null ? null : path.resolve(baseDir, labels),
    transforms: resolvePreprocess(plan.preprocess, baseDir, inputs),
    inputs,
    python,
    signal,
  });
}

function sourceOf({ calibration, evaluation }: Plan, of: Params['of']) {
  const [wanted, other] = of === 'calibration' ? [calibration, evaluation] : [evaluation, calibration];
  return wanted.data === null ? other : wanted;
}

/** Samples by name, or some from the whole length of the data: the first ones of class folders are all of one class. */
function indicesOf(dataset: Dataset, { pick }: Params): number[] {
  if ('count' in pick) {
    const count = Math.min(pick.count, dataset.length);
    return Array.from({ length: count }, (_, at) => Math.floor((at * dataset.length) / count));
  }
  const wanted = new Set(pick.ids);
  const idOf = (index: number) => dataset.describe?.(index).id ?? String(index);
  return Array.from({ length: dataset.length }, (_, index) => index).filter((index) => wanted.has(idOf(index)));
}

async function previewSamples(
  dataset: Dataset,
  indices: readonly number[],
  inputs: readonly ValueSpec[],
  signal: AbortSignal | undefined,
): Promise<Pick<Result, 'samples' | 'sampleDims' | 'warnings'>> {
  const samples: SamplePreview[] = [];
  const warnings: string[] = [];
  for (const index of indices) {
    throwIfCancelled(signal);
    try {
      const { id, label, tensors } = await dataset.get(index, signal);
      samples.push({
        id,
        label: labelText(label, dataset.classes),
        raw: await rawPicture(dataset, index),
        inputs: inputs.flatMap((spec) => {
          const tensor = tensors[spec.name];
          return tensor === undefined ? [] : [previewInput(spec, tensor)];
        }),
      });
    } catch (error) {
      if (!(error instanceof UnreadableSample)) throw error;
      warnings.push(error.reason);
    }
  }
  const first = samples[0]?.inputs ?? [];
  return { samples, warnings, sampleDims: Object.fromEntries(first.map(({ name, dims }) => [name, dims])) };
}

function labelText(label: Label, classes: readonly string[] | null): string | null {
  if (label === null) return null;
  return (typeof label === 'number' ? classes?.[label] : undefined) ?? String(label);
}

/** The picture file of a sample before any step; null where the sample is no picture of its own. */
async function rawPicture(dataset: Dataset, index: number): Promise<string | null> {
  const file = dataset.describe?.(index).file ?? null;
  const isPicture = file !== null && imageExtensions.some((extension) => file.toLowerCase().endsWith(extension));
  return isPicture ? pictureUrl(await decodeImage(file)) : null;
}
