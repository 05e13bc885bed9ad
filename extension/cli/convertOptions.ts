/** The options of the commands that run the pipeline (`convert`, `calibrate`): the tables behind parser and `--help`. */
import { calibrationAlgorithms, precisions } from '../contract/plan';
import type { CommandSpec } from './arguments';

export const planOption = {
  plan: { type: 'string', value: 'FILE', help: 'a *.trtplan.json; flags win over it' },
} as const satisfies CommandSpec['options'];

export const outOption = {
  out: { type: 'string', value: 'DIR', help: 'output folder (precision-bench-out/MODEL)' },
} as const satisfies CommandSpec['options'];

/** Options that shape calibration: shared by `convert` and `calibrate`. */
export const calibrationOptions = {
  data: { type: 'string', value: 'D', help: 'calibration data; evaluation too, split and never shared' },
  labels: { type: 'string', value: 'FILE', help: 'labels for the data, where it has none' },
  preprocess: { type: 'string', value: 'PRESET|FILE', help: 'none, imagenet, …; the same for every precision' },
  'calib-algorithm': { type: 'string', value: 'A', help: calibrationAlgorithms.join('|') },
  'calib-percentile': { type: 'string', value: 'P', help: 'percentile algorithm: share kept, in percent (99.99)' },
  'calib-cutoff': { type: 'string', value: 'C', help: 'legacy algorithm: regression cutoff, 0–1' },
  'calib-samples': { type: 'string', value: 'N', help: 'at most this many calibration samples' },
  'calib-batch-size': { type: 'string', value: 'N', help: 'samples per inference; does not change the result' },
  'calib-table': { type: 'string', value: 'FILE', help: 'a calibration table to reuse' },
  calibrator: { type: 'string', value: 'C', help: 'builtin|tensorrt' },
  'int8-calib-dataset': { type: 'string', value: 'D', help: "torch2trt's word for --data" },
  'int8-calib-algorithm': { type: 'string', value: 'A', help: "torch2trt's word: ENTROPY_CALIBRATION_2, …" },
  'int8-calib-batch-size': { type: 'string', value: 'N', help: "torch2trt's word for --calib-batch-size" },
  python: { type: 'string', value: 'EXE', help: 'interpreter for file.py:ClassName data sets (python3)' },
} as const satisfies CommandSpec['options'];

export const convertSpec: CommandSpec = {
  name: 'convert',
  summary: 'Rewrites MODEL in each precision, builds engines, measures them and writes a report.',
  positionals: 'MODEL',
  minPositionals: 0,
  maxPositionals: 1,
  options: {
    ...planOption,
    precisions: { type: 'string', value: 'LIST', help: `of ${precisions.join(',')}; fp32 is always the baseline` },
    ...calibrationOptions,
    'eval-data': { type: 'string', value: 'D', help: 'evaluation data of its own' },
    'eval-labels': { type: 'string', value: 'FILE', help: 'labels for --eval-data' },
    'eval-samples': { type: 'string', value: 'N', help: 'at most this many evaluation samples' },
    io: { type: 'string', multiple: true, value: 'NAME=TYPE', help: 'type of a graph input or output' },
    keep: { type: 'string', multiple: true, value: 'MATCH=TYPE', help: 'NODE, glob or OP:Type kept in fp32 or fp16' },
    shape: { type: 'string', multiple: true, value: 'NAME=MIN:OPT:MAX', help: 'as x=1x3x224x224:8x…:32x…' },
    backend: { type: 'string', value: 'B', help: 'auto|onnxruntime|tensorrt|tensorrt-rtx' },
    target: { type: 'string', multiple: true, value: 'sm_89', help: 'GPU architecture to build engines for' },
    'max-top1-drop': { type: 'string', value: 'X', help: 'gate: largest drop of the task metric, as a share' },
    'min-sqnr': { type: 'string', value: 'DB', help: 'gate: smallest SQNR of any output' },
    'min-agreement': { type: 'string', value: 'X', help: 'gate: smallest agreement with fp32, as a share' },
    'warmup-ms': { type: 'string', value: 'MS', help: 'latency: warm-up per variant' },
    'duration-ms': { type: 'string', value: 'MS', help: 'latency: at least this long per variant' },
    batch: { type: 'string', value: 'N', help: 'latency: samples per inference' },
    'fp16-mode': { type: 'boolean', help: "torch2trt's word for --precisions fp16" },
    'int8-mode': { type: 'boolean', help: "torch2trt's word for --precisions int8" },
    'time-budget': { type: 'string', value: '10m', help: 'then evaluate and measure only as much as time is left' },
    ...outOption,
    json: { type: 'boolean', help: 'print the report as one JSON document on stdout' },
    quiet: { type: 'boolean', help: 'no progress on stderr' },
    help: { type: 'boolean', help: 'this text' },
  },
};
