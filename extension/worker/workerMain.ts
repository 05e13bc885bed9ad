/**
 * The worker process (`dist/worker.cjs`): the only place where inference and native code run.
 *
 * Started by `workerClient.ts`; what it can do is in `stageHandlers.ts`.
 */
import type { Handlers } from '../contract/channel';
import type { WorkerMethods } from '../contract/messages';
import { serveWorker } from './serveWorker';
import { stageHandlers } from './stageHandlers';

/**
 * Tests name a module here (absolute path) whose `handlers` replace or extend those of the stages: how else would one see
 * that a worker crashing in the middle of a stage is survived?
 */
const testModule = process.env['PRECISION_BENCH_TEST_HANDLERS'];

async function main(): Promise<void> {
  serveWorker({ ...stageHandlers, ...(await testHandlers()) });
}

async function testHandlers(): Promise<Partial<Handlers<WorkerMethods>>> {
  if (testModule === undefined) return {};
  const { handlers } = (await import(testModule)) as { handlers: Partial<Handlers<WorkerMethods>> };
  return handlers;
}

void main();
