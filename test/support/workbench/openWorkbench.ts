/**
 * A window of the real workbench in a browser, with our extension loaded from this repository and a workspace of its own.
 * Before: `startServer.ts`, `startBrowser.ts`; after: `workbenchWindow.ts`, by which tests act like a user.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeWorkspace } from './makeWorkspace';
import { startBrowser, type BrowserOptions } from './startBrowser';
import { startServer, type ServerOptions } from './startServer';
import { workbenchUrl } from './workbenchUrl';
import { WorkbenchWindow } from './workbenchWindow';

export const repository = resolve(import.meta.dirname, '../../..');

export interface OpenOptions extends ServerOptions, BrowserOptions {
  /** True when the extension is among those installed, instead of loaded from the repository. */
  readonly installed?: boolean;
}

/** The caller closes it; everything it wrote, the workspace included, is then gone. */
export async function openWorkbench(options: OpenOptions = {}): Promise<WorkbenchWindow> {
  const scratch = mkdtempSync(join(tmpdir(), 'pb-'));
  const folder = makeWorkspace(join(scratch, 'digits'), repository);
  const server = await startServer(options);
  const browser = await startBrowser(options);
  const development = options.installed === true ? [] : [repository];
  const window = new WorkbenchWindow(browser.page, folder, async () => {
    await browser.stop();
    await server.stop();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  try {
    await browser.page.goto(workbenchUrl(server.url, { folder, development }), { waitUntil: 'commit' });
    await window.ready();
  } catch (error) {
    await window.close();
    throw error;
  }
  return window;
}
