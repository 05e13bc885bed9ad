/**
 * The error of every quantized layer on FP32 activations: its systematic part, per output channel, and the power of the rest.
 *
 * Rounding a weight row shifts all outputs of its channel the same way, and clipping only ever takes away. Unlike the random
 * part of the noise, such shifts are not averaged out by the layers behind, and they can be undone for free by
 * `correctBiases.ts` (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, §4.2,
 * empirical form). What is left decides which layers `plan/guardLayers.ts` keeps. Runs after `calibrateTensors.ts`; the results are
 * kept in the calibration table.
 */
import type { RunOptions } from '../contract/progress';
import type { NamedTensors } from '../contract/tensor';
import type { Model } from '../model/model';
import { biasProbe, type LayerOutputs } from './biasProbe';
import type { SampleSource } from './inferenceFeeds';
import type { ProbeSource } from './probeSessions';
import { runProbe } from './runProbe';

export interface LayerError {
  /** Mean error per output channel. */
  readonly mean: readonly number[];
  /** Power of the error without its means, over the power of the output: what bias correction leaves. */
  readonly noise: number;
}

/** The sums of one layer while they grow. */
interface Gathered {
  readonly mean: number[];
  noise: number;
  signal: number;
}

/**
 * @param prepared the FP32 model
 * @param quantized `applyPlan` of it at INT8 with the rest in FP32
 * @param source a few samples, as `sampleByContent.ts` picks them: a mean over thousands of positions a sample needs no more
 * @returns by node name
 * @throws CodedError CANCELLED, and what `open`, `run` and the data set throw
 */
export async function measureLayerErrors(
  prepared: Model,
  quantized: Model,
  source: SampleSource & ProbeSource,
  options: RunOptions = {},
): Promise<Map<string, LayerError>> {
  const { model, layers, outputs } = biasProbe(prepared, quantized, source.observing !== undefined);
  if (layers.length === 0) return new Map();
  const sums = layers.map((): Gathered => ({ mean: [], noise: 0, signal: 0 }));
  let inferences = 0;
  const addSample = (seen: NamedTensors): void => {
    outputs.forEach((names, layer) => addTo(sums[layer]!, names, seen));
    inferences++;
    options.onProgress?.({
      stage: 'calibrate',
      fraction: Math.min(inferences / source.indices.length, 1),
      etaSeconds: null,
      message: `Measuring layer errors: ${inferences} of ${source.indices.length} samples`,
    });
  };
  await runProbe(model, source, addSample, options);
  return new Map(layers.map((name, layer) => [name, finished(sums[layer]!, Math.max(inferences, 1))]));
}

function finished({ mean, noise, signal }: Gathered, inferences: number): LayerError {
  const means = mean.map((sum) => rounded(sum / inferences));
  const systematic = means.reduce((sum, value) => sum + value * value, 0) / Math.max(means.length, 1);
  const left = Math.max(noise / inferences - systematic, 0);
  return { mean: means, noise: rounded(left / (signal / inferences)) };
}

/** @param names a layer's `LayerOutputs` */
function addTo(sums: Gathered, names: LayerOutputs, seen: NamedTensors): void {
  const parts = names.map((name) => (seen[name]?.data ?? []) as ArrayLike<number>);
  const channels = parts.reduce((count, { length }) => count + length, 0) - 2;
  let position = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++, position++) {
      const value = part[i]!;
      if (position < channels) sums.mean[position] = (sums.mean[position] ?? 0) + value;
      else if (position === channels) sums.noise += value;
      else sums.signal += value;
    }
  }
}

/** Seven digits, as many as float32 has; a mean that is not a number corrects nothing. */
function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(7)) : 0;
}
