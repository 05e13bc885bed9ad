/**
 * Measures candidate thresholds by what they do to the layers that read a tensor, on a few of the calibration samples.
 *
 * The noise of the tensor itself, which its histogram gives, is no good judge between clipping and rounding: rounding errors
 * are independent and average out in the sums of a convolution, clipping errors sit side by side with one sign and add up.
 * So the layers are computed again from the quantized tensor and their own error decides. Used by `calibrateTensors.ts` for the
 * algorithm `auto`, after `algorithms/` has proposed the candidates.
 */
import { throwIfCancelled } from '../contract/errors';
import type { RunOptions } from '../contract/progress';
import type { NamedTensors } from '../contract/tensor';
import type { Model } from '../model/model';
import { inferenceFeeds, type SampleSource } from './inferenceFeeds';
import { withProbeSessions, type OpenModel } from './probeSessions';
import { spreadSamples } from './spreadSamples';
import { trialOutputs, trialProbe, type Trial } from './trialProbe';

/** Enough to rank thresholds: each sample brings thousands of values of every tensor. */
const trialSamples = 16;

/**
 * @returns for each trial, for each of its thresholds, the energy of the readers' errors over that of their outputs, summed
 *   over the readers. The samples are chosen and summed in ascending order of their indices, so that the order asked for
 *   does not matter.
 * @throws CodedError CANCELLED, and what `open`, `run` and the data set throw
 */
export async function compareThresholds(
  model: Model,
  source: SampleSource & { readonly open: OpenModel },
  trials: readonly Trial[],
  options: RunOptions = {},
): Promise<number[][]> {
  if (trials.length === 0) return [];
  const probe = trialProbe(model, trials);
  const errors: number[] = [];
  const signals: number[] = [];
  const chosen = { ...source, indices: spreadSamples(source.indices, trialSamples) };
  await withProbeSessions(source.open, async (sessions) => {
    const session = await sessions.open(probe.model);
    let samples = 0;
    for await (const inference of inferenceFeeds(chosen, options.signal)) {
      throwIfCancelled(options.signal);
      const outputs = await session.run(inference.feeds);
      addTo(errors, outputs, trialOutputs.errors);
      addTo(signals, outputs, trialOutputs.signals);
      samples += inference.samples;
      options.onProgress?.({
        stage: 'calibrate',
        fraction: samples / chosen.indices.length,
        etaSeconds: null,
        message: `Comparing thresholds: ${samples} of ${chosen.indices.length} samples`,
      });
    }
  });
  return relativeErrors(trials, probe.readers, errors, signals);
}

function relativeErrors(
  trials: readonly Trial[],
  readers: readonly number[],
  errors: readonly number[],
  signals: readonly number[],
): number[][] {
  let error = 0;
  let signal = 0;
  return trials.map(({ thresholds }, trial) => {
    const sums = thresholds.map(() => 0);
    for (let reader = 0; reader < (readers[trial] ?? 0); reader++, signal++) {
      for (let index = 0; index < thresholds.length; index++, error++) {
        const energy = signals[signal] ?? 0;
        if (energy > 0) sums[index] = (sums[index] ?? 0) + (errors[error] ?? 0) / energy;
      }
    }
    return sums;
  });
}

function addTo(sums: number[], outputs: NamedTensors, name: string): void {
  const values = Array.from(outputs[name]?.data ?? [], Number);
  values.forEach((value, index) => (sums[index] = (sums[index] ?? 0) + value));
}
