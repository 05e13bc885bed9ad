/** What the worker process can do: each stage with the backends it may use. */
import type { Backend } from '../backends/backend';
import { nativeAddonState } from '../backends/nativeAddon';
import type { SearchContext } from '../backends/libraries';
import { OnnxRuntimeBackend } from '../backends/onnxRuntime';
import { onnxRuntimeObserving } from '../backends/onnxRuntimeObserving';
import { tensorrtBackend } from '../backends/tensorrt';
import type { Handlers } from '../contract/channel';
import type { WorkerMethods } from '../contract/messages';
import { buildStage } from './stages/buildStage';
import { calibrateStage } from './stages/calibrateStage';
import { evaluateStage } from './stages/evaluateStage';
import { inspectStage } from './stages/inspectStage';
import { measureStage } from './stages/measureStage';
import { prepareStage } from './stages/prepareStage';
import { picturesStage } from './stages/picturesStage';
import { previewDataStage } from './stages/previewDataStage';
import { probeStage } from './stages/probeStage';
import { selectDataStage } from './stages/selectDataStage';
import { writeStage } from './stages/writeStage';

const runtime = new OnnxRuntimeBackend();
/** Where TensorRT is searched; whoever starts the worker says so in its environment (`ui/workerProcess.ts`). */
const search: SearchContext = {
  environment: process.env,
  setting: process.env['PRECISION_BENCH_TENSORRT'] ?? null,
  workspace: process.env['PRECISION_BENCH_WORKSPACE'] ?? process.cwd(),
};
const backends: readonly Backend[] = [
  runtime,
  tensorrtBackend('tensorrt', search),
  tensorrtBackend('tensorrt-rtx', search),
];

export const stageHandlers: Handlers<WorkerMethods> = {
  probe: (params) => probeStage(params, backends),
  inspect: (params) => inspectStage(params),
  previewData: (params, { signal }) => previewDataStage(params, signal),
  pictures: (params, { signal }) => picturesStage(params, signal),
  selectData: (params, { signal }) => selectDataStage(params, runtime, signal),
  prepare: (params) => prepareStage(params),
  calibrate: (params, options) => {
    const { addon } = nativeAddonState();
    return calibrateStage(params, { runtime, observer: addon, observing: onnxRuntimeObserving(addon) }, options);
  },
  write: (params) => writeStage(params),
  build: (params, options) => buildStage(params, backends, options),
  evaluate: (params, options) => evaluateStage(params, runtime, options, backends),
  measure: (params, options) => measureStage(params, backends, options),
};
