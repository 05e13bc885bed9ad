/**
 * Fitting of activations to INT8: every channel of what a layer reads lies in the middle of the range and fills it.
 *
 * TensorRT's INT8 has one symmetric scale for a whole tensor. The output of a GELU lies between −0.17 and 4, and only a few of its
 * channels reach beyond 1: most levels are unused by most values. (y − c)·g, per channel, uses them; the layers that read y have
 * W/g for W, and W·c added to their biases, so that what the model computes stays the same. Done where it costs nothing:
 * behind operators that are computed apart from a convolution, with which the two operations fuse. A convolution that computes the
 * operator itself, and stores 8 bits, would become four kernels (on an H200 106 µs for 41; docs/measurements/h200-trt10.6). Layers
 * that pad take gains only: a padded zero would stand for c.
 *
 * Sources: zero points folded into the bias, Jacob et al., "Quantization and Training of Neural Networks for Efficient
 * Integer-Arithmetic-Only Inference", CVPR 2018, §2.3, here moved in front of the quantizer and made per channel; gains between
 * activations and weights, Xiao et al., "SmoothQuant", ICML 2023, §4.
 *
 * Works on the FP32 model behind `equalizeChannels.ts`, with what `measureFits.ts` found; once more where the INT8 variant is
 * written.
 */
import type { ActivationFit } from '../contract/calibrationTable';
import type { Tensor } from '../contract/tensor';
import { getFloat, getInt, getInts, getString } from '../model/attributes';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { dataType, newNode, type NodeProto } from '../model/onnx.generated';
import { makeTensor, readTensor } from '../model/tensorValues';
import { FusedKernels, isConvolution } from '../plan/fusedKernels';
import { correctBiases } from './correctBiases';
import { biasedLayer, biasPlace } from './quantizedLayers';

/** A tensor that can be fitted without a change of what the model computes. */
export interface FittableTensor {
  readonly tensor: string;
  /** Layers that read it, all of them. */
  readonly readers: readonly NodeProto[];
  readonly channels: number;
  /** Axes behind that of the channels. */
  readonly axesBehind: number;
  /** Does a layer pad it with zeros, which an offset would move? */
  readonly isPadded: boolean;
}

type InputLayout = Omit<FittableTensor, 'tensor' | 'readers'>;

/** Operators that TensorRT computes element by element, in a kernel of their own or with their like. */
const pointwise = new Set(
  'Mul Div Sub Gelu HardSwish Swish Mish Elu Selu Celu Softplus Softsign Sigmoid HardSigmoid Tanh Exp Erf Sqrt Pow'.split(
    ' ',
  ),
);

export function fittableTensors(model: Model): FittableTensor[] {
  const index = new GraphIndex(model.proto.graph);
  const kernels = new FusedKernels(index, model.proto.graph.node);
  return model.proto.graph.node
    .filter(({ opType, domain }) => pointwise.has(opType ?? '') && (domain ?? '') === '')
    .filter(({ output }) => !isConvolution(kernels.owner(output[0] ?? '')))
    .flatMap(({ output }) => fittable(index, output[0] ?? '') ?? []);
}

function fittable(index: GraphIndex, tensor: string): FittableTensor | null {
  if (index.isGraphOutput(tensor) || index.outerUses(tensor).length > 0) return null;
  const uses = index.consumers(tensor);
  const layouts = uses.map(({ node, inputIndex }) => (inputIndex === 0 ? inputLayout(index, node) : null));
  const [first] = layouts;
  if (first == null) return null;
  const same = layouts.every((layout) => layout?.channels === first.channels && layout.axesBehind === first.axesBehind);
  const isPadded = layouts.some((layout) => layout?.isPadded === true);
  return same ? { ...first, tensor, readers: uses.map(({ node }) => node), isPadded } : null;
}

/**
 * Where a layer's input channels are; null for one that does not turn a constant added to a channel of its input into one per
 * output channel, or has no bias to take it.
 */
function inputLayout(index: GraphIndex, node: NodeProto): InputLayout | null {
  const layer = biasedLayer(index, node);
  const weight = index.initializer(node.input[1] ?? '');
  if (layer === null || weight?.dataType !== dataType.FLOAT || biasPlace(index, layer) === null) return null;
  const { dims } = weight;
  if (node.opType === 'Conv') {
    if (getInt(node, 'group', 1) !== 1) return null;
    const padding = getString(node, 'auto_pad', 'NOTSET');
    const isPadded =
      padding !== 'VALID' && (padding !== 'NOTSET' || getInts(node, 'pads', []).some((pad) => pad !== 0));
    return { channels: dims[1] ?? 0, axesBehind: dims.length - 2, isPadded };
  }
  if (dims.length !== 2 || getInt(node, 'transA', 0) === 1) return null;
  return { channels: dims[getInt(node, 'transB', 0) === 1 ? 1 : 0] ?? 0, axesBehind: 0, isPadded: false };
}

/**
 * @param fits by tensor; those that the model does not have, or that do not fit it, are passed over
 * @returns a copy; the original is not changed
 */
