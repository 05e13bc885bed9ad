/** The child process that runs cases, one per message; a crash of a native library ends it and not the driver. */
import { randomCase } from './randomCase';
import { singleOpCase } from './singleOpCase';

export type CaseRequest =
  | { readonly kind: 'op'; readonly name: string; readonly folder: string; readonly output: string }
  | { readonly kind: 'random'; readonly name: string; readonly seed: number; readonly output: string };

process.on('message', (request: CaseRequest) => {
  const running =
    request.kind === 'op'
      ? singleOpCase(request.name, request.folder, request.output)
      : randomCase(request.seed, request.output);
  running.then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.send?.({ name: request.name, operators: [], opset: 0, status: 'failed', reason, variants: [] });
    },
  );
});
