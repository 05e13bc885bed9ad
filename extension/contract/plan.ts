/**
 * The plan (`*.trtplan.json`): everything that decides the result of a conversion, committed beside the model.
 *
 * The TypeBox schema is the single source: the TypeScript type, the defaults, the JSON schema for the editor
 * (`schemas/trtplan.schema.json`, written by `npm run schemas`) and the check at run time all derive from it.
 *
 * Pages read the schema, too. TypeBox is imported as a namespace because its object `Type` holds every function that it has, and
 * a bundler has to keep them all.
 */
import * as Type from '@sinclair/typebox';
import type { Static, TSchema } from '@sinclair/typebox';

export const precisions = ['fp32', 'fp16', 'bf16', 'int8', 'fp8', 'int4'] as const;
export type Precision = (typeof precisions)[number];

/**
 * What can be built and compared: the precisions, and other ways to them. `tf32` is FP32 with TensorFloat-32 allowed. `-weak`
 * lets TensorRT's optimizer choose among FP32 and the type by its timings (TensorRT 8 and 10); `int8-tensorrt` has its
 * scales from TensorRT's own calibrator (TensorRT 8 and 10). `int4` stores the weights of matrix products in 4 bits and computes in
 * FP16. `build/variantRecipes.ts` says how each is made.
 */
export const variantNames = [
  'fp32',
  'tf32',
  'fp16',
  'fp16-weak',
  'bf16',
  'int8',
  'int8-weak',
  'int8-tensorrt',
  'fp8',
  'int4',
] as const;
export type VariantName = (typeof variantNames)[number];

/** The type that most of a variant computes in. */
export function precisionOf(variant: VariantName): Precision {
  const [name] = variant.split('-');
  return precisions.find((precision) => precision === name) ?? 'fp32';
}

export const calibrationAlgorithms = ['auto', 'entropy', 'minmax', 'percentile', 'mse', 'legacy'] as const;
export type CalibrationAlgorithm = (typeof calibrationAlgorithms)[number];

/** How 8-bit weights are kept in a written graph; what `auto` means is in `plan/writeQuantization.ts`. */
export const weightStorages = ['auto', 'quantized', 'float'] as const;
export type WeightStorage = (typeof weightStorages)[number];

/** TensorRT's own calibrators, as `IInt8EntropyCalibrator2` and so on. */
export const tensorrtCalibrators = ['entropy2', 'entropy', 'minmax', 'legacy'] as const;

/** Memory layouts of a binding, in trtexec's words. */
export const ioFormats = [
  'linear',
  'chw2',
  'chw4',
  'chw16',
  'chw32',
  'hwc',
  'hwc8',
  'hwc16',
  'dhwc8',
  'cdhw32',
  'dlaLinear',
  'dlaHwc4',
] as const;

const oneOf = <const T extends readonly string[]>(values: T, description: string, defaultValue?: T[number]) =>
  Type.Unsafe<T[number]>({
    type: 'string',
    enum: [...values],
    description,
    ...(defaultValue === undefined ? {} : { default: defaultValue }),
  });
const nullable = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description, default: null });
const closed = { additionalProperties: false } as const;

