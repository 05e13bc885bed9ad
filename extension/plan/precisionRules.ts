/**
 * The numbers and operator lists behind the FP16/BF16 decisions, each with its reason. `decidePrecisions.ts` applies them.
 *
 * Seeds: ModelOpt's AutoCast and onnxconverter-common's block list, corrected by what was measured on their output
 * (ALGORITHMS §1). TensorRT accumulates FP16 convolutions and matrix products in FP32, so the depth of a product is no
 * reason to keep it; what is stored between layers, and sums that TensorRT keeps in the tensor's type, are.
 */
import type { DType } from '../contract/tensor';

/** Precisions that a node can compute in. */
export type ComputeType = Extract<DType, 'fp32' | 'fp16' | 'bf16'>;

/** Largest finite FP16 value. */
export const fp16Max = 65504;
/** Smallest normal FP16 value, 2^-14; below it the spacing is fixed at 2^-24 and relative precision is lost. */
export const fp16MinNormal = 2 ** -14;

/**
 * Headroom between the largest magnitude seen and what FP16 holds. Unseen samples exceed the calibration maximum: three
 * binades with real data, six when the ranges come from random inputs. Precision does not depend on magnitude, so a
 * tighter bound (ModelOpt's 512) would only cost speed.
 */
export const fp16Headroom = { representative: 8, random: 64 } as const;

/** Integers are exact up to here (2^11 in FP16, 2^8 in BF16); larger ones are counts or positions and stay FP32. */
export const exactIntegers: Readonly<Record<'fp16' | 'bf16', number>> = { fp16: 2048, bf16: 256 };

/**
 * Largest positive attention score or logit before a softmax: beyond it the rounding of the score itself (11 or 8 bits)
 * moves the probabilities by more than an eighth. Masks are negative and do not count.
 */
export const largestScore: Readonly<Record<'fp16' | 'bf16', number>> = { fp16: 512, bf16: 64 };

/** Sine and cosine need the absolute error of their argument to be small; beyond this it is not in 11 bits. */
export const largestPhase = 8;

const grouped: readonly (readonly [string, string])[] = [
  [
    'sums in the precision of its tensor',
    'CumSum CumProd ReduceSum ReduceL1 ReduceL2 ReduceSumSquare ReduceProd ReduceLogSum ReduceLogSumExp Einsum',
  ],
  ['turns the absolute error of its input into a relative error of its output', 'Exp Log'],
  ['squares inside its normalization', 'LRN LpNormalization LpPool MeanVarianceNormalization'],
  ['jumps on a small change of its input', 'Floor Ceil Round Mod'],
  ['computes positions, sizes or ranks', 'Range NonMaxSuppression TopK RoiAlign MaxRoiPool AffineGrid Unique OneHot'],
  [
    'is a spectral or matrix operation without a reduced-precision form',
    'DFT STFT MelWeightMatrix HannWindow HammingWindow BlackmanWindow Det',
  ],
  ['draws random numbers', 'RandomNormal RandomNormalLike RandomUniform RandomUniformLike Multinomial Bernoulli'],
  ['has no reduced-precision implementation in TensorRT', 'Celu Upsample EyeLike'],
  ['reads the bits of its input', 'BitCast'],
  [
    'works on sequences, whose type is part of the interface',
    'SplitToSequence SequenceInsert SequenceConstruct SequenceAt SequenceErase ConcatFromSequence SequenceMap Optional OptionalGetElement',
  ],
  ['updates a cache that must be a graph input itself, with no cast between', 'TensorScatter'],
  ['is training code', 'Gradient Momentum Adam Adagrad SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss'],
];

/** Operators that stay FP32 whatever their ranges, and why (a clause that follows the operator's name). */
export const fp32Operators: ReadonlyMap<string, string> = new Map(
  grouped.flatMap(([reason, names]) => names.split(' ').map((name) => [name, reason] as const)),
);

/**
 * Operators whose BF16 form TensorRT does not build, of those for which ONNX has one. Found by building every operator that
 * has a BF16 form with TensorRT-RTX 1.7.1: GRU mixes types inside its import, ConvTranspose has no deconvolution of the type.
 */
export const noBf16InTensorrt: ReadonlySet<string> = new Set([
  'ConvTranspose',
  'GRU',
  'HardSwish',
  'LpNormalization',
  'Mish',
  'Shrink',
]);

/**
 * Their fifth input is the length of each sequence; with it, TensorRT's import mixes FP32 zeros into FP16 and BF16 states and
 * refuses the node (seen with TensorRT-RTX 1.7.1 for all three).
 */
export const recurrentOperators: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN']);

/** Move or select elements without computing: they take the precision of what surrounds them. */
export const copyOperators: ReadonlySet<string> = new Set(
  (
    'Identity Reshape Flatten Squeeze Unsqueeze Transpose Slice Gather GatherElements GatherND Expand Tile Pad Concat Split ' +
    'DepthToSpace SpaceToDepth ReverseSequence Compress'
  ).split(' '),
);

/** Compute each element from the elements at its place. */
export const elementwiseOperators: ReadonlySet<string> = new Set(
  'Add Sub Mul Div Neg Abs Relu LeakyRelu PRelu Clip Elu Sigmoid HardSigmoid HardSwish Tanh Gelu Softplus Where Min Max'.split(
    ' ',
  ),
);

/** Operators whose bodies are graphs of nodes with decisions of their own; others that carry a graph keep it in FP32. */
export const bodyOperators: ReadonlySet<string> = new Set(['If', 'Loop', 'Scan']);

/** Results are integers or booleans: rounding the inputs first could change them, so they take the type they are given. */
export const comparingOperators: ReadonlySet<string> = new Set(
  'ArgMax ArgMin Equal Greater GreaterOrEqual Less LessOrEqual IsNaN IsInf Sign NonZero Hardmax'.split(' '),
);

/** Reads any type without using the values as floats: never a reason for a cast. */
export const typeBlindOperators: ReadonlySet<string> = new Set(['Shape', 'Size', 'Cast', 'CastLike']);

/** Operators whose sum over many elements could overflow FP16 before the division. */
export const averagingOperators: ReadonlySet<string> = new Set(['ReduceMean', 'GlobalAveragePool', 'AveragePool']);

/** Activations that end a network: in FP32 they cost nothing where their result leaves the graph as FP32 anyway. */
export const finalActivations: ReadonlySet<string> = new Set([
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'HardSigmoid',
  'Tanh',
]);

/** Inputs whose exact values matter even where the data around them is robust, with all that computes them. */
export const positionInputs: Readonly<Record<string, readonly number[]>> = {
  GridSample: [1],
  NonMaxSuppression: [0],
  RoiAlign: [1],
  MaxRoiPool: [1],
  DeformConv: [2],
  Floor: [0],
  Ceil: [0],
  Round: [0],
  Mod: [0, 1],
};
