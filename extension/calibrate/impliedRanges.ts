/**
 * Tensors whose range follows, to the last bit, from that of the tensor they are computed from: nobody has to look at them.
 *
 * Rounded to float32, adding or multiplying by a constant, dividing by one and clipping are monotone functions of single elements:
 * the extremes of the result are what the function makes of the extremes of its input, and it has no other infinities than those
 * (IEEE 754 rounds every such operation correctly, whatever instruction computes it). HardSwish and GELU spelled out in single
 * operators, and every ReLU, have such tensors: a quarter to two fifths of all elements of the OCR models. Functions that runtimes
 * approximate (Erf, Sigmoid) are not among them, as an approximation need not be monotone.
 *
 * `observeRanges.ts` asks before its pass, and fills in the ranges behind it.
 */
import { flatGraph } from '../model/flatGraph';
import { definedTensors, walkGraphs } from '../model/graphIndex';
import type { Model } from '../model/model';
import { dataType, type NodeProto, type TensorProto } from '../model/onnx.generated';
import { readTensor } from '../model/tensorValues';
import type { TensorTypes } from '../plan/inferTypes';
import type { SeenTensor } from './observers/observingRuntime';

/** How a tensor's range follows from that of another one. */
export interface Implication {
  /** The other tensor, of the same graph or body: both are computed as often. Its own range may be implied as well. */
  readonly source: string;
  /** What becomes of one element; monotone. */
  readonly element: (value: number) => number;
  /** Axes that the tensor has at least: a constant may have more than the source. */
  readonly rank: number;
}

/** @param types of the float tensors asked about, those of bodies too */
export function impliedRanges(model: Model, types: Pick<TensorTypes, 'get'>): Map<string, Implication> {
  const constants = new Map(flatGraph(model.proto.graph).initializer.map((tensor) => [tensor.name ?? '', tensor]));
  const implied = new Map<string, Implication>();
  for (const graph of walkGraphs(model.proto.graph)) {
    const own = new Set(definedTensors(graph));
    for (const node of graph.node) {
      const [result = ''] = node.output;
      const implication = implicationOf(node, (name) => scalarOf(constants.get(name), model));
      if (implication === null || !own.has(implication.source) || constants.has(implication.source)) continue;
      // In other types the arithmetic is another one.
      const isFloat32 = types.get(implication.source) === 'fp32' && types.get(result) === 'fp32';
      if (isFloat32) implied.set(result, implication);
    }
  }
  return implied;
}

/**
 * What a tensor shows by its source's observation. Null where it does not follow: NaN and infinities may become numbers (ReLU of −∞
 * is 0), and numbers may become infinite.
 */
export function impliedObservation(source: SeenTensor, { element, rank }: Implication): SeenTensor | null {
  if (source.nonFinite > 0) return null;
  const added = source.dims === null ? 0 : Math.max(rank - source.dims.length, 0);
  const dims = source.dims === null ? null : [...new Array<number>(added).fill(1), ...source.dims];
  const rest = { nonFinite: 0, dims, histogram: null, channels: null };
  if (source.min > source.max) return { min: Infinity, max: -Infinity, ...rest };
  // An observed extreme is never −0 either.
  const [a, b] = [element(source.min) + 0, element(source.max) + 0];
  return Number.isFinite(a) && Number.isFinite(b) ? { min: Math.min(a, b), max: Math.max(a, b), ...rest } : null;
}

/** A constant of one element. */
interface Scalar {
  readonly value: number;
  readonly rank: number;
}

type ScalarNamed = (name: string) => Scalar | null;

function implicationOf(node: NodeProto, scalarNamed: ScalarNamed): Implication | null {
  if ((node.domain ?? '') !== '') return null;
  const [source = '', second = ''] = node.input;
  switch (node.opType) {
    case 'Relu':
      return { source, element: (value) => Math.max(value, 0), rank: 0 };
    case 'Clip':
      return clipped(node, scalarNamed);
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
      return (
        withScalar(source, scalarNamed(second), arithmetic[node.opType]) ??
        (node.opType === 'Div' ? null : withScalar(second, scalarNamed(source), swapped(arithmetic[node.opType])))
      );
    default:
      return null;
  }
}

type Arithmetic = (value: number, constant: number) => number;

/** In double, which rounds to the same float32 as the operation itself. */
const arithmetic: Readonly<Record<'Add' | 'Sub' | 'Mul' | 'Div', Arithmetic>> = {
  Add: (value, constant) => Math.fround(value + constant),
  Sub: (value, constant) => Math.fround(value - constant),
  Mul: (value, constant) => Math.fround(value * constant),
  Div: (value, constant) => Math.fround(value / constant),
};

const swapped =
  (operation: Arithmetic): Arithmetic =>
  (value, constant) =>
    operation(constant, value);

function withScalar(source: string, scalar: Scalar | null, operation: Arithmetic): Implication | null {
  if (scalar === null || source === '') return null;
  return { source, element: (value) => operation(value, scalar.value), rank: scalar.rank };
}

/** Only with bounds as inputs: before opset 11 they are attributes, and prepared models are newer. */
function clipped(node: NodeProto, scalarNamed: ScalarNamed): Implication | null {
  const [source = '', low = '', high = ''] = node.input;
  const bound = (name: string, absent: number) => (name === '' ? absent : scalarNamed(name)?.value);
  const [least, most] = [bound(low, -Infinity), bound(high, Infinity)];
  if (least === undefined || most === undefined || node.attribute.length > 0) return null;
  return { source, element: (value) => Math.min(Math.max(value, least), most), rank: 0 };
}

function scalarOf(constant: TensorProto | undefined, model: Model): Scalar | null {
  if (constant?.dataType !== dataType.FLOAT || constant.dims.some((size) => size !== 1)) return null;
  return { value: Number(readTensor(constant, model).data[0]), rank: constant.dims.length };
}
