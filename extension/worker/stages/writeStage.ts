/** `write`: one variant as an ONNX file, and a simulation of it where the CPU runtime has no kernels of the type. */
import { readCalibrationTable } from '../../calibrate/calibrationTable';
import { correctBiases } from '../../calibrate/correctBiases';
import type { StageMethods } from '../../contract/stageMethods';
import { loadModel } from '../../model/loadModel';
import { saveModel } from '../../model/saveModel';
import { applyPlan } from '../../plan/applyPlan';
import { simulate } from '../../plan/simulate';
import { readRanges } from './rangesFile';

export async function writeStage(params: StageMethods['write']['params']): Promise<StageMethods['write']['result']> {
  const { precision, plan } = params;
  const prepared = await loadModel(params.prepared);
  const ranges = await readRanges(params.ranges);
  const table = params.table === null ? null : await readCalibrationTable(params.table);
  // FP8 never clips and rounds without bias; the corrections are those of INT8.
  const biases = precision === 'int8' ? table?.biasCorrections : undefined;
  const corrected = biases === undefined ? prepared : correctBiases(prepared, biases);
  const { model, decisions, warnings } = applyPlan(corrected, { precision, plan, ranges, table });
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
