/** Starts the worker process that stands beside the bundled command line. */
import * as path from 'node:path';
import { WorkerClient } from '../worker/workerClient';

/** With PRECISION_BENCH_DEBUG set, what the worker logs (stacks of defects among it) goes to stderr. */
export function spawnWorker(): WorkerClient {
  const entry = path.join(__dirname, 'worker.cjs');
  if (process.env['PRECISION_BENCH_DEBUG'] === undefined) return new WorkerClient({ entry });
  return new WorkerClient({ entry, onLog: (line) => process.stderr.write(`worker: ${line}\n`) });
}