/** One preprocessing step, in torchvision's words. Steps run in order on one sample. */
export const transformSchema = Type.Union(
  [
    Type.Object(
      {
        op: Type.Literal('resize'),
        size: Type.Union(
          [Type.Integer({ minimum: 1 }), Type.Tuple([Type.Integer({ minimum: 1 }), Type.Integer({ minimum: 1 })])],
          {
            description: 'The shorter side, or [height, width].',
          },
        ),
        interpolation: Type.Optional(oneOf(['bilinear', 'nearest', 'bicubic'], 'As PIL computes it.', 'bilinear')),
        antialias: Type.Optional(
          Type.Boolean({ default: true, description: 'Scale the filter on reduction, as PIL does.' }),
        ),
      },
      closed,
    ),
    Type.Object(
      {
        op: Type.Literal('resizeHeight'),
        height: Type.Integer({ minimum: 1 }),
        maxWidth: Type.Optional(Type.Integer({ minimum: 1 })),
        antialias: Type.Optional(Type.Boolean({ default: true })),
      },
      { ...closed, description: 'Resize to a height, keep the aspect ratio (text lines).' },
    ),
    Type.Object(
      {
        op: Type.Literal('centerCrop'),
        size: Type.Union([Type.Integer({ minimum: 1 }), Type.Tuple([Type.Integer(), Type.Integer()])]),
      },
      closed,
    ),
    Type.Object(
      {
        op: Type.Literal('pad'),
        size: Type.Tuple([Type.Integer(), Type.Integer()]),
        value: Type.Optional(Type.Number({ default: 0 })),
        align: Type.Optional(oneOf(['topLeft', 'center'], 'Where the picture lies in the padded one.', 'topLeft')),
      },
      { ...closed, description: 'Pad to [height, width]; works before and after toTensor.' },
    ),
    Type.Object(
      {
        op: Type.Literal('letterbox'),
        size: Type.Tuple([Type.Integer(), Type.Integer()]),
        value: Type.Optional(Type.Number({ default: 114 })),
        align: Type.Optional(oneOf(['topLeft', 'center'], 'Where the picture lies in the padded one.', 'center')),
      },
      closed,
    ),
    Type.Object(
      { op: Type.Literal('grayscale'), channels: Type.Optional(Type.Union([Type.Literal(1), Type.Literal(3)])) },
      closed,
    ),
    Type.Object({ op: Type.Literal('bgr') }, { ...closed, description: 'Swap red and blue.' }),
    Type.Object({ op: Type.Literal('rotate180') }, closed),
    Type.Object(
      { op: Type.Literal('toTensor'), scale: Type.Optional(Type.Number({ default: 1 / 255 })) },
      {
        ...closed,
        description: 'HWC uint8 → CHW float, times scale (1/255 as torchvision; 1 keeps 0–255).',
      },
    ),
    Type.Object(
      {
        op: Type.Literal('normalize'),
        mean: Type.Array(Type.Number(), { minItems: 1 }),
        std: Type.Array(Type.Number(), { minItems: 1 }),
      },
      { ...closed, description: '(x − mean) / std per channel, in units of what comes in.' },
    ),
    Type.Object({ op: Type.Literal('scale'), factor: Type.Number(), offset: Type.Optional(Type.Number()) }, closed),
    Type.Object({ op: Type.Literal('nhwc') }, { ...closed, description: 'CHW → HWC.' }),
  ],
  { description: 'A preprocessing step.' },
);
export type Transform = Static<typeof transformSchema>;

const dtypeSchema = oneOf(
  ['fp32', 'fp16', 'bf16', 'int8', 'uint8', 'int32', 'int64', 'bool'],
  'Element type of a binding.',
);
const shapeSchema = Type.Array(Type.Integer({ minimum: 0 }));

const profileSchema = (description: string) =>
  Type.Record(Type.String(), Type.Object({ min: shapeSchema, opt: shapeSchema, max: shapeSchema }, closed), {
    default: {},
    description,
  });

