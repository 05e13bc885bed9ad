/**
 * How far the outputs of an FP32 graph move when its inputs and weights do: its conditioning, measured.
 *
 * `compareOutputs.ts` takes the result as the error that rounding to a type may cause by right.
 */
import type { NamedTensors, Tensor } from '../../extension/contract/tensor';
import { cloneModel } from '../../extension/model/cloneModel';
import { walkGraphs } from '../../extension/model/graphIndex';
import { dataType } from '../../extension/model/onnx.generated';
import type { Model } from '../../extension/model/model';
import { makeTensor, readTensor } from '../../extension/model/tensorValues';
import { RandomNumbers } from './randomNumbers';

/** Inputs that set sizes: moving them by a thousandth changes shapes, which no rounding of data may do. */
const sizeInputs: Readonly<Record<string, readonly number[]>> = {
  ConstantOfShape: [0],
  Expand: [1],
  OneHot: [1],
  Range: [0, 1, 2],
  Reshape: [1],
  Resize: [1, 2, 3],
  Slice: [1, 2],
  Tile: [1],
  Upsample: [1],
};

export interface Move {
  /** Relative to each value. */
  readonly relative: number;
  /** Relative to the largest magnitude of the tensor, as fixed-point rounding is. */
  readonly ofLargest: number;
}

/** A copy of the model and its feeds with every float value moved at random, up or down. */
export function movedInputs(
  model: Model,
  feeds: NamedTensors,
  move: Move,
  seed: number,
): { model: Model; feeds: NamedTensors } {
  const random = new RandomNumbers(seed);
  const fixed = sizeTensors(model);
  const movedModel = cloneModel(model);
  for (const graph of walkGraphs(movedModel.proto.graph)) {
    graph.initializer = graph.initializer.map((proto) => {
      if (proto.dataType !== dataType.FLOAT || fixed.has(proto.name ?? '')) return proto;
      return makeTensor(proto.name ?? '', moved(readTensor(proto, model), move, random));
    });
  }
  const movedFeeds = Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [
      name,
      tensor.dtype === 'fp32' && !fixed.has(name) ? moved(tensor, move, random) : tensor,
    ]),
  );
  return { model: movedModel, feeds: movedFeeds };
}

/** Tensors that sizes are computed from, back to the Shape nodes where they come from. */
function sizeTensors(model: Model): Set<string> {
  const found = new Set<string>();
  for (const graph of walkGraphs(model.proto.graph)) {
    const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
    const visit = (name: string | undefined): void => {
      if (name === undefined || name === '' || found.has(name)) return;
      found.add(name);
      const producer = producers.get(name);
      if (producer !== undefined && producer.opType !== 'Shape') producer.input.forEach(visit);
    };
    for (const node of graph.node) for (const at of sizeInputs[node.opType ?? ''] ?? []) visit(node.input[at]);
  }
  return found;
}

function moved(tensor: Tensor, { relative, ofLargest }: Move, random: RandomNumbers): Tensor {
  const source = tensor.data as Float32Array;
  const largest = source.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  // The full step up or down: rounding errors at their largest.
  const sign = () => (random.chance(0.5) ? 1 : -1);
  const data = source.map(
    (value) => value + sign() * relative * Math.abs(value) + random.between(-1, 1) * ofLargest * largest,
  );
  return { ...tensor, data };
}
