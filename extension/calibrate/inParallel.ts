/**
 * Inferences over samples, several at a time, with results in the order of the samples.
 *
 * Used by everything here that runs a model: `observeInside.ts` and the measurements on a few samples.
 */
import { throwIfCancelled } from '../contract/errors';

/**
 * Calls `work` for every item, at most `limit` at a time, and `done` with each result in the order of the items: what is summed up
 * there does not depend on which inference ended first. Returns when everything has ended, also on failure.
 */
export async function inParallel<Item, Result>(
  items: AsyncIterable<Item>,
  limit: number,
  work: (item: Item, position: number) => Promise<Result>,
  done: (result: Result, item: Item) => void,
  signal?: AbortSignal,
): Promise<void> {
  const running: { readonly item: Item; readonly result: Promise<Result> }[] = [];
  const finishOldest = async (): Promise<void> => {
    const oldest = running.shift();
    if (oldest !== undefined) done(await oldest.result, oldest.item);
  };
  let position = 0;
  try {
    for await (const item of items) {
      throwIfCancelled(signal);
      const result = work(item, position++);
      // Whoever awaits it learns of a failure; until then it must not count as unhandled.
      result.catch(() => undefined);
      running.push({ item, result });
      if (running.length >= limit) await finishOldest();
    }
    while (running.length > 0) await finishOldest();
  } finally {
    await Promise.allSettled(running.map(({ result }) => result));
  }
}
