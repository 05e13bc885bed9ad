/**
 * Every operator of the default domain whose schema changed between opsets 7 and 26, and what an upgrade does about it.
 *
 * Data for `upgradeOpset.ts`; the rewrites are in `opsetRules.ts`. A test compares the table with the schemas that the
 * `onnx` Python package ships, where that is installed: no change may be missing. Source of the judgements: ONNX's
 * Changelog, version by version.
 */

/** What a change of schema asks of a node. */
export type OpsetChange =
  /** The old node means the same under the new schema. */
  | { readonly kind: 'same'; readonly reason: string }
  /** `opsetRules.ts` has a rewrite of this name and version. */
  | { readonly kind: 'rewrite'; readonly reason: string }
  /** No rule, with the reason. */
  | { readonly kind: 'refuse'; readonly reason: string };

/** Versions that only admit more element types, wider ranges (negative axes) or say the same in other words. */
const widened: Readonly<Record<number, string>> = {
  8: 'Max Mean Min Sum',
  9: 'Cast Constant Flatten Gemm Greater Less MatMul PRelu',
  11: 'ArgMax ArgMin AveragePool Compress Concat Conv ConvTranspose Equal Flatten Gather Hardmax If LogSoftmax Loop LpPool MaxPool MaxUnpool NonMaxSuppression OneHot ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Scan Slice Softmax Split Squeeze Unsqueeze',
  12: 'Clip Max MaxPool Min Pow ReduceMax ReduceMin',
  13: 'Abs Add ArgMax ArgMin Cast Ceil Clip Concat Constant DepthToSpace Div Dropout Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gemm Greater Identity If IsNaN LRN Less Log Loop MatMul Max Mean MeanVarianceNormalization Min Mod Mul Neg NegativeLogLikelihoodLoss NonZero Pad Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare Relu Reshape ScatterElements ScatterND Shape Sigmoid Sign Size Slice SoftmaxCrossEntropyLoss SpaceToDepth Sqrt Sub Sum Tanh Tile Transpose',
  14: 'Add CumSum Div Identity Mul Relu Sub',
  15: 'BatchNormalization Pow',
  16: 'GreaterOrEqual Identity If LeakyRelu LessOrEqual Loop PRelu Scan Where',
  18: 'OptionalGetElement ScatterElements ScatterND',
  19: 'Constant DequantizeLinear Equal Identity If Loop Pad Reshape Resize Scan Shape Size',
  20: 'ConstantOfShape IsInf IsNaN ReduceMax ReduceMin',
  21: 'Cast CastLike Constant ConstantOfShape Flatten Identity If Loop Pad QLinearMatMul Reshape Scan Shape Size Squeeze Transpose Unsqueeze',
  22: 'Acos Acosh Asin Asinh Atan Atanh AveragePool Bernoulli Conv ConvTranspose Cos Cosh DeformConv Det Dropout Elu EyeLike GRU GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample HardSigmoid HardSwish InstanceNormalization LSTM LpNormalization LpPool MaxPool MaxRoiPool MaxUnpool Mish Multinomial NegativeLogLikelihoodLoss RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike RoiAlign Round Selu Sin Sinh Softplus Softsign Tan ThresholdedRelu',
  23: 'Cast CastLike Constant ConstantOfShape Flatten Identity If Loop Pad Reshape Scan Shape Size Squeeze Transpose Unsqueeze',
  24: 'Constant ConstantOfShape DequantizeLinear Flatten Identity If Loop Pad QuantizeLinear Reshape Scan Shape Size SplitToSequence Squeeze TopK Transpose Unsqueeze',
  25: 'Cast CastLike Constant ConstantOfShape DequantizeLinear Flatten Identity If Loop Pad QuantizeLinear Reshape Scan Shape Size Squeeze Transpose Unsqueeze',
};

/** Versions with new optional attributes or inputs whose defaults are the old behavior. */
const extended: Readonly<Record<number, string>> = {
  7: 'AveragePool',
  8: 'MaxPool',
  10: 'AveragePool MaxPool',
  11: 'Constant DepthToSpace Gemm TopK',
  12: 'ArgMax ArgMin Constant GatherND',
  13: 'DequantizeLinear QuantizeLinear',
  14: 'GRU LSTM RNN Reshape',
  15: 'Shape',
  16: 'ScatterElements ScatterND',
  18: 'LpPool OptionalHasElement Pad Resize',
  19: 'AveragePool Cast CastLike QuantizeLinear',
  21: 'DequantizeLinear QuantizeLinear',
  23: 'DequantizeLinear QuantizeLinear',
  24: 'Attention Cast CastLike',
  25: 'Attention',
};

