/** Starts the worker process that stands beside the bundled command line. */
import * as path from 'node:path';
import { librarySetting } from '../backends/libraries';
import { WorkerClient } from '../worker/workerClient';

/**
 * With PRECISION_BENCH_DEBUG set, what the worker logs (stacks of defects among it) goes to stderr.
 * @param library a TensorRT that the user names, tried before all others; absolute
 */
export function spawnWorker(library?: string): WorkerClient {
  const isVerbose = process.env['PRECISION_BENCH_DEBUG'] !== undefined;
  return new WorkerClient({
    entry: path.join(__dirname, 'worker.cjs'),
    ...(library === undefined ? {} : { env: { [librarySetting]: library } }),
    ...(isVerbose ? { onLog: (line: string) => process.stderr.write(`worker: ${line}\n`) } : {}),
  });
}
