/**
 * The accuracy guard: which layers of an INT8 variant stay in the precision of the rest because they add far more noise than they
 * save time.
 *
 * A few layers often carry most of the quantization noise and little of the work: keeping them costs next to no latency. Which they
 * are is a knapsack (most noise removed for a bounded share of the time), solved greedily by density (Dantzig,
 * "Discrete-Variable Extremum Problems", Operations Research 5, 1957). Noise is measured layer by layer on FP32 activations
 * (`calibrate/measureLayerErrors.ts`); it stands in for the effect on the model's output, which would take an inference pass
 * per layer. Time is that of `quantizedTimes.ts`. Runs after calibration; `placeQuantization.ts` leaves the layers out.
 */
import type { TensorRanges } from '../contract/calibrationTable';
import type { Model } from '../model/model';
import type { NodeProto } from '../model/onnx.generated';
import { QuantizedTimes } from './quantizedTimes';

/** Layers quieter than this part of the average are left alone: keeping them would gain nothing that shows. */
const worthwhileNoise = 0.5;

/**
 * @param noise power of the INT8 error over power of the output, by node name, of all layers in 8 bits
 * @param share by how much of its time the variant may get slower for it, 0–1
 * @returns the reason by node name; of none, where it would be all of them
 */
export function guardLayers(
  model: Model,
  noise: ReadonlyMap<string, number>,
  ranges: TensorRanges,
  share: number,
): Record<string, string> {
  if (share <= 0) return {};
  const layers = model.proto.graph.node.filter(({ name }) => noise.has(name ?? ''));
  const times = new QuantizedTimes(model.proto.graph, ranges, new Set(layers));
  const total = times.total();
  const kept = new Set<NodeProto>();
  const guarded: Record<string, string> = {};
  let used = 0;
  for (const { nodes } of candidates(layers, noise, times)) {
    const left = nodes.filter((node) => !kept.has(node));
    // What is kept already has changed the price.
    const cost = Math.max(times.costOfKeeping(left, kept), 0);
    if ((used + cost) / total > share) continue;
    used += cost;
    for (const node of left) {
      kept.add(node);
      guarded[node.name ?? ''] = reason(noise.get(node.name ?? '') ?? 0, cost / total);
    }
  }
  // Eight bits were asked for: a variant without any would be another one under this name.
  return kept.size === layers.length ? {} : guarded;
}

/** Layers that are kept together, or not. */
interface Candidate {
  readonly nodes: readonly NodeProto[];
  readonly name: string;
  /** Noise that goes for the time that comes; infinite where none comes. */
  readonly density: number;
}

/**
 * The noisy layers, alone or with the one in front, whichever removes more noise for its time, and those that 8 bits make slower; the
 * densest first.
 */
function candidates(
  layers: readonly NodeProto[],
  noise: ReadonlyMap<string, number>,
  times: QuantizedTimes,
): Candidate[] {
  const noiseOf = (nodes: readonly NodeProto[]) =>
    nodes.reduce((sum, { name }) => sum + (noise.get(name ?? '') ?? 0), 0);
  const threshold = (worthwhileNoise * noiseOf(layers)) / Math.max(1, layers.length);
  const candidate = (nodes: readonly NodeProto[]): Candidate => ({
    nodes,
    name: nodes[0]?.name ?? '',
    density: noiseOf(nodes) / Math.max(times.costOfKeeping(nodes, new Set()), 0),
  });
  return (
    layers
      .filter((node) => times.layer(node) > 0)
      .filter((node) => noiseOf([node]) >= threshold || isSlower(node, times))
      .map((node) => {
        const alone = candidate([node]);
        const inFront = times.layerInFront(node);
        const both = inFront === null ? alone : candidate([node, inFront]);
        return both.density > alone.density ? both : alone;
      })
      // Ties by name: the choice must not depend on anything but the numbers.
      .toSorted((a, b) => (a.density === b.density ? (a.name < b.name ? -1 : 1) : b.density - a.density))
  );
}

/** Its input is quantized for it alone and its output converted back: slower in 8 bits, however quiet. */
function isSlower(node: NodeProto, times: QuantizedTimes): boolean {
  return times.isAlone(node) && times.costOfKeeping([node], new Set()) < 0;
}

function reason(noise: number, part: number): string {
  const below = (-10 * Math.log10(noise)).toFixed(1);
  const time = part > 0 ? `for ${(100 * part).toFixed(1)} % of the time` : 'and in FP16 it takes no longer';
  return `INT8 error only ${below} dB below its output, ${time} (accuracy guard)`;
}
