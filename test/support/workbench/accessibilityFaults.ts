/** What axe-core finds wrong with a page inside the workbench, one line a fault. */
import axe from 'axe-core';
import type { Frame } from 'playwright-core';

/** @returns empty when there is nothing to mend */
export async function accessibilityFaults(frame: Frame): Promise<string[]> {
  // By the debugging protocol, which the page's content policy does not bind.
  await frame.evaluate(axe.source);
  return frame.evaluate(async () => {
    const run = (globalThis as unknown as { axe: typeof axe }).axe;
    // The workbench frames every page; titles and landmarks of the window are its own.
    const { violations } = await run.run({ rules: { 'document-title': { enabled: false } } } as never);
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary ?? ''}`),
    );
  });
}