export function fitActivations(model: Model, fits: Readonly<Record<string, ActivationFit>>): Model {
  const fitted = fittableTensors(model).filter((fittable) => suits(fits[fittable.tensor], fittable));
  if (fitted.length === 0) return model;
  const index = new GraphIndex(model.proto.graph);
  const shifts: Record<string, number[]> = {};
  for (const { tensor, readers } of fitted) {
    for (const node of readers) shifts[node.name ?? ''] = outputShift(model, index, node, fits[tensor]!.offsets);
  }
  const result = correctBiases(model, shifts);
  // One index for all: a layer reads one fitted tensor, so that no insertion changes what another asks.
  const resultIndex = new GraphIndex(result.proto.graph);
  for (const { tensor, axesBehind } of fitted) insertFit(result, resultIndex, { tensor, axesBehind }, fits[tensor]!);
  return result;
}

function suits(fit: ActivationFit | undefined, { channels, isPadded }: FittableTensor): boolean {
  if (fit?.offsets.length !== channels || fit.gains.length !== channels) return false;
  return !isPadded || fit.offsets.every((offset) => offset === 0);
}

/** What an input of the negative offsets adds to every output channel, apart from the bias. */
function outputShift(model: Model, index: GraphIndex, node: NodeProto, offsets: readonly number[]): number[] {
  const weight = weightOf(model, index, node);
  const shift = new Array<number>(weight.outputs).fill(0);
  weight.forEachRun((start, end, output, input) => {
    const offset = offsets[input] ?? 0;
    if (offset === 0) return;
    let sum = shift[output]!;
    for (let i = start; i < end; i++) sum -= weight.data[i]! * offset;
    shift[output] = sum;
  });
  const factor = node.opType === 'Gemm' ? getFloat(node, 'alpha', 1) : 1;
  return shift.map((sum) => factor * sum);
}

/** The elements of a layer's weight by output and input channel. */
function weightOf(model: Model, index: GraphIndex, node: NodeProto) {
  const constant = index.initializer(node.input[1] ?? '')!;
  const { dims, data } = readTensor(constant, model) as FloatTensor;
  const outputsFirst = node.opType === 'Conv' || getInt(node, 'transB', 0) === 1;
  const [rows = 1, columns = 1] = dims;
  const kernel = data.length / (rows * columns);
  return {
    dims,
    data,
    outputs: outputsFirst ? rows : columns,
    /** Calls back for the elements, in their order, that belong to one pair of channels. */
    forEachRun(visit: (start: number, end: number, output: number, input: number) => void): void {
      for (let row = 0, start = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++, start += kernel) {
          visit(start, start + kernel, outputsFirst ? row : column, outputsFirst ? column : row);
        }
      }
    },
  };
}

/** `inputLayout` has seen to the type. */
type FloatTensor = Tensor & { readonly data: Float32Array };

/** All readers of a tensor read (y − c)·g, with weights divided by g. */
function insertFit(
  model: Model,
  index: GraphIndex,
  { tensor, axesBehind }: Pick<FittableTensor, 'tensor' | 'axesBehind'>,
  { offsets, gains }: ActivationFit,
): void {
  const { graph } = model.proto;
  const dims = [offsets.length, ...new Array<number>(axesBehind).fill(1)];
  const steps = [
    { opType: 'Sub', suffix: 'centered', values: offsets, neutral: 0 },
    { opType: 'Mul', suffix: 'fitted', values: gains, neutral: 1 },
  ];
  let name = tensor;
  const nodes: NodeProto[] = [];
  for (const { opType, suffix, values, neutral } of steps) {
    if (values.every((value) => value === neutral)) continue;
    const constant = index.uniqueName(`${tensor}_${suffix}_by`);
    const output = index.uniqueName(`${tensor}_${suffix}`);
    graph.initializer.push(makeTensor(constant, { dtype: 'fp32', dims, data: Float32Array.from(values) }));
    nodes.push(
      newNode({ opType, name: index.uniqueName(`${opType}_${output}`), input: [name, constant], output: [output] }),
    );
    name = output;
  }
  for (const { node, inputIndex } of index.consumers(tensor)) {
    node.input[inputIndex] = name;
    divideWeights(model, index, node, gains);
  }
  const position = graph.node.findIndex((maker) => maker.output.includes(tensor));
  graph.node.splice(position + 1, 0, ...nodes);
}

/** Gives a layer a weight of its own, divided along its input channels. */
function divideWeights(model: Model, index: GraphIndex, node: NodeProto, gains: readonly number[]): void {
  if (gains.every((gain) => gain === 1)) return;
  const { graph } = model.proto;
  const before = node.input[1] ?? '';
  const weight = weightOf(model, index, node);
  const data = new Float32Array(weight.data.length);
  weight.forEachRun((start, end, _output, input) => {
    const gain = gains[input] ?? 1;
    for (let i = start; i < end; i++) data[i] = weight.data[i]! / gain;
  });
  const name = index.uniqueName(`${before}_fitted`);
  const tensor = makeTensor(name, { dtype: 'fp32', dims: weight.dims, data });
  node.input[1] = name;
  const shared = graph.node.some(({ input }) => input.includes(before)) || index.outerUses(before).length > 0;
  if (shared) graph.initializer.push(tensor);
  else graph.initializer[graph.initializer.findIndex((constant) => constant.name === before)] = tensor;
}
