/**
 * What the sides of the worker's channel answer and emit. Those of the panels' channels are in `panels/`.
 *
 * To add something the worker can do: add its parameters and result to a method map (`stageMethods.ts` for the stages of
 * the pipeline, `previewMethods.ts` for what only panels ask), then its handler in `worker/stageHandlers.ts`; the compiler asks for it.
 */
import type { Silent } from './channel';
import type { PreviewMethods } from './previewMethods';
import type { StageMethods } from './stageMethods';

/** All that the worker process answers. */
export type WorkerMethods = StageMethods & PreviewMethods;

/** The worker's side of its channel. */
export interface WorkerSide {
  readonly methods: WorkerMethods;
  readonly events: Record<never, never>;
}

/** The host's side of the worker's channel: the worker asks nothing of it. */
export type HostSide = Silent;
