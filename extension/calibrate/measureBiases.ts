/**
 * The systematic error of every quantized layer: the mean over samples and positions, per output channel.
 *
 * Rounding a weight row shifts all outputs of its channel the same way, and clipping only ever takes away. Unlike the random
 * part of the noise, such shifts are not averaged out by the layers behind, and they can be undone for free by
 * `correctBiases.ts`. Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV
 * 2019, §4.2 (empirical form). Runs after `calibrateTensors.ts`; the result is kept in the calibration table.
 */
import { throwIfCancelled } from '../contract/errors';
import type { RunOptions } from '../contract/progress';
import type { Model } from '../model/model';
import { biasProbe } from './biasProbe';
import { inferenceFeeds, type SampleSource } from './inferenceFeeds';
import { withProbeSessions, type OpenModel } from './probeSessions';
import { spreadSamples } from './spreadSamples';

/** A mean over thousands of positions a sample: more samples change the result by less than the noise it corrects. */
const biasSamples = 16;

/**
 * @param prepared the FP32 model
 * @param quantized `applyPlan` of it at INT8 with the rest in FP32
 * @returns mean error per output channel by node name, independent of the order and batches of the samples
 * @throws CodedError CANCELLED, and what `open`, `run` and the data set throw
 */
export async function measureBiases(
  prepared: Model,
  quantized: Model,
  source: SampleSource & { readonly open: OpenModel },
  options: RunOptions = {},
): Promise<Record<string, number[]>> {
  const { model, layers, outputs } = biasProbe(prepared, quantized);
  if (layers.length === 0) return {};
  const sums = layers.map((): number[] => []);
  const chosen = { ...source, indices: spreadSamples(source.indices, biasSamples) };
  let inferences = 0;
  await withProbeSessions(source.open, async (sessions) => {
    const session = await sessions.open(model);
    for await (const { feeds } of inferenceFeeds(chosen, options.signal)) {
      throwIfCancelled(options.signal);
      const means = await session.run(feeds);
      sums.forEach((sum, layer) => addTo(sum, means[outputs[layer] ?? '']?.data ?? []));
      inferences++;
      options.onProgress?.({
        stage: 'calibrate',
        fraction: Math.min(inferences / chosen.indices.length, 1),
        etaSeconds: null,
        message: `Measuring bias: ${inferences} of ${chosen.indices.length} samples`,
      });
    }
  });
  const mean = (sum: number): number => rounded(sum / Math.max(inferences, 1));
  return Object.fromEntries(layers.map((name, layer) => [name, (sums[layer] ?? []).map(mean)]));
}

function addTo(sums: number[], values: ArrayLike<number | bigint>): void {
  for (let index = 0; index < values.length; index++) sums[index] = (sums[index] ?? 0) + Number(values[index]);
}

/** Seven digits, as many as float32 has; a mean that is not a number corrects nothing. */
function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(7)) : 0;
}