export const planSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    schemaVersion: Type.Literal(1),
    model: Type.String({ description: 'The ONNX file, relative to the plan.' }),
    precisions: Type.Array(oneOf(variantNames, 'A variant to build. fp32 is always the baseline.'), {
      default: ['fp32', 'fp16', 'bf16', 'int8'],
      minItems: 1,
    }),
    calibration: Type.Object(
      {
        data: nullable(Type.String(), 'Calibration data, relative to the plan. Null: none, ranges are guessed.'),
        labels: nullable(Type.String(), 'Labels file for the data, where the data itself has none.'),
        algorithm: oneOf(calibrationAlgorithms, 'How a range becomes a scale.', 'auto'),
        percentile: Type.Number({ default: 99.99, exclusiveMinimum: 50, maximum: 100 }),
        cutoff: nullable(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), 'Legacy calibrator: regression cutoff.'),
        guardShare: Type.Number({
          default: 0.05,
          minimum: 0,
          maximum: 1,
          description:
            'INT8: the noisiest layers stay in FP16, as long as that makes the model slower by no more than this share (memory, arithmetic, conversions).',
        }),
        equalization: Type.Boolean({
          default: true,
          description:
            'INT8: let channels fill the range, in front of depthwise convolutions and behind activations (exact in FP32).',
        }),
        biasCorrection: Type.Boolean({
          default: true,
          description:
            'INT8: take the mean error of every quantized layer, measured on calibration samples, off its bias.',
        }),
        samples: Type.Integer({ default: 512, minimum: 1, description: 'At most this many calibration samples.' }),
        batchSize: Type.Integer({ default: 8, minimum: 1 }),
        calibrator: oneOf(['builtin', 'tensorrt'], 'Whose calibrator sets the scales.', 'builtin'),
        tensorrtCalibrator: Type.Unsafe<(typeof tensorrtCalibrators)[number] | null>({
          enum: [...tensorrtCalibrators, null],
          description:
            "Which of TensorRT's calibrators, where TensorRT calibrates. Null: the one of the algorithm (auto: entropy2).",
          default: null,
        }),
        table: nullable(Type.String(), 'A calibration table to reuse.'),
        cache: nullable(
          Type.String(),
          "TensorRT's calibration cache, where TensorRT calibrates: read if it is there and fits, else written.",
        ),
      },
      { ...closed, default: {} },
    ),
    preprocess: Type.Union([Type.String(), Type.Array(transformSchema)], {
      default: 'none',
      description: 'A preset name, a file, or the steps themselves; the same for every precision.',
    }),
    evaluation: Type.Object(
      {
        data: nullable(Type.String(), 'Evaluation data. Null: the part of the calibration data not calibrated on.'),
        labels: nullable(Type.String(), 'Labels file for the evaluation data.'),
        samples: nullable(Type.Integer({ minimum: 1 }), 'At most this many evaluation samples. Null: all.'),
      },
      { ...closed, default: {} },
    ),
    bindings: Type.Record(Type.String(), dtypeSchema, {
      default: {},
      description: 'Element type of a graph input or output, whatever the precision inside.',
    }),
    formats: Type.Record(
      Type.String(),
      Type.Array(oneOf(ioFormats, "A memory layout in trtexec's words."), { minItems: 1 }),
      { default: {}, description: 'Memory layouts that an input or output may have in the engine. Left out: linear.' },
    ),
    keep: Type.Array(
      Type.Object(
        {
          match: Type.String({ description: 'A node name, a glob over node names, or OP:Type (OP:Softmax).' }),
          precision: oneOf(['fp32', 'fp16', 'bf16'], 'The precision to keep the node in.'),
        },
        closed,
      ),
      { default: [] },
    ),
    shapes: profileSchema('Optimization profile per graph input.'),
    profiles: Type.Array(profileSchema('Optimization profile per graph input; inputs left out are as in `shapes`.'), {
      default: [],
      description: 'More optimization profiles beside `shapes`.',
    }),
    shapeValues: profileSchema('Values of inputs that hold a shape: MIN, OPT and MAX of every element.'),
    builder: Type.Object(
      {
        workspaceMiB: nullable(Type.Integer({ minimum: 1 }), 'Workspace limit. Null: all of the memory.'),
        optimizationLevel: Type.Integer({ default: 3, minimum: 0, maximum: 5 }),
        typing: oneOf(
          ['auto', 'strong', 'weak', 'prefer-weak'],
          'strong: types come from the rewritten graph. weak: the optimizer may pick FP32 (TensorRT 8 and 10). prefer-weak: weak where the library has it. auto: strong where the library has it.',
          'auto',
        ),
        constraints: oneOf(
          ['obey', 'prefer'],
          'Weak typing: must the builder keep to the types of `keep`, or only should it?',
          'obey',
        ),
        tf32: Type.Boolean({ default: false }),
        timingCache: nullable(Type.String(), 'Timing cache file. Null: one per GPU and library in the own folder.'),
        dla: nullable(Type.Integer({ minimum: 0 }), 'DLA core.'),
        gpuFallback: Type.Boolean({ default: true, description: 'DLA: layers it cannot run go to the GPU.' }),
        versionCompatible: Type.Boolean({ default: false }),
        hardwareCompatible: Type.Boolean({ default: false }),
        weightStorage: oneOf(
          weightStorages,
          '8-bit weights in the file: quantized (small), float behind a Q/DQ pair (what TensorRT 8 needs), or auto: by layer and library.',
          'auto',
        ),
        int4Block: Type.Integer({
          default: 128,
          minimum: 64,
          maximum: 128,
          multipleOf: 64,
          description:
            'INT4: weights that share a scale, 128 or 64. Fewer follow the weights closer and take more room.',
        }),
      },
      { ...closed, default: {} },
    ),
    backend: oneOf(['auto', 'onnxruntime', 'tensorrt', 'tensorrt-rtx'], 'Which TensorRT builds the engines.', 'auto'),
    targets: Type.Array(Type.String({ minLength: 2 }), {
      default: [],
      description: 'What to build engines for: an architecture as sm_89, or a device as Jetson Orin, T4, RTX 4090.',
    }),
    benchmark: Type.Object(
      {
        warmupMs: Type.Integer({ default: 200, minimum: 0 }),
        durationMs: Type.Integer({ default: 1500, minimum: 1 }),
        iterations: Type.Integer({ default: 30, minimum: 1, description: 'At least this many runs per variant.' }),
        batch: Type.Integer({ default: 1, minimum: 1 }),
        cudaGraph: Type.Boolean({ default: true }),
        spin: Type.Boolean({
          default: false,
          description: 'Wait for the GPU by polling, not by sleeping: steadier, at the price of a busy core.',
        }),
      },
      { ...closed, default: {} },
    ),
    gates: Type.Object(
      {
        maxTop1Drop: nullable(Type.Number({ minimum: 0, maximum: 1 }), 'Largest drop of the task metric, as a share.'),
        minSqnrDb: nullable(Type.Number(), 'Smallest SQNR of any output, in dB.'),
        minAgreement: nullable(Type.Number({ minimum: 0, maximum: 1 }), 'Smallest agreement with FP32, as a share.'),
      },
      { ...closed, default: {} },
    ),
  },
  { ...closed, $id: 'trtplan', title: 'Precision Bench plan' },
);

export type Plan = Static<typeof planSchema>;
export type ShapeProfile = Plan['shapes'][string];
