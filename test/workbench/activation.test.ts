/** What activation costs, by the editor's own measurement. */
import { expect, test } from 'vitest';
import { recordDuration, slowdown } from '../support/workbench/recordDuration';
import { useWorkbench } from '../support/workbench/useWorkbench';

/** High enough for the list of running extensions: rows that are out of sight do not exist. */
const window = useWorkbench({ height: 1800 });
const goalMs = 50;
/** Other work on the machine only adds to a measurement, so the smallest of a few is the closest to the truth. */
const attempts = 6;

/** Activates the extension in a new extension host. */
async function activationMs(): Promise<number> {
  await window().reload();
  await window().command('Precision Bench: Compare Precisions');
  await window().webview('body[data-page="comparison"][data-ready]');
  await window().command('Developer: Show Running Extensions');
  const row = window().page.locator('.runtime-extensions-editor .extension').filter({ hasText: 'precision-bench' });
  const text = await row.locator('.activation-time').innerText();
  const [, milliseconds] = /(\d+)\s*ms/.exec(text) ?? [];
  if (milliseconds === undefined) throw new Error(`The editor says no time: ${text}`);
  recordDuration('activation in the extension host', Number(milliseconds));
  // Newer editors show the list above everything else, and nothing behind it takes keys.
  await window().page.keyboard.press('Escape');
  await window().page.locator('.monaco-modal-editor-block').waitFor({ state: 'detached' });
  return Number(milliseconds);
}

test(`takes no more than ${goalMs} ms in the extension host`, async () => {
  let best = Infinity;
  for (let attempt = 0; attempt < attempts && best > goalMs; attempt++) {
    best = Math.min(best, (await activationMs()) / slowdown());
  }
  expect(best).toBeLessThanOrEqual(goalMs);
}, 300_000);
