/**
 * Opens probe models on the reference runtime, from memory or from a temporary folder, and cleans up.
 *
 * The runtime itself is injected: this folder knows `backends/backend.ts` only. Used by `observeShapes.ts` and
 * `observeTensors.ts`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenOptions, Session } from '../backends/backend';
import { CodedError } from '../contract/errors';
import type { Model } from '../model/model';
import { modelBytes } from '../model/modelBytes';
import { saveModel } from '../model/saveModel';
import { removeUnused } from '../plan/prepare/removeUnused';
import type { FetchingSession, ObservingRuntime, ProbeModel } from './observers/observingRuntime';

/** Opens an ONNX file. Probes ask for `exact`: with fusions, tensors that a probe shows would not exist. */
export type OpenModel = (path: string, options?: OpenOptions) => Promise<Session>;

/** Opens probe models one after the other. */
export interface ProbeSessions {
  open(probe: Model): Promise<Session>;
}

/** Runs `use` with a temporary folder behind it; every session that `use` leaves open is closed. */
export async function withProbeSessions<T>(
  openModel: OpenModel,
  use: (sessions: ProbeSessions) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'precision-bench-'));
  let current: Session | null = null;
  let count = 0;
  const open = async (probe: Model): Promise<Session> => {
    await current?.close();
    current = null;
    const path = join(folder, `probe${count++}.onnx`);
    await saveModel(probe, path);
    current = await openModel(path, { exact: true });
    return current;
  };
  try {
    return await use({ open });
  } finally {
    await (current as Session | null)?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Probes up to this size are opened from memory, where the runtime reads them and makes its own copy of the weights. */
const mostBytesInMemory = 64 * 2 ** 20;

/**
 * Hands a probe to `use`: in memory, or where it is too large for that, or its weights lie in files of their own, as a file that
 * is removed when `use` has ended.
 * @throws what `use` throws; a coded error about the probe names the model that it is made of
 */
export async function withProbeModel<T>(probe: Model, use: (probe: ProbeModel) => Promise<T>): Promise<T> {
  const bytes = modelBytes(probe, mostBytesInMemory);
  return bytes === null ? withProbeFile(probe, (path) => use({ path, bytes })) : use({ path: probe.path, bytes });
}

async function withProbeFile<T>(probe: Model, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'precision-bench-'));
  const path = join(folder, 'probe.onnx');
  try {
    await saveModel(probe, path);
    return await use(path);
  } catch (error) {
    throw CodedError.is(error) ? error.withFile(path, probe.path) : error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where probes run: inside the observing runtime where there is one, else in plain sessions. */
export interface ProbeSource {
  readonly open: OpenModel;
  readonly observing?: ObservingRuntime | undefined;
}

/** One opened probe, for runs that fetch all of its outputs, `parallelRuns` of them at a time. */
export interface Probe extends Pick<FetchingSession, 'run'> {
  readonly parallelRuns: number;
}

/**
 * Opens a probe for `use` and closes it however that ends. What its outputs do not need is taken out of it: the runtime would
 * compute it. `use` begins at once, so that samples are read while the probe is being opened; its runs wait for that.
 */
export async function withProbe<T>(probe: Model, source: ProbeSource, use: (probe: Probe) => Promise<T>): Promise<T> {
  removeUnused(probe.proto.graph);
  const { open, observing } = source;
  if (observing === undefined) {
    return withProbeFile(probe, (path) => withOpening(open(path, { exact: true }), 1, use));
  }
  const outputs = probe.proto.graph.output.map(({ name }) => name ?? '');
  return withProbeModel(probe, (encoded) =>
    withOpening(observing.openFetching(encoded, outputs), observing.parallelRuns, use),
  );
}

async function withOpening<T>(
  opening: Promise<Pick<FetchingSession, 'run' | 'close'>>,
  parallelRuns: number,
  use: (probe: Probe) => Promise<T>,
): Promise<T> {
  return closing(opening, () => use({ parallelRuns, run: async (feeds) => (await opening).run(feeds) }));
}

/**
 * Calls `use` while a session is still being opened, and closes that session however both end.
 * @throws what `use` throws: a session that does not open fails where it is awaited there
 */
export async function closing<T>(opening: Promise<{ close(): Promise<void> }>, use: () => Promise<T>): Promise<T> {
  // Until it is awaited, a failure must not count as unhandled.
  opening.catch(() => undefined);
  try {
    return await use();
  } finally {
    const session = await opening.catch(() => null);
    await session?.close();
  }
}
