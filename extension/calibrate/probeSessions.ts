/**
 * Saves probe models to a temporary folder, opens them on the reference runtime, and cleans up.
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
import { saveModel } from '../model/saveModel';
import { removeUnused } from '../plan/prepare/removeUnused';
import type { FetchingSession, ObservingRuntime } from './observers/observingRuntime';

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

/**
 * Saves a probe to a temporary folder, hands its path to `use`, and removes it when that has ended.
 * @throws what `use` throws; a coded error about the probe names the model that it is made of
 */
export async function withProbeFile<T>(probe: Model, use: (path: string) => Promise<T>): Promise<T> {
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
export interface Probe extends FetchingSession {
  readonly parallelRuns: number;
}

/**
 * Opens a probe for `use` and closes it however that ends. What its outputs do not need is taken out of it: the runtime would
 * compute it.
 */
export async function withProbe<T>(probe: Model, source: ProbeSource, use: (probe: Probe) => Promise<T>): Promise<T> {
  removeUnused(probe.proto.graph);
  return withProbeFile(probe, async (path) => {
    const session = await openProbe(probe, path, source);
    try {
      return await use(session);
    } finally {
      await session.close();
    }
  });
}

async function openProbe(probe: Model, path: string, { open, observing }: ProbeSource): Promise<Probe> {
  if (observing === undefined) {
    const session = await open(path, { exact: true });
    return { parallelRuns: 1, run: (feeds) => session.run(feeds), close: () => session.close() };
  }
  const outputs = probe.proto.graph.output.map(({ name }) => name ?? '');
  const session = await observing.openFetching(path, outputs);
  return {
    parallelRuns: observing.parallelRuns,
    run: (feeds) => session.run(feeds),
    close: () => session.close(),
  };
}
