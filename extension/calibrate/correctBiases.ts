/**
 * Takes the systematic error of quantized layers off their biases.
 *
 * Works on the prepared FP32 model, before `plan/applyPlan.ts` writes the INT8 variant from it: the graph keeps its shape, only
 * constants change, so that neither placement nor fusion is touched. The errors come from `measureLayerErrors.ts`.
 */
import { cloneModel } from '../model/cloneModel';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { makeTensor, readTensor } from '../model/tensorValues';
import { biasedLayer, biasPlace } from './quantizedLayers';

/**
 * @param corrections mean error per output channel by node name; layers that the model does not have are passed over
 * @returns a copy; the original is not changed
 */
export function correctBiases(prepared: Model, corrections: Readonly<Record<string, readonly number[]>>): Model {
  const corrected = cloneModel(prepared);
  const { graph } = corrected.proto;
  const index = new GraphIndex(graph);
  for (const node of graph.node) {
    const errors = corrections[node.name ?? ''];
    const layer = errors === undefined ? null : biasedLayer(index, node);
    const place = layer === null ? null : biasPlace(index, layer);
    if (errors === undefined || layer === null || place === null || errors.length !== layer.channels) continue;
    const before = place.constant === null ? null : readTensor(place.constant, corrected);
    const data = Float32Array.from(
      errors,
      (error, channel) => Number(before?.data[channel] ?? 0) - error / place.factor,
    );
    const name = index.uniqueName(`${node.name}_bias`);
    graph.initializer.push(makeTensor(name, { dtype: 'fp32', dims: before?.dims ?? [layer.channels], data }));
    place.node.input[place.inputIndex] = name;
  }
  dropUnused(corrected, prepared);
  return corrected;
}

/** Removes the constants that corrections have replaced everywhere. */
function dropUnused(corrected: Model, prepared: Model): void {
  const { graph } = corrected.proto;
  const before = new GraphIndex(prepared.proto.graph);
  const now = new GraphIndex(graph);
  const isUsed = (index: GraphIndex, name: string): boolean =>
    index.consumers(name).length > 0 || index.outerUses(name).length > 0 || index.isGraphOutput(name);
  graph.initializer = graph.initializer.filter(({ name = '' }) => isUsed(now, name) || !isUsed(before, name));
}
