/**
 * `calibrate`: one pass over the calibration samples gives the range of every tensor, and a scale for each tensor that the
 * precisions asked for will quantize.
 */
import { createHash } from 'node:crypto';
import type { Backend } from '../../backends/backend';
import type { NativeObservers } from '../../backends/nativeAddon';
import { calibrateTensors } from '../../calibrate/calibrateTensors';
import { writeCalibrationTable } from '../../calibrate/calibrationTable';
import type { Dataset } from '../../calibrate/dataset';
import { fitActivations } from '../../calibrate/fitActivations';
import { equalizeChannels } from '../../calibrate/equalizeChannels';
import { measureInputMoments } from '../../calibrate/measureInputMoments';
import { measureLayerErrors } from '../../calibrate/measureLayerErrors';
import { activationFits, fitTensors } from '../../calibrate/measureFits';
import { channelFactors, equalizationTensors } from '../../calibrate/measureChannels';
import { observeChannels } from '../../calibrate/observeChannels';
import { sampleByContent } from '../../calibrate/sampleByContent';
import type { ObservingRuntime } from '../../calibrate/observers/observingRuntime';
import { observeRanges, type ObservedRanges, type RangesRequest } from '../../calibrate/observeRanges';
import type { ActivationFit, CalibrationKey, CalibrationTable, TensorRanges } from '../../contract/calibrationTable';
import { CodedError } from '../../contract/errors';
import type { RunOptions } from '../../contract/progress';
import type { CalibrationSummary } from '../../contract/report';
import type { DataSelection, StageMethods } from '../../contract/stageMethods';
import { loadModel } from '../../model/loadModel';
import type { Model } from '../../model/model';
import { graphInputs } from '../../model/modelCard';
import { applyPlan } from '../../plan/applyPlan';
import { guardLayers } from '../../plan/guardLayers';
import { scaleTargets } from '../../plan/scaleTargets';
import { CalibrationClock } from './calibrationClock';
import { writeRanges } from './rangesFile';
import { cacheWarnings, readReusedTable, type ReusedTable } from './reusedTable';
import { withSelectedDataset } from './selectedDataset';

type Params = StageMethods['calibrate']['params'];
type Result = StageMethods['calibrate']['result'];

/** What observes tensors: the fastest that is there. */
export interface CalibrationRuntimes {
  readonly runtime: Backend;
  /** The native observers, or null. */
  readonly observer: NativeObservers | null;
  /** The runtime that observes by itself, or null. It is loaded while the data set is opened. */
  readonly observing: Promise<ObservingRuntime | null>;
}

export async function calibrateStage(
  params: Params,
  { runtime, observer, observing }: CalibrationRuntimes,
  options: RunOptions,
): Promise<Result> {
  refuseForeignCalibrator(params);
  const clock = new CalibrationClock();
  const prepared = await loadModel(params.prepared);
  const inputs = graphInputs(prepared);
  clock.pause();
  return withSelectedDataset(params.data, inputs, options.signal, async (dataset) => {
    const inside = await observing;
    clock.resume();
    const source = {
      open: (path: string, openOptions?: { exact?: boolean }) => runtime.open({ kind: 'onnx', path }, openOptions),
      dataset,
      batchSize: params.plan.calibration.batchSize,
      ...(observer === null ? {} : { observer }),
      ...(inside === null ? {} : { observing: inside }),
    };
    const reused = params.reuse === null ? null : await readReusedTable(params.reuse, keyOf(params));
    const selected = { ...source, indices: params.data.indices };
    const tunes = reused === null && tunesInt8(params);
    const rounds = roundsWeights(params, dataset);
    const few = tunes || rounds ? fewSamples(selected, options) : null;
    const tuned = tunes ? few : null;
    const measured =
      tuned === null ? unchanged : await clock.tuning(() => measureScaling(prepared, params, tuned, options));
    const { equalization = {}, fits = {} } = reused?.table ?? measured;
    const model = await clock.tuning(() => fitActivations(equalizeChannels(prepared, equalization), fits));
    const ranges = await observe(model, params, selected, options, reused !== null);
    const inputMoments =
      few !== null && rounds
        ? await clock.tuning(async () => measureInputMoments(prepared, await few, options))
        : undefined;
    await writeRanges({ ...ranges, ...(inputMoments === undefined ? {} : { inputMoments }) }, params.rangesOutput);
    const tensors = targets(model, params, ranges);
    const sampleDims = Object.fromEntries(
      inputs.map(({ name }) => [name, [...(ranges.tensors.get(name)?.dims ?? [])]]),
    );
    if (tensors.length === 0) return { summary: null, sampleDims, warnings: [] };
    const table = reused?.table ?? {
      ...(await newTable(model, params, ranges, tensors, selected, tuned, clock, options)),
      equalization,
      fits,
    };
    const foreign = reused?.calibrator === 'tensorrt' && params.reuse !== null;
    const warnings = [...notes(table), ...(foreign ? cacheWarnings(table, tensors, params.reuse) : [])];
    await writeCalibrationTable(table, params.tableOutput);
    return { summary: summarize(params, table, clock, reused), sampleDims, warnings };
  });
}

