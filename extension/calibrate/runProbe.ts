/** Runs a probe model over samples: what every measurement does that fetches a probe's outputs. */
import type { RunOptions } from '../contract/progress';
import type { NamedTensors } from '../contract/tensor';
import type { Model } from '../model/model';
import { inferenceFeeds, type SampleSource } from './inferenceFeeds';
import { inParallel } from './inParallel';
import { withProbe, type ProbeSource } from './probeSessions';

/**
 * Hands the outputs of every sample to `done`, in the order of the samples: what is summed up there does not depend on which
 * inference ended first.
 * @throws CodedError CANCELLED, and what `open`, `run` and the data set throw
 */
export async function runProbe(
  probe: Model,
  source: SampleSource & ProbeSource,
  done: (outputs: NamedTensors) => void,
  { signal }: RunOptions = {},
): Promise<void> {
  await withProbe(probe, source, ({ run, parallelRuns }) =>
    inParallel(inferenceFeeds(source, signal), parallelRuns, ({ feeds }) => run(feeds), done, signal),
  );
}
