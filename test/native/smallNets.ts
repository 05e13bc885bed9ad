/** Small networks for engine builds, made in code. */
import { setFloat, setInts } from '../../extension/model/attributes';
import type { Model } from '../../extension/model/model';
import {
  newGraph,
  newModel,
  newNode,
  newOperatorSetId,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../extension/model/onnx.generated';
import { saveModel, type SaveOptions } from '../../extension/model/saveModel';
import { makeTensor } from '../../extension/model/tensorValues';
import { floatValue } from '../support/models';

const side = 16;
export const channels = 8;

/** Weights that differ from layer to layer and from run to run not at all. */
function weights(name: string, dims: number[], seed: number): TensorProto {
  const length = dims.reduce((product, size) => product * size, 1);
  const data = Float32Array.from({ length }, (_, index) => Math.sin(index * 0.7 + seed) / 8);
  return makeTensor(name, { dtype: 'fp32', dims, data });
}

function convolution(index: number, input: string): { node: NodeProto; initializer: TensorProto; output: string } {
  const output = `conv${index}_out`;
  const kernel = `conv${index}_w`;
  const node = newNode({ name: `conv${index}`, opType: 'Conv', input: [input, kernel], output: [output] });
  setInts(node, 'kernel_shape', [3, 3]);
  setInts(node, 'pads', [1, 1, 1, 1]);
  return { node, initializer: weights(kernel, [channels, channels, 3, 3], index), output };
}

export interface NetOptions {
  readonly layers?: number;
  /** Nodes put between the last convolution and the output `y`; they read `in` and write `y`. */
  readonly tail?: (input: string) => NodeProto[];
  readonly save?: SaveOptions;
  /** Inputs beside `x`, for nodes of `tail`. */
  readonly inputs?: readonly ValueInfoProto[];
  /** Sizes of the output; those of `x` by default. */
  readonly outputShape?: readonly (number | string)[];
  /** Elements of a weight that no node reads: what makes a file large and an engine not. */
  readonly ballast?: number;
}

/** `x` [batch, 8, 16, 16] → convolutions with different activations → `y`, of the same shape. */
export async function saveSmallNet(
  path: string,
  { layers = 1, tail, save, ballast = 0, inputs = [], outputShape }: NetOptions = {},
): Promise<string> {
  const nodes: NodeProto[] = [];
  const initializer: TensorProto[] = [];
  let current = 'x';
  for (let index = 0; index < layers; index++) {
    const { node, initializer: kernel, output } = convolution(index, current);
    nodes.push(node);
    initializer.push(kernel);
    current = output;
    if (index % 3 === 2) {
      const activation = newNode({ name: `act${index}`, opType: 'Elu', input: [current], output: [`act${index}_out`] });
      setFloat(activation, 'alpha', 0.5 + index / 1000);
      nodes.push(activation);
      current = `act${index}_out`;
    }
  }
  if (ballast > 0) initializer.push(weights('ballast', [ballast], 0));
  nodes.push(...(tail?.(current) ?? [newNode({ name: 'last', opType: 'Relu', input: [current], output: ['y'] })]));
  const graph = newGraph({
    name: 'small',
    node: nodes,
    initializer,
    input: [floatValue('x', ['batch', channels, side, side]), ...inputs],
    output: [floatValue('y', outputShape ?? ['batch', channels, side, side])],
  });
  const proto = newModel({ irVersion: 8, opsetImport: [newOperatorSetId({ domain: '', version: 19 })], graph });
  await saveModel({ proto: { ...proto, graph }, path } satisfies Model, path, save);
  return path;
}

export const sampleDims = { x: [1, channels, side, side] };

/** A node of an operator that no TensorRT knows. */
export function unknownNode(name: string, input: string, output: string): NodeProto {
  return newNode({ name, opType: 'NoSuchOperator', input: [input], output: [output] });
}