/** How channels are scaled, and moved, so that INT8's levels suit them. */
interface ChannelScaling {
  readonly equalization?: Readonly<Record<string, readonly number[]>> | undefined;
  readonly fits?: Readonly<Record<string, ActivationFit>> | undefined;
}

const unchanged: ChannelScaling = {};

/**
 * Factors that equalize the model, and what fits the tensors that INT8 layers read to the range: another way to let channels
 * fill it. FP16 and BF16 read the ranges of the equalized model, too: equalization raises small channels to the range of their
 * tensor and never beyond. Both come from one pass over the prepared model: equalization changes no tensor that can be fitted,
 * since it ends inside the depthwise convolution behind its tensor.
 */
async function measureScaling(
  prepared: Model,
  params: Params,
  few: Promise<RangesRequest>,
  options: RunOptions,
): Promise<ChannelScaling> {
  if (!params.plan.calibration.equalization) return unchanged;
  const candidates = targets(prepared, { ...params, precisions: ['int8'] }, null);
  const wanted = [...equalizationTensors(prepared), ...fitTensors(prepared, candidates)];
  if (wanted.length === 0) return unchanged;
  const seen = await observeChannels(prepared, wanted, await few, options);
  return { equalization: channelFactors(prepared, seen), fits: activationFits(prepared, candidates, seen) };
}

/** A report must not name a calibrator that did not set the scales. */
function refuseForeignCalibrator({ plan, precisions }: Params): void {
  if (plan.calibration.calibrator !== 'tensorrt' || !precisions.includes('int8')) return;
  throw new CodedError({
    code: 'PLAN_INVALID',
    reason: "TensorRT's own calibrators cannot be run by this version; only the built-in ones can.",
    fix: 'Leave out --calibrator (calibration.calibrator), or give the table that TensorRT made with --calib-table.',
    place: { field: 'calibration.calibrator' },
  });
}

/**
 * Scales for the tensors and, for INT8, what follows from the error of every layer of the variant that the scales give: which
 * layers the accuracy guard keeps, and the corrections of the others' biases.
 */
async function newTable(
  model: Model,
  params: Params,
  ranges: ObservedRanges,
  tensors: readonly string[],
  source: RangesRequest,
  few: Promise<RangesRequest> | null,
  clock: CalibrationClock,
  options: RunOptions,
): Promise<CalibrationTable> {
  const { plan } = params;
  const { histograms } = ranges;
  const request = { ...plan.calibration, ...source, tensors, ranges, histograms, key: keyOf(params) };
  const table = await calibrateTensors(model, request, options);
  return few === null ? table : clock.tuning(() => tuneLayers(model, params, ranges, table, few, options));
}

/** What the error of every layer leads to. */
async function tuneLayers(
  model: Model,
  { plan }: Params,
  ranges: ObservedRanges,
  table: CalibrationTable,
  few: Promise<RangesRequest>,
  options: RunOptions,
): Promise<CalibrationTable> {
  // The layers are compared on FP32 activations, whatever type the graph's inputs and outputs get.
  const unbound = { ...plan, bindings: {} };
  const quantized = applyPlan(model, { precision: 'int8', plan: unbound, ranges, table, rest: 'fp32' }).model;
  const errors = await measureLayerErrors(model, quantized, await few, options);
  const noise = new Map([...errors].map(([name, error]) => [name, error.noise]));
  const guarded = guardLayers(model, noise, ranges, plan.calibration.guardShare);
  const corrected = [...errors].filter(([name]) => plan.calibration.biasCorrection && !(name in guarded));
  return { ...table, guarded, biasCorrections: Object.fromEntries(corrected.map(([name, { mean }]) => [name, mean])) };
}

