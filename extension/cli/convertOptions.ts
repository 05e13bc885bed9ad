/** The options of the commands that run the pipeline (`convert`, `calibrate`): the tables behind parser and `--help`. */
import { calibrationAlgorithms, variantNames, weightStorages } from '../contract/plan';
import type { CommandSpec } from './arguments';

export const planOption = {
  plan: { type: 'string', value: 'FILE', help: 'a *.trtplan.json; flags win over it' },
} as const satisfies CommandSpec['options'];

export const outOption = {
  out: { type: 'string', value: 'DIR', help: 'output folder (precision-bench-out/MODEL)' },
} as const satisfies CommandSpec['options'];

/** Where engines are built and run. */
export const libraryOption = {
  'tensorrt-library': {
    type: 'string',
    value: 'PATH',
    help: 'a TensorRT library or its folder, tried before all others',
  },
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
  calibrator: { type: 'string', value: 'C', help: 'builtin|tensorrt (TensorRT 8 and 10)' },
  'calib-cache': { type: 'string', value: 'FILE', help: "TensorRT's cache: read if it fits, else written" },
  'guard-share': {
    type: 'string',
    value: 'X',
    help: 'INT8: slower by this share at most for noisy layers in FP16 (0.05)',
  },
  equalization: { type: 'string', value: 'on|off', help: 'INT8: let channels fill the range of a tensor (on)' },
  'bias-correction': { type: 'string', value: 'on|off', help: 'INT8: take mean errors off the biases (on)' },
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
    precisions: { type: 'string', value: 'LIST', help: `of ${variantNames.join(',')}` },
    ...calibrationOptions,
    'eval-data': { type: 'string', value: 'D', help: 'evaluation data of its own' },
    'eval-labels': { type: 'string', value: 'FILE', help: 'labels for --eval-data' },
    'eval-samples': { type: 'string', value: 'N', help: 'at most this many evaluation samples' },
    io: { type: 'string', multiple: true, value: 'NAME=TYPE[:LAYOUT]', help: 'an input or output, as x=fp16:chw16' },
    keep: { type: 'string', multiple: true, value: 'MATCH=TYPE', help: 'NODE, glob or OP:Type kept in fp32 or fp16' },
    shape: {
      type: 'string',
      multiple: true,
      value: 'NAME=MIN:OPT:MAX',
      help: 'as x=1x3x224x224:8x…; again: next profile',
    },
    'shape-values': {
      type: 'string',
      multiple: true,
      value: 'NAME=MIN:OPT:MAX',
      help: 'values of an input that is a shape',
    },
    backend: { type: 'string', value: 'B', help: 'auto|onnxruntime|tensorrt|tensorrt-rtx' },
    target: { type: 'string', multiple: true, value: 'GPU', help: 'build for it: sm_89, "Jetson Orin", "RTX 4090"' },
    ...libraryOption,
    typing: { type: 'string', value: 'T', help: 'auto|strong|weak|prefer-weak: may the optimizer pick FP32?' },
    constraints: { type: 'string', value: 'C', help: 'obey|prefer: --keep in weakly typed engines (obey)' },
    tf32: { type: 'boolean', help: 'TensorFloat-32 in all engines (off)' },
    'optimization-level': { type: 'string', value: '0-5', help: 'effort of the builder (3)' },
    workspace: { type: 'string', value: 'MIB', help: 'limit of the builder (all of the memory)' },
    'timing-cache': { type: 'string', value: 'FILE', help: 'timings of kernels (one per GPU and library)' },
    dla: { type: 'string', value: 'CORE', help: 'build for a deep learning accelerator' },
    'gpu-fallback': { type: 'string', value: 'on|off', help: 'DLA: other layers on the GPU (on)' },
    'version-compatible': { type: 'boolean', help: 'an engine for later TensorRTs of the major version, too' },
    'hardware-compatible': { type: 'boolean', help: 'an engine for all GPUs from Ampere on' },
    'weight-storage': { type: 'string', value: 'S', help: `8-bit weights in the file: ${weightStorages.join('|')}` },
    'int4-block': { type: 'string', value: 'N', help: 'INT4: weights that share a scale, 64 or 128 (128)' },
    'max-top1-drop': { type: 'string', value: 'X', help: 'gate: largest drop of the task metric, as a share' },
    'min-sqnr': { type: 'string', value: 'DB', help: 'gate: smallest SQNR of any output' },
    'min-agreement': { type: 'string', value: 'X', help: 'gate: smallest agreement with fp32, as a share' },
    'warmup-ms': { type: 'string', value: 'MS', help: 'latency: warm-up per variant' },
    'duration-ms': { type: 'string', value: 'MS', help: 'latency: at least this long per variant' },
    iterations: { type: 'string', value: 'N', help: 'latency: at least so many runs per variant' },
    batch: { type: 'string', value: 'N', help: 'latency: samples per inference' },
    'cuda-graph': { type: 'string', value: 'on|off', help: 'latency: replay a recorded run (on)' },
    spin: { type: 'boolean', help: 'latency: poll the GPU instead of sleeping' },
    'fp16-mode': { type: 'boolean', help: "torch2trt's word: --precisions fp16, weakly typed where possible" },
    'int8-mode': { type: 'boolean', help: "torch2trt's word: --precisions int8, weakly typed where possible" },
    'time-budget': { type: 'string', value: '10m', help: 'then evaluate and measure only as much as time is left' },
    ...outOption,
    json: { type: 'boolean', help: 'print the report as one JSON document on stdout' },
    quiet: { type: 'boolean', help: 'no progress on stderr' },
    help: { type: 'boolean', help: 'this text' },
  },
};
