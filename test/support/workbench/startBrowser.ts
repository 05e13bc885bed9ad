/** Starts a headless Chromium with a profile of its own, which can reach nothing but this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { findWorkbench } from './findWorkbench';

export interface Browser {
  readonly context: BrowserContext;
  readonly page: Page;
  stop(): Promise<void>;
}

export interface BrowserOptions {
  readonly width?: number;
  readonly height?: number;
}

const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
];

export async function startBrowser({ width = 1280, height = 900 }: BrowserOptions = {}): Promise<Browser> {
  const { chromium: executablePath } = findWorkbench();
  if (executablePath === null) throw new Error('There is no Chromium on this machine.');
  const profile = mkdtempSync(join(tmpdir(), 'precision-bench-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width, height },
    args: switches,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const stop = async () => {
    await context.close().catch(() => undefined);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  return { context, page: context.pages()[0] ?? (await context.newPage()), stop };
}
