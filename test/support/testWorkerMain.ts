/** A worker process with test handlers only; the stages' own code is not in it. Bundled by `bundleWorker.ts`. */
import type { HandlerOptions, Handlers } from '../../extension/contract/channel';
import { CodedError, cancelled, type ErrorData } from '../../extension/contract/errors';
import type { WorkerMethods } from '../../extension/contract/messages';
import { serveWorker } from '../../extension/worker/serveWorker';
import { handlers as crashHandlers } from './crashHandlers.cjs';

const handlers = {
  ...crashHandlers,
  'test.throwCoded': (data: ErrorData) => {
    throw new CodedError(data);
  },
  /** Stops when asked, as a well-behaved stage does. */
  'test.cooperative': (_: unknown, { signal }: HandlerOptions) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(cancelled()))),
};

serveWorker(handlers as unknown as Handlers<WorkerMethods>);
