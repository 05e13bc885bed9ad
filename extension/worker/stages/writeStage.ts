/** `write`: one variant as an ONNX file, and a simulation of it where the CPU runtime has no kernels of the type. */
import { readCalibrationTable } from '../../calibrate/calibrationTable';
import { correctBiases } from '../../calibrate/correctBiases';
import { equalizeChannels } from '../../calibrate/equalizeChannels';
import type { CalibrationTable } from '../../contract/calibrationTable';
import type { StageMethods } from '../../contract/stageMethods';
import { loadModel } from '../../model/loadModel';
import type { Model } from '../../model/model';
import { saveModel } from '../../model/saveModel';
import { applyPlan } from '../../plan/applyPlan';
import { simulate } from '../../plan/simulate';
import { readRanges } from './rangesFile';

export async function writeStage(params: StageMethods['write']['params']): Promise<StageMethods['write']['result']> {
  const { precision, plan } = params;
  const prepared = await loadModel(params.prepared);
  const ranges = await readRanges(params.ranges);
  const table = params.table === null ? null : await readCalibrationTable(params.table);
  const source = precision === 'int8' && table !== null ? tunedForInt8(prepared, table) : prepared;
  const { model, decisions, warnings } = applyPlan(source, { precision, plan, ranges, table });
  const { bytes, sha256 } = await saveModel(model, params.output);
  const simulation = simulate(model);
  if (simulation.simulated) await saveModel(simulation.model, params.simulatedOutput);
  const runnable = {
    name: precision,
    path: simulation.simulated ? params.simulatedOutput : params.output,
    simulated: simulation.simulated,
  };
  return { bytes, sha256, decisions, warnings, runnable };
}

/** The FP32 model with the weights and biases that the table's scales were found for. FP8 never clips and needs neither. */
function tunedForInt8(prepared: Model, { equalization, biasCorrections }: CalibrationTable): Model {
  const equalized = equalization === undefined ? prepared : equalizeChannels(prepared, equalization);
  return biasCorrections === undefined ? equalized : correctBiases(equalized, biasCorrections);
}
