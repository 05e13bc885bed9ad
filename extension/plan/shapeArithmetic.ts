/**
 * Which nodes compute shapes, indices and sizes in floating point: they stay FP32 in every precision.
 *
 * `Shape → Cast → Mul → Cast → ConstantOfShape` in FP16 turns 2049 into 2048 without a word. Tensors that reach a
 * shape-consuming input (Reshape's shape, Resize's sizes, Range's limits …) are followed backward through the operators
 * with which exporters compute sizes; the walk ends at Shape, Size and NonZero, and at tensors too large to be a size.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import type { GraphProto, NodeProto } from '../model/onnx.generated';
import { dtypeOrNull } from '../model/dtype';
import { bodyLinks, flatGraph } from '../model/flatGraph';

/** Inputs read as sizes, counts, positions or axes, by operator. */
const shapeInputs: Readonly<Record<string, readonly number[]>> = {
  AffineGrid: [1],
  BlackmanWindow: [0],
  CenterCropPad: [1],
  Col2Im: [1, 2],
  ConstantOfShape: [0],
  CumSum: [1],
  DFT: [1, 2],
  Expand: [1],
  HammingWindow: [0],
  HannWindow: [0],
  Loop: [0, 1],
  If: [0],
  MaxUnpool: [2],
  NonMaxSuppression: [2],
  OneHot: [1],
  Pad: [1, 3],
  Range: [0, 1, 2],
  ReduceL1: [1],
  ReduceL2: [1],
  ReduceLogSum: [1],
  ReduceLogSumExp: [1],
  ReduceMax: [1],
  ReduceMean: [1],
  ReduceMin: [1],
  ReduceProd: [1],
  ReduceSum: [1],
  ReduceSumSquare: [1],
  Reshape: [1],
  Resize: [2, 3],
  STFT: [1, 3],
  Slice: [1, 2, 3, 4],
  Split: [1],
  SplitToSequence: [1],
  Squeeze: [1],
  Tile: [1],
  TopK: [1],
  Trilu: [1],
  Unsqueeze: [1],
  Upsample: [1],
};

/** Operators with which sizes are computed; anything else ends the walk: what lies before it is data. */
const arithmetic = new Set(
  (
    'Abs Add Cast CastLike Ceil Clip Concat Div Equal Expand Flatten Floor Gather GatherElements Greater GreaterOrEqual Identity Less ' +
    'LessOrEqual Max Min Mod Mul Neg Not And Or Pow Reciprocal ReduceMax ReduceMin ReduceProd ReduceSum Reshape Round ' +
    'ScatterElements ScatterND Slice Split Sqrt Squeeze Sub Sum Tile Transpose Unsqueeze Where'
  ).split(' '),
);

/** Shapes have at most a handful of entries; a larger tensor is data, whatever reads it. */
const largestShapeTensor = 256;

/**
 * Nodes whose results end in a shape-consuming input, of the graph or of a body.
 * @param graph the model and its bodies seen as one (`flatGraph.ts`)
 * @param ranges sizes seen in calibration, to tell sizes from data; without them every tensor may be a size
 */
export function shapeArithmeticNodes(graph: GraphProto, ranges: TensorRanges | null): Set<NodeProto> {
  return walk(graph, ranges).nodes;
}

/**
 * Inputs of the graph whose values are sizes of other tensors, as a Reshape's target: integers, a scalar or a list.
 * TensorRT calls them shape tensors and wants values for them beside their sizes.
 */
export function shapeHoldingInputs(graph: GraphProto): string[] {
  const { tensors } = walk(flatGraph(graph), null);
  return graph.input.flatMap(({ name = '', type }) => {
    const dtype = dtypeOrNull(type?.tensorType?.elemType);
    const isIntegers = dtype === 'int32' || dtype === 'int64';
    const isList = (type?.tensorType?.shape?.dim.length ?? 1) <= 1;
    return isIntegers && isList && tensors.has(name) ? [name] : [];
  });
}

/** The nodes whose results end in a shape-consuming input, and all tensors met on the way. */
function walk(graph: GraphProto, ranges: TensorRanges | null): { nodes: Set<NodeProto>; tensors: Set<string> } {
  const producers = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) if (name !== '') producers.set(name, node);
  const links = bodyLinks(graph.node);
  const found = new Set<NodeProto>();
  const pending = [...shapeTensors(graph)];
  const seen = new Set<string>();
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (maybeShape(name, ranges)) pending.push(...(links.get(name) ?? []));
    const node = producers.get(name);
    if (node === undefined || !arithmetic.has(node.opType ?? '') || !maybeShape(name, ranges)) continue;
    found.add(node);
    pending.push(...node.input.filter((input) => input !== ''));
  }
  return { nodes: found, tensors: seen };
}

function maybeShape(name: string, ranges: TensorRanges | null): boolean {
  const dims = ranges?.tensors.get(name)?.dims;
  return dims === undefined || dims.reduce((product, size) => product * size, 1) <= largestShapeTensor;
}

/** Names read by shape-consuming inputs. */
function* shapeTensors(graph: GraphProto): Iterable<string> {
  for (const node of graph.node) {
    for (const index of shapeInputs[node.opType ?? ''] ?? []) {
      const name = node.input[index];
      if (name !== undefined && name !== '') yield name;
    }
  }
}
