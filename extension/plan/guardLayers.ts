/**
 * The accuracy guard: which layers of an INT8 variant stay in the precision of the rest because they add far more noise than
 * arithmetic.
 *
 * A few layers often carry most of the quantization noise and little of the work: keeping them costs next to no latency. Which they
 * are is a knapsack (most noise removed for a bounded share of the multiply-adds), solved greedily by density (Dantzig,
 * "Discrete-Variable Extremum Problems", Operations Research 5, 1957). Noise is measured layer by layer on FP32 activations
 * (`calibrate/measureLayerErrors.ts`); it stands in for the effect on the model's output, which would take an inference pass
 * per layer. Runs after calibration; `placeQuantization.ts` leaves the layers out.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { multiplyAdds } from './multiplyAdds';

/** Layers quieter than this part of the average are left alone: keeping them would gain nothing that shows. */
const worthwhileNoise = 0.5;

/**
 * @param noise power of the INT8 error over power of the output, by node name
 * @param share of the multiply-adds of these layers that may stay unquantized, 0–1
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
    const work = multiplyAdds(node, index, ranges);
    return own === undefined || work === 0 ? [] : [{ name: node.name ?? '', noise: own, work }];
  });
  const total = layers.reduce((sum, { work }) => sum + work, 0);
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

function reason(noise: number, part: number): string {
  const below = (-10 * Math.log10(noise)).toFixed(1);
  return `INT8 error only ${below} dB below its output, for ${(100 * part).toFixed(1)} % of the arithmetic (accuracy guard)`;
}
