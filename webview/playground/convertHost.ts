/**
 * The convert panel's host of the playground: a plausible machine, a model, data with drawn digits, and runs that go
 * through their stages in a few seconds. Deterministic, but for the clock. `?scenario=` chooses what it shows.
 */
import { CodedError } from '../../extension/contract/errors';
import type {
  ConvertHostSide,
  ConvertPageSide,
  DataPreview,
  PlanCheck,
  PrecisionCapability,
} from '../../extension/contract/panels/convertPanel';
import type { RunState, RunStep } from '../../extension/contract/panels/runState';
import { precisionOf, variantNames, type Plan, type Transform } from '../../extension/contract/plan';
import type { Stage } from '../../extension/contract/progress';
import type { NodePlan } from '../../extension/contract/stageMethods';
import type { ModelCard } from '../../extension/contract/report';
import { digitPicture } from './digitPicture';
import { startFakeHost } from './fakeHost';
import { sampleReport } from './sampleReport';

type Scenario = 'default' | 'everything' | 'untrusted' | 'bigModel' | 'problems' | 'brokenModel' | 'running' | 'failed';

const scenario = (new URLSearchParams(location.search).get('scenario') ?? 'default') as Scenario;
const folder = '/home/ada/models';

const imagenetSteps: readonly Transform[] = [
  { op: 'resize', size: 256 },
  { op: 'centerCrop', size: [224, 224] },
  { op: 'toTensor' },
  { op: 'normalize', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
];

const profile = { min: [1, 1, 28, 28], opt: [4, 1, 28, 28], max: [8, 1, 28, 28] };

/** A plan that makes every control of the form appear. */
function fullPlan(plan: Plan): Plan {
  return {
    ...plan,
    precisions: [...plan.precisions, 'int4', 'int8-weak', 'int8-tensorrt'],
    calibration: { ...plan.calibration, algorithm: 'legacy' },
    preprocess: [
      { op: 'resize', size: 32 },
      { op: 'resizeHeight', height: 32 },
      { op: 'centerCrop', size: [28, 28] },
      { op: 'pad', size: [32, 32] },
      { op: 'letterbox', size: [28, 28] },
      { op: 'grayscale' },
      { op: 'bgr' },
      { op: 'rotate180' },
      { op: 'toTensor' },
      { op: 'normalize', mean: [0.5], std: [0.5] },
      { op: 'scale', factor: 2 },
      { op: 'nhwc' },
    ],
    keep: [{ match: 'OP:Softmax', precision: 'fp32' }],
    shapes: { image: profile },
    profiles: [{ image: profile }],
    shapeValues: { sizes: { min: [28, 28], opt: [28, 28], max: [56, 56] } },
    builder: { ...plan.builder, typing: 'weak', dla: 0 },
  };
}

function initialPlan(): Plan {
  const { plan } = sampleReport();
  const initial: Plan = {
    ...plan,
    model: 'digits.onnx',
    precisions: ['fp32', 'fp16', 'bf16', 'int8'],
    calibration: { ...plan.calibration, data: 'digits/calibration' },
    preprocess: 'digits',
    evaluation: { ...plan.evaluation, data: null },
    keep: [],
    shapes: {},
    targets: ['sm_89'],
    backend: 'auto',
    gates: { maxTop1Drop: null, minSqnrDb: null, minAgreement: null },
    ...(scenario === 'problems' ? { targets: ['sm_75', 'sm_89'], precisions: ['fp32', 'fp16', 'int8', 'fp8'] } : {}),
  };
  return scenario === 'everything' ? fullPlan(initial) : initial;
}

const targets = [
  { target: 'sm_75', devices: ['T4', 'GeForce RTX 20'], dla: false },
  { target: 'sm_80', devices: ['A100', 'A30'], dla: false },
  { target: 'sm_86', devices: ['A10', 'A40', 'GeForce RTX 30'], dla: false },
  { target: 'sm_87', devices: ['Jetson Orin'], dla: true },
  { target: 'sm_89', devices: ['L4', 'L40', 'GeForce RTX 40'], dla: false },
  { target: 'sm_90', devices: ['H100', 'H200'], dla: false },
  { target: 'sm_120', devices: ['GeForce RTX 50', 'RTX PRO Blackwell'], dla: false },
];

function capabilities({ targets: chosen }: Plan): PrecisionCapability[] {
  return variantNames.map((precision): PrecisionCapability => {
    const base = precisionOf(precision);
    if (precision.includes('-')) {
      return {
        precision,
        state: 'unsupported',
        reason: 'Needs TensorRT 8 or 10; here is TensorRT-RTX 1.7.',
      };
    }
    if (chosen.includes('sm_75') && (base === 'bf16' || base === 'fp8' || base === 'int4')) {
      const reason = `sm_75 (T4, GeForce RTX 20) has no ${base.toUpperCase()} hardware.`;
      return { precision, state: 'unsupported', reason };
    }
    if (chosen.length === 0) {
      return {
        precision,
        state: 'simulated',
        reason: 'No GPU here and no target chosen: accuracy on the processor.',
      };
    }
    return {
      precision,
      state: 'builds',
      reason: `TensorRT-RTX 1.7 builds for ${chosen.join(', ')}.`,
    };
  });
}

function check(plan: Plan): PlanCheck {
  const command = [
    `precision-bench convert ${plan.model}`,
    `--precisions ${plan.precisions.join(',')}`,
    plan.calibration.data === null ? '' : `--data ${plan.calibration.data}`,
    typeof plan.preprocess === 'string' ? `--preprocess ${plan.preprocess}` : '--preprocess steps.json',
    plan.calibration.algorithm === 'auto' ? '' : `--calib-algorithm ${plan.calibration.algorithm}`,
    plan.calibration.batchSize === 8 ? '' : `--calib-batch-size ${plan.calibration.batchSize}`,
    ...Object.entries(plan.bindings).map(([name, dtype]) => `--io ${name}=${dtype}`),
    ...plan.keep.map(({ match, precision }) => `--keep '${match}=${precision}'`),
    ...plan.targets.map((target) => `--target ${target}`),
  ];
  const problems: PlanCheck['problems'][number][] = [];
  if (plan.targets.includes('sm_75') && plan.precisions.includes('fp8')) {
    problems.push({
      pointer: '/precisions',
      severity: 'error',
      code: 'PRECISION_UNSUPPORTED',
      reason: 'sm_75 (T4, GeForce RTX 20) has no FP8 hardware, so no fp8 engine can be built for it.',
      fix: 'Leave out fp8 or sm_75; fp32, fp16 and int8 work there.',
      actions: [
        { action: 'dropPrecision', label: 'Leave Out FP8' },
        { action: 'dropTargets', label: 'Build No Engines' },
      ],
    });
  }
  if (plan.calibration.data === null) {
    problems.push({
      pointer: '/calibration/data',
      severity: 'warning',
      code: 'noData',
      reason: 'Without data, scales come from random numbers and accuracy says little about real use.',
      fix: 'Choose calibration data.',
      actions: [{ action: 'chooseData', label: 'Choose Data' }],
    });
  }
  if (scenario === 'problems') {
    problems.push({
      pointer: '/keep',
      severity: 'warning',
      code: 'fp16Overflow',
      reason: 'The node "/head/Pow" squares values up to 4.1e3: FP16 ends at 65504.',
      fix: 'It is kept in FP32; nothing to do.',
      actions: [],
    });
  }
  return { command: command.filter((part) => part !== '').join(' '), problems };
}

function smallNodes(plan: Plan): NodePlan[] {
  const nodes = [
    'conv1/Conv',
    'conv1/Relu',
    'layer1/Conv',
    'layer1/Relu',
    'layer1/Add',
    'pool/GlobalAveragePool',
    'fc/Gemm',
    'Softmax',
  ];
  return plan.precisions.flatMap((variant) =>
    nodes.map((node): NodePlan => nodePlan(node, node.split('/').at(-1) ?? node, precisionOf(variant), plan)),
  );
}

function nodePlan(node: string, opType: string, variant: NodePlan['variant'], plan: Plan): NodePlan {
  const kept = plan.keep.find(({ match }) => match === node || match === `OP:${opType}`);
  if (kept !== undefined)
    return { node, opType, variant, precision: kept.precision, reason: `kept by the rule ${kept.match}` };
  const quantized = variant === 'int8' || variant === 'fp8';
  if (opType === 'Softmax') return { node, opType, variant, precision: 'fp32', reason: 'sums exponentials' };
  if (quantized && opType !== 'Conv' && opType !== 'Gemm') {
    return { node, opType, variant, precision: 'fp16', reason: 'no 8-bit kernel' };
  }
  const reason = quantized ? 'reads input and weights in 8 bits' : `safe in ${variant}`;
  return { node, opType, variant, precision: variant, reason };
}

function bigNodes(plan: Plan): NodePlan[] {
  const ops = ['MatMul', 'Add', 'LayerNormalization', 'Softmax', 'Mul', 'Gemm'];
  return plan.precisions.flatMap((variant) =>
    Array.from({ length: 5000 }, (_, index): NodePlan => {
      const opType = ops[index % ops.length] ?? 'Add';
      return nodePlan(
        `/encoder/layer.${Math.floor(index / 40)}/${opType}_${index}`,
        opType,
        precisionOf(variant),
        plan,
      );
    }),
  );
}

/** A cache of a language model, of which there are two a layer. */
function cacheInput(index: number): ModelCard['inputs'][number] {
  const name = `past_key_values.${index >> 1}.${index % 2 === 0 ? 'key' : 'value'}`;
  return { name, dtype: 'fp32', shape: ['batch', 12, 'past', 64] };
}

function preview(plan: Plan, of: 'calibration' | 'evaluation', count: number): DataPreview {
  const source = of === 'calibration' ? plan.calibration.data : (plan.evaluation.data ?? plan.calibration.data);
  if (source !== null && !source.startsWith('digits')) {
    throw new CodedError({
      code: 'DATA_NOT_FOUND',
      reason: `The calibration data ${source} does not exist.`,
      fix: 'Give a folder or file that exists, relative to the plan.',
      place: { file: source, field: 'calibration.data' },
    });
  }
  const samples = Array.from({ length: count }, (_, index) => ({
    id: `${index}/${String(index).padStart(4, '0')}.png`,
    label: String(index),
    raw: digitPicture(index, false),
    inputs: [
      {
        name: 'image',
        dtype: 'fp32',
        dims: [1, 1, 28, 28],
        min: 0,
        max: 1,
        mean: 0.131 + index / 100,
        std: 0.308,
        picture: digitPicture(index, true),
      },
    ],
  }));
  return {
    card: { source: source ?? 'random', kind: source === null ? 'random' : 'classFolders', samples: 100, sha256: null },
    labelled: source !== null,
    classes: source === null ? null : ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    samples,
    sampleDims: { image: [8, 1, 28, 28] },
    warnings: [],
  };
}

const timeline: readonly { readonly stage: Stage; readonly variant: string | null; readonly message: string }[] = [
  { stage: 'model', variant: null, message: 'reads digits.onnx' },
  { stage: 'calibrate', variant: null, message: '64 of 100 samples' },
  { stage: 'plan', variant: 'fp16', message: 'writes digits.fp16.onnx' },
  { stage: 'plan', variant: 'int8', message: 'writes digits.int8.onnx' },
  { stage: 'build', variant: 'fp16', message: 'TensorRT-RTX 1.7 for sm_89' },
  { stage: 'build', variant: 'int8', message: 'TensorRT-RTX 1.7 for sm_89' },
  { stage: 'compare', variant: null, message: '50 of 50 samples' },
  { stage: 'measure', variant: null, message: 'round 12 of 30' },
  { stage: 'report', variant: null, message: 'writes report.json' },
];

const log = [
  'model: 24 nodes, opset 17',
  'calibrate: class folders, 100 samples, 10 classes',
  'calibrate: 31 tensors have a scale',
];

/** A run in the middle of its timeline (`at` steps are done), with fixed times. */
function runAt(id: string, plan: Plan, at: number, fraction: number | null, now: number): RunState {
  const startedAt = now - 1000 * (at * 7 + 4);
  const steps = timeline.slice(0, at + 1).map((step, index): RunStep => {
    const begun = startedAt + index * 7000;
    const isLast = index === at;
    return {
      ...step,
      state: isLast ? 'running' : 'done',
      fraction: isLast ? fraction : 1,
      etaSeconds: isLast && fraction !== null ? Math.round(12 * (1 - fraction)) : null,
      startedAt: begun,
      endedAt: isLast ? null : begun + 7000,
    };
  });
  return {
    id,
    model: `${folder}/digits.onnx`,
    out: `${folder}/digits-trt`,
    status: 'running',
    queuedAt: startedAt,
    startedAt,
    endedAt: null,
    position: 0,
    steps,
    log,
    command: check(plan).command,
    failure: null,
    gates: [],
    reportPath: null,
    summary: null,
  };
}

function ended(run: RunState, part: Partial<RunState>): RunState {
  const last = part.status === 'done' ? 'done' : part.status === 'cancelled' ? 'cancelled' : 'failed';
  const endedAt = (run.startedAt ?? run.queuedAt) + 7000 * run.steps.length;
  return {
    ...run,
    endedAt,
    steps: run.steps.map((step) => (step.endedAt === null ? { ...step, state: last, endedAt } : step)),
    ...part,
  };
}

const doneWith: Partial<RunState> = {
  status: 'done',
  reportPath: `${folder}/digits-trt/report.json`,
  summary: 'FP16 is recommended: top-1 is unchanged at 98.00% on 50 labelled samples.',
};

function initialRuns(plan: Plan): RunState[] {
  const now = Date.now();
  const done = ended(runAt('run-1', plan, timeline.length - 1, 1, now - 600_000), doneWith);
  switch (scenario) {
    case 'running': {
      const waiting = {
        ...runAt('run-3', plan, 0, null, now),
        status: 'queued',
        startedAt: null,
        steps: [],
        log: [],
        position: 1,
      } as const;
      return [waiting, runAt('run-2', plan, 5, 0.42, now), done];
    }
    case 'failed': {
      const failure: RunState['failure'] = {
        code: 'ENGINE_BUILD',
        reason: 'TensorRT-RTX could not build int8 for sm_75: no implementation for the node "/layer1/Conv".',
        fix: 'Keep the node in FP16, or leave out the target sm_75.',
        place: { file: 'digits.onnx', node: '/layer1/Conv' },
        variant: 'int8',
        actions: [
          { action: 'dropTargets', label: 'Build No Engines' },
          { action: 'openLog', label: 'Show Log' },
          { action: 'retry', label: 'Try Again' },
        ],
      };
      const gate = ended(runAt('run-1', plan, timeline.length - 1, 1, now - 900_000), {
        ...doneWith,
        status: 'gate-failed',
        gates: ['int8: top-1 dropped by 1.20 points, the gate allows 0.50.'],
      });
      return [ended(runAt('run-2', plan, 5, 0.42, now), { status: 'failed', failure }), gate];
    }
    default:
      return [];
  }
}

/** Plays a run: a step every `stepMs`; says when something changed. */
function play(run: { id: string; plan: Plan }, update: (state: RunState) => boolean): void {
  const stepMs = 250;
  let at = 0;
  const timer = setInterval(() => {
    const isEnd = at === timeline.length;
    const state = runAt(run.id, run.plan, Math.min(at, timeline.length - 1), 0.6, Date.now());
    const goesOn = update(isEnd ? ended(state, doneWith) : state);
    if (isEnd || !goesOn) clearInterval(timer);
    at++;
  }, stepMs);
}

startFakeHost<ConvertHostSide, ConvertPageSide>(
  (emit) => {
    let plan = initialPlan();
    let runs = initialRuns(plan);
    const form = (planPath: string | null) => ({ plan, planPath, baseDir: folder, out: `${folder}/digits-trt` });
    const setRuns = (next: RunState[]): void => {
      runs = next;
      emit('runs', runs);
    };
    const isBig = scenario === 'bigModel';
    return {
      load: () => ({
        modelPath: `${folder}/digits.onnx`,
        modelName: isBig ? 'a_rather_long_name_of_a_transformer_encoder_large_v2.onnx' : 'digits.onnx',
        form: form(null),
        presets: [
          { name: 'none', description: 'Pictures to floats in 0–1 (ToTensor), at the size they have.' },
          { name: 'digits', description: 'Grayscale, resized to the model, 0–1 (MNIST and the like).' },
          { name: 'imagenet', description: 'Resize 256, center crop 224, 0–1, ImageNet mean and standard deviation.' },
        ],
        targets,
        runs,
        trusted: scenario !== 'untrusted',
      }),
      inspect: () => {
        if (scenario === 'brokenModel') {
          throw new CodedError({
            code: 'MODEL_TRUNCATED',
            reason: 'digits.onnx ends in the middle of the weights of "conv1".',
            fix: 'Copy or export the model again.',
            place: { file: 'digits.onnx', node: 'conv1' },
          });
        }
        const { model } = sampleReport();
        return {
          card: {
            ...model,
            path: 'digits.onnx',
            nodes: isBig ? 5000 : 24,
            inputs: [
              { name: 'image', dtype: 'fp32', shape: ['batch', 1, 28, 28] },
              ...(isBig ? Array.from({ length: 64 }, (_, index) => cacheInput(index)) : []),
              ...(scenario === 'everything' ? [{ name: 'sizes', dtype: 'int64', shape: [2] }] : []),
            ],
            outputs: [{ name: 'logits', dtype: 'fp32', shape: ['batch', 10] }],
          },
          operators: { Conv: 9, Relu: 8, Add: 3, GlobalAveragePool: 1, Flatten: 1, Gemm: 1, Softmax: 1 },
        };
      },
      machine: () => ({
        backends: [
          {
            name: 'onnxruntime',
            version: '1.30.0',
            library: null,
            available: true,
            reason: null,
            builds: false,
            targets: [],
            runs: true,
            precisions: ['fp32'],
          },
          {
            name: 'tensorrt-rtx',
            version: '1.7.1',
            library: '/opt/tensorrt_rtx/lib/libtensorrt_rtx.so.1',
            available: true,
            reason: null,
            builds: true,
            targets: targets.map(({ target }) => target),
            runs: false,
            precisions: ['fp32', 'fp16', 'bf16', 'int8', 'fp8', 'int4'],
          },
        ],
        host: sampleReport().host,
      }),
      capabilities: (params) => capabilities(params.plan),
      check: (params) => check(params.plan),
      nodes: (params) => (isBig ? bigNodes(params.plan) : smallNodes(params.plan)),
      steps: (params) => (Array.isArray(params.plan.preprocess) ? params.plan.preprocess : imagenetSteps),
      browse: ({ what }) =>
        what === 'preprocess' ? 'steps.json' : what.startsWith('data') ? 'digits/more' : `chosen/${what}`,
      preview: (params) => preview(params.plan, params.of, params.count),
      savePlan: (params) => {
        plan = params.plan;
        return `${folder}/digits.trtplan.json`;
      },
      start: (params) => {
        const id = `run-${runs.length + 1}`;
        setRuns([
          { ...runAt(id, params.plan, 0, null, Date.now()), status: 'queued', startedAt: null, steps: [] },
          ...runs,
        ]);
        play({ id, plan: params.plan }, (state) => {
          if (runs.find((run) => run.id === id)?.status === 'cancelled') return false;
          setRuns(runs.map((run) => (run.id === id ? state : run)));
          return true;
        });
        return { runId: id };
      },
      cancel: ({ runId }) => {
        setRuns(runs.map((run) => (run.id === runId ? ended(run, { status: 'cancelled' }) : run)));
        return null;
      },
      act: ({ action }) => {
        if (action === 'dropPrecision') plan = { ...plan, precisions: ['fp32', 'fp16', 'int8'] };
        if (action === 'dropTargets') plan = { ...plan, targets: [] };
        if (action === 'dropPrecision' || action === 'dropTargets') emit('planChanged', form(null));
        return null;
      },
      showReport: () => null,
      showComparison: () => null,
      copyCommand: () => null,
    };
  },
  ['edited'],
);
