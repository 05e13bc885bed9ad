/**
 * Opens a data set of any kind (DESIGN §7), told apart by its path, and makes its samples fit the model.
 *
 * Comes after `resolvePreprocess`; `batches` streams the result. One file per kind beside this one reads raw samples;
 * here they go through the transforms (pictures only: arrays count as preprocessed), are matched to the graph inputs
 * and checked.
 */
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { CodedError, throwIfCancelled } from '../../contract/errors';
import type { Transform } from '../../contract/plan';
import type { Tensor, ValueSpec } from '../../contract/tensor';
import type { Dataset, OpenDatasetOptions, Sample, SampleInfo } from '../dataset';
import { labelsInOrder, readLabels } from '../labels';
import { applyTransforms } from '../transforms/applyTransforms';
import { grayscale, toRgb } from '../transforms/color';
import { imageExtensions } from '../transforms/imageExtensions';
import { findImageInput } from '../transforms/imageInput';
import type { Image } from '../transforms/pixels';
import { arrayExtensions, openArrayFolder } from './arrayFolder';
import { batchRuleOf } from './batchRule';
import { checkFinite } from './checkFinite';
import { imageFolderKind, openClassFolders, openImageFile, openImageFolder } from './imageSource';
import { listFiles } from './listFiles';
import { openManifest } from './manifestSource';
import { matchInputs, type MatchedValue } from './matchInputs';
import { openModule } from './moduleSource';
import { openNpy, openNpz } from './npzSource';
import { splitDataSource } from './dataSource';
import { openPython } from './pythonSource';
import { openRandom } from './randomSource';
import { isTensor, type RawSample, type RawValue, type SampleSource, type SampleStep } from './sampleSource';
import { findTensorSets, openTensorSets } from './tensorSets';

const manifestExtensions = ['.csv', '.tsv', '.jsonl', '.ndjson', '.txt'];
const moduleExtensions = ['.js', '.mjs', '.cjs'];
const defaultRandomSamples = 32;

