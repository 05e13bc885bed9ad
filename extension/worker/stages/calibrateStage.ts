/**
 * `calibrate`: one pass over the calibration samples gives the range of every tensor, and a scale for each tensor that the
 * precisions asked for will quantize.
 */
import { createHash } from 'node:crypto';
import type { Backend } from '../../backends/backend';
import type { NativeObservers } from '../../backends/nativeAddon';
import { calibrateTensors } from '../../calibrate/calibrateTensors';
import { checkCalibrationTable, readCalibrationTable, writeCalibrationTable } from '../../calibrate/calibrationTable';
import { equalizeChannels } from '../../calibrate/equalizeChannels';
import { measureBiases } from '../../calibrate/measureBiases';
import { measureChannels } from '../../calibrate/measureChannels';
import { observeRanges, type ObservedRanges, type RangesRequest } from '../../calibrate/observeRanges';
import type { CalibrationKey, CalibrationTable, TensorRanges } from '../../contract/calibrationTable';
import type { RunOptions } from '../../contract/progress';
import type { CalibrationSummary } from '../../contract/report';
import type { DataSelection, StageMethods } from '../../contract/stageMethods';
import { loadModel } from '../../model/loadModel';
import type { Model } from '../../model/model';
import { graphInputs } from '../../model/modelCard';
import { applyPlan } from '../../plan/applyPlan';
import { scaleTargets } from '../../plan/scaleTargets';
import { writeRanges } from './rangesFile';
import { withSelectedDataset } from './selectedDataset';

type Params = StageMethods['calibrate']['params'];
type Result = StageMethods['calibrate']['result'];

export async function calibrateStage(
  params: Params,
  runtime: Backend,
  observer: NativeObservers | null,
  options: RunOptions,
): Promise<Result> {
  const prepared = await loadModel(params.prepared);
  const inputs = graphInputs(prepared);
  return withSelectedDataset(params.data, inputs, options.signal, async (dataset) => {
    const source = {
      open: (path: string, openOptions?: { exact?: boolean }) => runtime.open({ kind: 'onnx', path }, openOptions),
      dataset,
      batchSize: params.plan.calibration.batchSize,
      ...(observer === null ? {} : { observer }),
    };
    const started = performance.now();
    const reused = params.reuse === null ? null : await reusableTable(params.reuse, keyOf(params));
    const selected = { ...source, indices: params.data.indices };
    const equalization = reused?.equalization ?? (await channelFactors(prepared, params, selected, options));
    const model = equalizeChannels(prepared, equalization);
    const ranges = await observe(model, params, selected, options, reused !== null);
    await writeRanges(ranges, params.rangesOutput);
    const tensors = targets(model, params, ranges);
    const sampleDims = Object.fromEntries(
      inputs.map(({ name }) => [name, [...(ranges.tensors.get(name)?.dims ?? [])]]),
    );
    if (tensors.length === 0) return { summary: null, sampleDims, warnings: [] };
    const table = reused ?? { ...(await newTable(model, params, ranges, tensors, selected, options)), equalization };
    await writeCalibrationTable(table, params.tableOutput);
    const seconds = (performance.now() - started) / 1000;
    return { summary: summarize(params, table, seconds, reused !== null), sampleDims, warnings: notes(table) };
  });
}

/**
 * Factors that equalize the model, none where INT8 is not asked for. FP16 and BF16 read the ranges of the equalized model, too:
 * equalization raises small channels to the range of their tensor and never beyond.
 */
async function channelFactors(
  prepared: Model,
  { plan, precisions, reuse }: Params,
  source: RangesRequest,
  options: RunOptions,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const wanted = plan.calibration.equalization && precisions.includes('int8') && reuse === null;
  return wanted ? measureChannels(prepared, source, options) : {};
}

/** Scales for the tensors and, for INT8, the mean error of every layer of the variant that the scales give. */
async function newTable(
  model: Model,
  params: Params,
  ranges: ObservedRanges,
  tensors: readonly string[],
  source: RangesRequest,
  options: RunOptions,
): Promise<CalibrationTable> {
  const { plan, precisions } = params;
  const { histograms } = ranges;
  const request = { ...plan.calibration, ...source, tensors, ranges, histograms, key: keyOf(params) };
  const table = await calibrateTensors(model, request, options);
  if (!plan.calibration.biasCorrection || !precisions.includes('int8')) return table;
  // The layers are compared on FP32 activations, whatever type the graph's inputs and outputs get.
  const unbound = { ...plan, bindings: {} };
  const quantized = applyPlan(model, { precision: 'int8', plan: unbound, ranges, table, rest: 'fp32' }).model;
  return { ...table, biasCorrections: await measureBiases(model, quantized, source, options) };
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

/** @throws CodedError CALIBRATION_TABLE_MISMATCH naming every part that differs */
async function reusableTable(file: string, key: CalibrationKey): Promise<CalibrationTable> {
  const table = await readCalibrationTable(file);
  checkCalibrationTable(table, key, file);
  return table;
}

function keyOf({ modelSha256, plan, data, precisions }: Params): CalibrationKey {
  const { algorithm, percentile, cutoff, biasCorrection, equalization } = plan.calibration;
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
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const sortedList = ({ indices }: DataSelection) => [...indices].sort((a, b) => a - b).join(',');

function summarize(params: Params, table: CalibrationTable, seconds: number, cacheHit: boolean): CalibrationSummary {
  const { algorithm, calibrator, batchSize } = params.plan.calibration;
  return {
    algorithm,
    calibrator,
    batchSize,
    samples: params.data.indices.length,
    seconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    cacheHit,
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