/** Does INT8 get more than scales: equalized channels, a guard, corrected biases? */
function tunesInt8({ plan, precisions }: Params): boolean {
  const { equalization, biasCorrection, guardShare } = plan.calibration;
  return precisions.includes('int8') && (equalization || biasCorrection || guardShare > 0);
}

/**
 * Do precisions take part whose weights are rounded by what the layers read? Random inputs say nothing of that. What INT8 leaves
 * to FP16 is rounded to nearest: its error is far below that of the 8 bits.
 */
function roundsWeights({ precisions }: Params, dataset: Dataset): boolean {
  return dataset.kind !== 'random' && precisions.some((precision) => precision === 'fp16' || precision === 'bf16');
}

/** Enough for averages over the positions of a layer; more samples change them by less than the noise they are to correct. */
const tuningSamples = 16;

/** Begun before anything needs them: the data set's thread reads and hashes all samples while this one reads the model. */
function fewSamples(source: RangesRequest, { signal }: RunOptions): Promise<RangesRequest> {
  const chosen = sampleByContent(source.dataset, source.indices, tuningSamples, signal);
  const few = chosen.then((indices) => ({ ...source, indices }));
  // Until it is awaited, a failure must not count as unhandled.
  few.catch(() => undefined);
  return few;
}

/** Scales that the plan's quantized precisions need, decided from ranges. */
function targets(model: Model, { plan, precisions }: Params, ranges: TensorRanges | null): string[] {
  return [...new Set(precisions.flatMap((precision) => scaleTargets(model, { precision, plan, ranges })))];
}

/**
 * Ranges of all tensors and, in the same pass, histograms of those that may need a scale: without ranges the rules name all
 * candidates. `calibrateTensors` goes over the data again for tensors that only the ranges bring in.
 */
async function observe(
  model: Model,
  params: Params,
  request: RangesRequest,
  options: RunOptions,
  rangesOnly: boolean,
): Promise<ObservedRanges> {
  const histograms = rangesOnly ? [] : targets(model, params, null);
  return observeRanges(model, { ...request, histograms }, options);
}

function keyOf({ modelSha256, plan, data, precisions }: Params): CalibrationKey {
  const { algorithm, percentile, cutoff, biasCorrection, equalization, guardShare } = plan.calibration;
  const int8 = precisions.includes('int8');
  return {
    model: modelSha256,
    data: sha256(`${data.card.sha256 ?? data.source} ${sortedList(data)}`),
    preprocess: sha256(JSON.stringify(data.transforms)),
    samples: data.indices.length,
    algorithm,
    percentile: algorithm === 'percentile' ? percentile : null,
    cutoff: algorithm === 'legacy' ? cutoff : null,
    biasCorrection: biasCorrection && int8,
    equalization: equalization && int8,
    guardShare: int8 ? guardShare : 0,
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const sortedList = ({ indices }: DataSelection) => [...indices].sort((a, b) => a - b).join(',');

function summarize(
  params: Params,
  table: CalibrationTable,
  clock: CalibrationClock,
  reused: ReusedTable | null,
): CalibrationSummary {
  const { algorithm, calibrator, batchSize } = params.plan.calibration;
  return {
    algorithm,
    calibrator: reused?.calibrator ?? calibrator,
    batchSize,
    samples: params.data.indices.length,
    ...clock.seconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    cacheHit: reused !== null,
    tensors: Object.keys(table.tensors).length,
    unfit: Object.entries(table.tensors).flatMap(([tensor, entry]) =>
      entry.unfit === null ? [] : [{ tensor, algorithm: entry.algorithm, reason: entry.unfit }],
    ),
  };
}

function notes(table: CalibrationTable): string[] {
  const excluded = Object.entries(table.excluded ?? {});
  const [first] = excluded;
  if (first === undefined) return [];
  return [`${excluded.length} tensors got no scale and stay unquantized, first "${first[0]}": ${first[1]}.`];
}
