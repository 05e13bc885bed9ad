/** `write`: one variant as an ONNX file, and a simulation of it where the CPU runtime has no kernels of the type. */
import { readCalibrationTable } from '../../calibrate/calibrationTable';
import { fitActivations } from '../../calibrate/fitActivations';
import { correctBiases } from '../../calibrate/correctBiases';
import { equalizeChannels } from '../../calibrate/equalizeChannels';
import { roundWeights } from '../../calibrate/roundWeights';
import type { CalibrationTable } from '../../contract/calibrationTable';
import type { StageMethods, VariantFile } from '../../contract/stageMethods';
import { loadModel } from '../../model/loadModel';
import type { Model } from '../../model/model';
import { saveModel } from '../../model/saveModel';
import { applyPlan } from '../../plan/applyPlan';
import { simulate, usesType } from '../../plan/simulate';
import { readRanges } from './rangesFile';

export async function writeStage(params: StageMethods['write']['params']): Promise<StageMethods['write']['result']> {
  const { precision, plan, rest, weightStorage, int4Block, name = precision } = params;
  const prepared = await loadModel(params.prepared);
  const ranges = await readRanges(params.ranges);
  const table = params.table === null ? null : await readCalibrationTable(params.table);
  const source = precision === 'int8' && table !== null ? tunedForInt8(prepared, table) : prepared;
  const { model, decisions, warnings } = applyPlan(source, {
    ...{ precision, plan, ranges, table },
    ...(rest === undefined ? {} : { rest }),
    ...{ weightStorage, int4Block },
  });
  const moments = precision === 'fp16' || precision === 'bf16' ? ranges.inputMoments : undefined;
  if (moments !== undefined) roundWeights(model, prepared, moments);
  const { bytes, sha256 } = await saveModel(model, params.output);
  const simulation = simulate(model, ['bf16', 'fp16']);
  const written: VariantFile = { name, path: params.output, simulated: false };
  if (!simulation.simulated) return { bytes, sha256, decisions, warnings, runnable: written, evaluable: written };
  await saveModel(simulation.model, params.simulatedOutput);
  const simulated: VariantFile = { name, path: params.simulatedOutput, simulated: true };
  // Of the two types, the runtime has kernels of FP16 (or casts around FP32 ones), which are what its latency is about.
  const runnable = usesType(model, 'bf16') ? simulated : written;
  return { bytes, sha256, decisions, warnings, runnable, evaluable: simulated };
}

/** The FP32 model with the weights and biases that the table's scales were found for. FP8 never clips and needs neither. */
function tunedForInt8(prepared: Model, { equalization, fits, biasCorrections }: CalibrationTable): Model {
  const equalized = equalization === undefined ? prepared : equalizeChannels(prepared, equalization);
  const centered = fits === undefined ? equalized : fitActivations(equalized, fits);
  return biasCorrections === undefined ? centered : correctBiases(centered, biasCorrections);
}