/** Labels from a file, in the order of the samples, for sources that do not look for them by name. */
async function withLabels(source: SampleSource, labels: string | null): Promise<SampleSource> {
  if (labels === null) return source;
  try {
    const table = await readLabels(labels);
    const entries = labelsInOrder(table, source.length);
    const labelOf = (index: number) => entries[index]?.label ?? null;
    const describe = (index: number): SampleInfo => ({
      ...(source.describe?.(index) ?? { id: String(index), file: null }),
      label: labelOf(index),
    });
    const read: SampleSource['read'] = async (index, signal) => ({
      ...(await source.read(index, signal)),
      label: labelOf(index),
    });
    return { ...source, labelled: true, classes: table.classes ?? source.classes, describe, read };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openFolder(folder: string, labels: string | null): Promise<SampleSource> {
  const sets = await findTensorSets(folder);
  if (sets.length > 0) return withLabels(await openTensorSets(sets, folder), labels);
  if (labels !== null && (await listFiles(folder, imageExtensions)).length > 0) return openImageFolder(folder, labels);
  const kind = await imageFolderKind(folder);
  if (kind === 'classFolders') return openClassFolders(folder);
  if (kind === 'imageFolder') return openImageFolder(folder, labels);
  if ((await listFiles(folder, arrayExtensions)).length > 0) return openArrayFolder(folder, labels);
  throw new CodedError({
    code: 'DATA_EMPTY',
    reason: `The folder ${folder} holds no pictures, arrays or ONNX test data.`,
    fix: `Give a folder with pictures (${imageExtensions.join(' ')}), .npy or .npz files, or test_data_set_* folders.`,
    place: { file: folder },
  });
}

async function openFile(file: string, options: OpenDatasetOptions): Promise<SampleSource> {
  const names = options.inputs.map(({ name }) => name);
  const extension = extname(file).toLowerCase();
  if (extension === '.npz') return openNpz(file, names, options.labels, options.signal);
  if (extension === '.npy') return openNpy(file, options.labels);
  if (manifestExtensions.includes(extension)) return openManifest(file, names, options.labels);
  if (moduleExtensions.includes(extension)) return withLabels(await openModule(file), options.labels);
  if ((imageExtensions as readonly string[]).includes(extension)) return openImageFile(file, options.labels);
  throw new CodedError({
    code: 'DATA_UNREADABLE',
    reason: `${file} is of no kind that data comes in.`,
    fix: `Give a folder, .npz, .npy, a manifest (${manifestExtensions.join(' ')}), a .mjs module or file.py:ClassName.`,
    place: { file },
  });
}

async function openSource(options: OpenDatasetOptions): Promise<SampleSource> {
  const random = /^random(?::(\d+))?$/.exec(options.source);
  if (random !== null) {
    const samples = random[1] === undefined ? (options.randomSamples ?? defaultRandomSamples) : Number(random[1]);
    return openRandom(options.inputs, samples, options.seed ?? 0, options.randomSizes);
  }
  const { file, expression } = splitDataSource(options.source);
  if (expression !== null || file.endsWith('.py')) {
    return withLabels(await openPython(resolve(file), expression, options), options.labels);
  }
  const path = resolve(options.source);
  const stats = await stat(path).catch(() => null);
  if (stats === null) {
    throw new CodedError({
      code: 'DATA_NOT_FOUND',
      reason: `There is no data at ${path}.`,
      fix: 'Check the path.',
      place: { file: path },
    });
  }
  return stats.isDirectory() ? openFolder(path, options.labels) : openFile(path, options);
}

const hasChannels = (size: number | undefined) => size === 1 || size === 3;

/** An 8-bit array that is laid out as a picture (H×W, H×W×C or C×H×W, an axis of 1 in front allowed), or null. */
function asImage({ dtype, dims, data }: Tensor): Image | null {
  if (dtype !== 'uint8') return null;
  const [a, b, c, ...more] = dims.length === 4 && dims[0] === 1 ? dims.slice(1) : dims;
  if (a === undefined || b === undefined || more.length > 0) return null;
  const bytes = data as Uint8Array;
  if (c === undefined) return { height: a, width: b, channels: 1, layout: 'hwc', data: bytes };
  if (hasChannels(c)) return { height: a, width: b, channels: c, layout: 'hwc', data: bytes };
  if (!hasChannels(a)) return null;
  const planes = new Uint8Array(bytes.length);
  const size = b * c;
  for (let at = 0; at < size; at++)
    for (let channel = 0; channel < a; channel++) planes[at * a + channel] = bytes[channel * size + at]!;
  return { height: b, width: c, channels: a, layout: 'hwc', data: planes };
}

interface Preparation {
  readonly transforms: readonly Transform[];
  readonly inputs: readonly ValueSpec[];
  /** What pictures are converted to first; `native`: a model that takes vectors does not say. */
  readonly color: 'gray' | 'rgb' | 'native';
}

/** As torchvision's loader: RGB, unless the model wants one channel. */
function colorFor(inputs: readonly ValueSpec[]): Preparation['color'] {
  const input = findImageInput(inputs);
  if (input === null) return 'native';
  return input.channels === 1 ? 'gray' : 'rgb';
}

function prepareImage(image: Image, steps: readonly SampleStep[], preparation: Preparation): MatchedValue {
  const { color } = preparation;
  const colored = color === 'gray' ? (grayscale(image, 1) as Image) : color === 'rgb' ? toRgb(image) : image;
  const own = steps.map((op): Transform => ({ op }));
  return applyTransforms(colored, [...own, ...preparation.transforms]);
}

/** Pictures go through the transforms; 8-bit arrays in picture layout, too, where the model wants floats. */
function prepareValue(value: RawValue, sample: RawSample, preparation: Preparation): MatchedValue {
  const steps = sample.steps ?? [];
  if (!isTensor(value)) return prepareImage(value, steps, preparation);
  const wantsFloats = preparation.inputs.some(
    ({ dtype, shape }) => /^(fp|bf)/.test(dtype) && (shape?.length ?? 4) >= 3,
  );
  const image = wantsFloats && preparation.transforms.length > 0 ? asImage(value) : null;
  return image === null ? value : prepareImage(image, steps, preparation);
}

function prepareSample(sample: RawSample, preparation: Preparation, source: string): Sample {
  const prepare = (value: RawValue) => prepareValue(value, sample, preparation);
  const values = Array.isArray(sample.values)
    ? (sample.values as readonly RawValue[]).map(prepare)
    : Object.fromEntries(Object.entries<RawValue>(sample.values).map(([name, value]) => [name, prepare(value)]));
  const tensors = matchInputs(values, preparation.inputs, sample.id);
  checkFinite(tensors, sample.id, source);
  return { id: sample.id, label: sample.label, tensors };
}

/**
 * @throws CodedError DATA_NOT_FOUND, DATA_EMPTY, DATA_UNREADABLE, DATA_LABELS_INVALID, DATA_PYTHON; `get` as
 * `Dataset.get` says
 */
export async function openDataset(options: OpenDatasetOptions): Promise<Dataset> {
  const source = await openSource(options);
  if (source.length === 0) {
    await source.close();
    throw new CodedError({
      code: 'DATA_EMPTY',
      reason: `${options.source} has no samples.`,
      fix: 'Give data with at least one sample.',
      place: { file: options.source },
    });
  }
  const { inputs, transforms } = options;
  const preparation: Preparation = { transforms, inputs, color: colorFor(inputs) };
  const describe = source.describe?.bind(source);
  return {
    kind: source.kind,
    source: options.source,
    length: source.length,
    labelled: source.labelled,
    classes: source.classes,
    batchRule: batchRuleOf(inputs),
    ...(describe === undefined ? {} : { describe }),
    async get(index, signal) {
      throwIfCancelled(signal);
      return prepareSample(await source.read(index, signal), preparation, options.source);
    },
    sha256: () => source.sha256(),
    close: () => source.close(),
  };
}
