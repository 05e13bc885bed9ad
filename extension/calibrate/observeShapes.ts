/**
 * The shape that every tensor of the outer graph has with the first calibration sample.
 *
 * Comes before `observeTensors.ts`, which groups tensors by size; the precision rules of `plan/` read the shapes too.
 */
import { CodedError } from '../contract/errors';
import type { NamedTensors } from '../contract/tensor';
import type { Model } from '../model/model';
import { inferenceFeeds, type SampleSource } from './inferenceFeeds';
import { shapeOutputs, shapeProbe } from './probeModels';
import { withProbeSessions, type OpenModel } from './probeSessions';

/**
 * @param tensors names of tensors (not sequences or optionals) of the outer graph
 * @throws CodedError CALIBRATION_FAILED without a readable sample, and what `open`, `run` and the data set throw
 */
export async function observeShapes(
  model: Model,
  source: SampleSource & { readonly open: OpenModel },
  tensors: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, number[]>> {
  if (tensors.length === 0) return new Map();
  const feeds = await firstFeeds(source, signal);
  const outputs = await withProbeSessions(source.open, async (sessions) => {
    const session = await sessions.open(shapeProbe(model, tensors));
    return session.run(feeds);
  });
  const sizes = numbers(outputs, shapeOutputs.sizes);
  const ranks = numbers(outputs, shapeOutputs.ranks);
  let offset = 0;
  return new Map(
    tensors.map((name, index) => {
      const rank = ranks[index] ?? 0;
      const dims = sizes.slice(offset, offset + rank);
      offset += rank;
      return [name, dims];
    }),
  );
}

async function firstFeeds(source: SampleSource, signal?: AbortSignal): Promise<NamedTensors> {
  const one = { ...source, batchSize: 1 };
  for await (const { feeds } of inferenceFeeds(one, signal)) return feeds;
  throw noSamples(source);
}

/** The failure of a data set in which no sample can be read. */
export function noSamples({ dataset }: SampleSource): CodedError {
  return new CodedError({
    code: 'CALIBRATION_FAILED',
    reason: `None of the calibration samples of ${dataset.source} can be read.`,
    fix: 'Give data that fits the model with --data.',
    place: { file: dataset.source },
  });
}

function numbers(outputs: NamedTensors, name: string): number[] {
  return Array.from(outputs[name]?.data ?? [], Number);
}
