/** The child process that runs cases, one per message; a crash of a native library ends it and not the driver. */
import { engineCase, type EngineRequest } from './engineCase';
import { randomCase } from './randomCase';
import { singleOpCase } from './singleOpCase';

export type CaseRequest =
  | { readonly kind: 'op'; readonly name: string; readonly folder: string; readonly output: string }
  | { readonly kind: 'random'; readonly name: string; readonly seed: number; readonly output: string }
  | EngineRequest;

function run(request: CaseRequest): Promise<unknown> {
  switch (request.kind) {
    case 'op':
      return singleOpCase(request.name, request.folder, request.output);
    case 'random':
      return randomCase(request.seed, request.output);
    case 'engine':
      return engineCase(request);
  }
}

process.on('message', (request: CaseRequest) => {
  run(request).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.send?.({ name: request.name, operators: [], opset: 0, status: 'failed', reason, variants: [] });
    },
  );
});
