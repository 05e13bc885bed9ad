/** One workbench window for the tests of a file, with a picture of it when one fails. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, onTestFailed } from 'vitest';
import { openWorkbench, repository, type OpenOptions } from './openWorkbench';
import type { WorkbenchWindow } from './workbenchWindow';

/** Pictures of failures land here; git ignores it. */
const pictures = join(repository, 'build', 'workbench-failures');

/** @returns a function that gives the window, to be called inside tests */
export function useWorkbench(options: OpenOptions = {}): () => WorkbenchWindow {
  let window: WorkbenchWindow | undefined;
  beforeAll(async () => {
    window = await openWorkbench(options);
  });
  afterAll(() => window?.close());
  beforeEach(({ task }) => {
    onTestFailed(async () => {
      mkdirSync(pictures, { recursive: true });
      const path = join(pictures, `${task.name.replace(/\W+/g, '-')}.png`);
      await window?.page.screenshot({ path }).catch(() => undefined);
      console.error(`picture of the failure: ${path}`);
    });
  });
  return () => {
    if (window === undefined) throw new Error('The workbench did not open.');
    return window;
  };
}
