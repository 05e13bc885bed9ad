/**
 * The webview pages in a real Chromium with their fake hosts (`webview/playground/`), one server and browser a test file.
 *
 * A test fails on anything that the browser's console calls an error: an exception, and a breach of the content policy.
 */
import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { FakeHostRecord } from '../../../webview/playground/fakeHost';
import type { ThemeKind } from '../../../webview/playground/themes';
import { servePlayground, type Playground } from '../../../scripts/playground.mjs';
import { findWorkbench } from '../../support/workbench/findWorkbench';

/** Null where the tests cannot run; skipped with a message then. */
export const chromiumPath = findWorkbench().chromium;
if (chromiumPath === null) console.log('Pages are not tested: there is no Chromium on PATH.');

export interface PageOptions {
  readonly scenario?: string;
  readonly theme?: ThemeKind;
  readonly width?: number;
  readonly language?: 'en' | 'de';
}

export interface OpenPage {
  readonly page: Page;
  /** What the page asked its host, oldest first. */
  readonly calls: (method?: string) => Promise<FakeHostRecord['calls']>;
}

declare global {
  interface Window {
    fakeHost: FakeHostRecord;
    applyTheme: (kind: ThemeKind) => void;
  }
}

/** To be called at the top of a test file. @returns what opens a page that is ready */
export function usePlayground(): (name: string, options?: PageOptions) => Promise<OpenPage> {
  let playground: Playground | undefined;
  let browser: Browser | undefined;
  const faults: string[] = [];

  beforeAll(async () => {
    playground = await servePlayground();
    browser = await chromium.launch({ executablePath: chromiumPath ?? '', args: ['--no-sandbox'] });
  });
  afterEach(async () => {
    await Promise.all(browser?.contexts().map((context) => context.close()) ?? []);
    expect(faults.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await playground?.close();
  });

  return async (name, { scenario, theme = 'vscode-dark', width = 1100, language = 'en' } = {}) => {
    if (browser === undefined || playground === undefined) throw new Error('usePlayground was not set up.');
    const context = await browser.newContext({ viewport: { width, height: 800 }, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    page.on('pageerror', (error) => faults.push(error.message));
    const query = new URLSearchParams({ theme, language, ...(scenario === undefined ? {} : { scenario }) });
    await page.goto(`${playground.url}/${name}?${query.toString()}`);
    await page.waitForSelector('body[data-ready]');
    const calls: OpenPage['calls'] = async (method) => {
      const all = await page.evaluate(() => window.fakeHost.calls);
      return method === undefined ? all : all.filter((call) => call.method === method);
    };
    return { page, calls };
  };
}

/** Of a button of the toolkit. */
export function isDisabled(button: Locator): Promise<boolean> {
  return button.evaluate((element) => (element as HTMLButtonElement).disabled);
}
