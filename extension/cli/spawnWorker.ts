/** Starts the worker process that stands beside the bundled command line. */
import * as path from 'node:path';
import { WorkerClient } from '../worker/workerClient';

export function spawnWorker(): WorkerClient {
  return new WorkerClient({ entry: path.join(__dirname, 'worker.cjs') });
}
