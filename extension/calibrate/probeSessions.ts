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
import type { Model } from '../model/model';
import { saveModel } from '../model/saveModel';

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