const rewrites: Readonly<Record<string, string>> = {
  'BatchNormalization 9': 'attribute spatial removed',
  'BatchNormalization 14': 'outputs for training changed',
  'Clip 11': 'attributes min and max became inputs',
  'DFT 20': 'attribute axis became an input',
  'Dropout 10': 'the mask became boolean',
  'Dropout 12': 'attribute ratio became an input',
  'GridSample 20': 'interpolation modes renamed',
  'GroupNormalization 21': 'scale and bias per channel, no longer per group',
  'Hardmax 13': 'works along one axis, no longer on a flattened matrix',
  'LogSoftmax 13': 'works along one axis, no longer on a flattened matrix',
  'Pad 11': 'attributes pads and value became inputs',
  'ReduceL1 18': 'attribute axes became an input',
  'ReduceL2 18': 'attribute axes became an input',
  'ReduceLogSum 18': 'attribute axes became an input',
  'ReduceLogSumExp 18': 'attribute axes became an input',
  'ReduceMax 18': 'attribute axes became an input',
  'ReduceMean 18': 'attribute axes became an input',
  'ReduceMin 18': 'attribute axes became an input',
  'ReduceProd 18': 'attribute axes became an input',
  'ReduceSum 13': 'attribute axes became an input',
  'ReduceSumSquare 18': 'attribute axes became an input',
  'Resize 11': 'input roi added; coordinates and rounding became attributes with other defaults',
  'Resize 13': 'coordinate mode tf_half_pixel_for_nn removed; an empty scales became an absent one',
  'RoiAlign 16': 'the default of coordinate_transformation_mode changed',
  'Scatter 11': 'replaced by ScatterElements',
  'Slice 10': 'attributes became inputs',
  'Softmax 13': 'works along one axis, no longer on a flattened matrix',
  'Split 13': 'attribute split became an input',
  'Split 18': 'equal parts must be asked for with num_outputs',
  'Squeeze 13': 'attribute axes became an input',
  'TopK 10': 'attribute k became an input',
  'Unsqueeze 13': 'attribute axes became an input',
  'Upsample 9': 'attribute scales became an input',
  'Upsample 10': 'replaced by Resize',
};

/**
 * Opset 7 brought broadcasting in its present form and took the training switches away. The reference runtime has no kernels
 * of the forms before, so a rewrite of them could not be held to anything.
 */
const before7 =
  'Add And BatchNormalization Div Dropout Equal GRU Gemm Greater LSTM Less Mul Or PRelu Pow RNN Sub Upsample Xor';

const refused: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    before7
      .split(' ')
      .map((op) => [`${op} 7`, 'its form before opset 7 is one that the reference runtime does not run']),
  ),
  'Scan 9': 'Scan of opset 8 runs over a batch with sequence lengths of its own, which later versions cannot express',
};

/** Changes by operator, oldest first. */
export const opsetChanges: ReadonlyMap<string, readonly (OpsetChange & { readonly version: number })[]> = collect();

function collect() {
  const changes = new Map<string, (OpsetChange & { version: number })[]>();
  const add = (op: string, version: number, change: OpsetChange): void => {
    const list = changes.get(op) ?? [];
    list.push({ ...change, version });
    changes.set(op, list);
  };
  const addRows = (rows: Readonly<Record<number, string>>, reason: string): void => {
    for (const [version, ops] of Object.entries(rows)) {
      for (const op of ops.split(' ').filter((name) => name !== '')) add(op, Number(version), { kind: 'same', reason });
    }
  };
  addRows(widened, 'more types or wider ranges');
  addRows(extended, 'new options whose defaults are the old behavior');
  const addNamed = (named: Readonly<Record<string, string>>, kind: 'rewrite' | 'refuse'): void => {
    for (const [key, reason] of Object.entries(named)) {
      const [op = '', version = ''] = key.split(' ');
      add(op, Number(version), { kind, reason });
    }
  };
  addNamed(rewrites, 'rewrite');
  addNamed(refused, 'refuse');
  for (const list of changes.values()) list.sort((a, b) => a.version - b.version);
  return changes;
}
