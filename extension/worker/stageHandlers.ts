/** What the worker process can do: each stage with the backends it may use. */
import type { Backend } from '../backends/backend';
import { nativeAddonState } from '../backends/nativeAddon';
import { OnnxRuntimeBackend } from '../backends/onnxRuntime';
import { tensorrtBackend } from '../backends/tensorrt';
import type { Handlers } from '../contract/channel';
import type { WorkerMethods } from '../contract/messages';
import { buildStage } from './stages/buildStage';
import { calibrateStage } from './stages/calibrateStage';
import { evaluateStage } from './stages/evaluateStage';
import { inspectStage } from './stages/inspectStage';
import { measureStage } from './stages/measureStage';
import { prepareStage } from './stages/prepareStage';
import { probeStage } from './stages/probeStage';
import { selectDataStage } from './stages/selectDataStage';
import { writeStage } from './stages/writeStage';

const runtime = new OnnxRuntimeBackend();
const backends: readonly Backend[] = [runtime, tensorrtBackend('tensorrt'), tensorrtBackend('tensorrt-rtx')];

export const stageHandlers: Handlers<WorkerMethods> = {
  probe: (params) => probeStage(params, backends),
  inspect: (params) => inspectStage(params),
  selectData: (params, { signal }) => selectDataStage(params, runtime, signal),
  prepare: (params) => prepareStage(params),
  calibrate: (params, options) => calibrateStage(params, runtime, nativeAddonState().addon, options),
  write: (params) => writeStage(params),
  build: (params, options) => buildStage(params, backends, options),
  evaluate: (params, options) => evaluateStage(params, runtime, options, backends),
  measure: (params, options) => measureStage(params, backends, options),
};
