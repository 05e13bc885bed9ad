/**
 * The accuracy guard: which layers of an INT8 variant stay in the precision of the rest because they add far more noise than
 * arithmetic.
 *
 * A few layers often carry most of the quantization noise and little of the work: keeping them costs next to no latency. Which they
 * are is a knapsack (most noise removed for a bounded share of the time), solved greedily by density (Dantzig,
 * "Discrete-Variable Extremum Problems", Operations Research 5, 1957). Noise is measured layer by layer on FP32 activations
 * (`calibrate/measureLayerErrors.ts`); it stands in for the effect on the model's output, which would take an inference pass
 * per layer. Runs after calibration; `placeQuantization.ts` leaves the layers out.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import { getInt } from '../model/attributes';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import type { NodeProto } from '../model/onnx.generated';
import { layerTime } from './multiplyAdds';

/** Layers quieter than this part of the average are left alone: keeping them would gain nothing that shows. */
const worthwhileNoise = 0.5;

/**
 * @param noise power of the INT8 error over power of the output, by node name
 * @param share of the time of these layers that may stay unquantized, 0–1
 * @returns the reason by node name
 */
export function guardLayers(
  model: Model,
  noise: ReadonlyMap<string, number>,
  ranges: TensorRanges,
  share: number,
): Record<string, string> {
  const index = new GraphIndex(model.proto.graph);
  const layers = model.proto.graph.node.flatMap((node) => {
    const own = noise.get(node.name ?? '');
    const work = timeOf(node, index, ranges);
    return own === undefined || work === 0 ? [] : [{ name: node.name ?? '', noise: own, work }];
  });
  const total = model.proto.graph.node.reduce(
    (sum, node) => sum + (noise.has(node.name ?? '') ? layerTime(node, index, ranges) : 0),
    0,
  );
  const average = layers.reduce((sum, layer) => sum + layer.noise, 0) / Math.max(1, layers.length);
  const guarded: Record<string, string> = {};
  let used = 0;
  // Ties by name: the choice must not depend on anything but the numbers.
  const byDensity = layers.toSorted((a, b) => b.noise / b.work - a.noise / a.work || (a.name < b.name ? -1 : 1));
  for (const layer of byDensity) {
    if (layer.noise < worthwhileNoise * average || (used + layer.work) / total > share) continue;
    used += layer.work;
    guarded[layer.name] = reason(layer.noise, layer.work / total);
  }
  return guarded;
}

/** Of the layer, and of a grouped convolution in front of it, which cannot stay in 8 bits without it (`placeQuantization.ts`). */
function timeOf(node: NodeProto, index: GraphIndex, ranges: TensorRanges): number {
  const own = layerTime(node, index, ranges);
  let producer = index.producer(node.input[0] ?? '');
  while (producer?.opType === 'Relu' || producer?.opType === 'Clip') producer = index.producer(producer.input[0] ?? '');
  if (own === 0 || producer?.opType !== 'Conv' || getInt(producer, 'group', 1) === 1) return own;
  return own + layerTime(producer, index, ranges);
}

function reason(noise: number, part: number): string {
  const below = (-10 * Math.log10(noise)).toFixed(1);
  return `INT8 error only ${below} dB below its output, for ${(100 * part).toFixed(1)} % of the time (accuracy guard)`;
}
