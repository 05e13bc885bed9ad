/**
 * What the precision benchmark compares: every variant of both sides, and which of them are the bar.
 *
 * `counted` peers are those TensorRT can take; the others are shown as a hint (†) and set no bar. `twin` names the
 * peer variants whose calibration does the same work, for the time goals. `run.mjs` comes after.
 */

const int8Algorithms = ['auto', 'entropy', 'minmax', 'percentile', 'mse', 'legacy'];

/** Ours: one `convert` per entry. `auto` is the default, and its plan names no algorithm. */
export const ourVariants = [
  { name: 'ours-fp16', precision: 'fp16', label: 'FP16' },
  { name: 'ours-bf16', precision: 'bf16', label: 'BF16' },
  ...int8Algorithms.map((algorithm) => ({
    name: `ours-int8-${algorithm}`,
    precision: 'int8',
    algorithm,
    label: algorithm === 'auto' ? 'INT8 default (auto)' : `INT8 ${algorithm}`,
  })),
];

const onnxRuntime = (style, method, label, more = {}) => ({
  name: `ort-${style}-${method}`,
  precision: 'int8',
  environment: 'peers',
  tool: 'ONNX Runtime',
  label: `INT8 ${label}`,
  counted: true,
  ...more,
});

export const peerVariants = [
  {
    name: 'occ-fp16',
    precision: 'fp16',
    environment: 'peers',
    tool: 'onnxconverter-common',
    label: 'FP16',
    counted: true,
  },
  {
    name: 'modelopt-autocast-fp16',
    precision: 'fp16',
    environment: 'modelopt',
    tool: 'ModelOpt',
    label: 'AutoCast FP16',
    counted: true,
  },
  onnxRuntime('trt', 'minmax', 'minmax', { twin: 'ours-int8-minmax', timeGoal: 0.5 }),
  onnxRuntime('trt', 'percentile99.99', 'percentile 99.99', { twin: 'ours-int8-percentile', timeGoal: 0.1 }),
  onnxRuntime('trt', 'percentile99.999', 'percentile 99.999 (its default)'),
  onnxRuntime('trt', 'entropy', 'entropy, 128 bins (its default)', { twin: 'ours-int8-entropy', timeGoal: 0.1 }),
  onnxRuntime('trt', 'entropy2048', 'entropy, 2048 bins', { twin: 'ours-int8-entropy', timeGoal: 0.1 }),
  onnxRuntime('plain', 'percentile99.99', 'percentile 99.99, no pre-processing'),
  onnxRuntime('default', 'minmax', 'its defaults †', { counted: false }),
  ...['max', 'entropy'].map((method) => ({
    name: `modelopt-int8-${method}`,
    precision: 'int8',
    environment: 'modelopt',
    tool: 'ModelOpt',
    label: `INT8 ${method}${method === 'entropy' ? ' (its default)' : ''}`,
    counted: true,
  })),
];

export const tasks = ['digits', 'lite0', 'v6rec', 'cls', 'silero'];

/** How the tables call the tasks. */
export const taskTitles = {
  digits: 'digits_resnet_tiny (top-1)',
  lite0: 'efficientnet-lite0 (top-1)',
  v6rec: 'PP-OCRv6_rec_small (exact lines)',
  cls: 'ch_ppocr_mobile_v2.0_cls (top-1)',
  silero: 'silero_vad_16k_sequence (no labels)',
};
