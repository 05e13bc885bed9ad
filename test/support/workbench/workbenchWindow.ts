/** What a user does in the workbench, for tests: menus, palette, side bar, settings, and the pages inside it. */
import type { Frame, Locator, Page } from 'playwright-core';

const patienceMs = 30_000;

/**
 * What VS Code's own pages throw by themselves. The workbench cancels its own requests when something closes. And a view's
 * frame that is replaced before it was loaded (VS Code writes it once for the view's options and once more for its text)
 * throws in the page around ours: `webview/browser/pre/index.html` removes the frame, and a timer set before that
 * (`onFrameLoaded`) still asks for its window.
 */
function isOfTheWorkbench(error: Error): boolean {
  if (error.message.includes('Canceled')) return true;
  const frames = (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  return (
    error.message === 'Found unexpected null' &&
    frames.some((frame) => frame.includes('hookupOnLoadHandlers')) &&
    frames.every((frame) => frame.includes('/vs/workbench/contrib/webview/browser/pre/index.html'))
  );
}

export class WorkbenchWindow {
  /** What the page threw and nobody caught. */
  readonly pageErrors: string[] = [];

  constructor(
    readonly page: Page,
    /** The workspace folder. */
    readonly folder: string,
    readonly close: () => Promise<void>,
  ) {
    page.on('pageerror', (error) => {
      if (!isOfTheWorkbench(error)) this.pageErrors.push(error.stack ?? error.message);
    });
    page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined));
  }

  /** The workbench stands and the extension host has started. */
  async ready(): Promise<void> {
    const { page } = this;
    await page.locator('.monaco-workbench .part.sidebar').waitFor({ timeout: 60_000 });
    await page.locator('.part.statusbar .statusbar-item').first().waitFor({ timeout: patienceMs });
    await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: patienceMs });
  }

  /** *Developer: Reload Window*: a new extension host, restored editors. */
  async reload(): Promise<void> {
    const again = this.page.waitForEvent('domcontentloaded', { timeout: 60_000 });
    again.catch(() => undefined);
    await this.command('Developer: Reload Window');
    await again;
    await this.page.locator('.monaco-workbench .part.sidebar').waitFor({ timeout: 60_000 });
    await this.page.locator('.part.statusbar .statusbar-item').first().waitFor({ timeout: patienceMs });
  }

  explorerRow(name: string): Locator {
    return this.page.locator('.explorer-folders-view .monaco-list-row').getByText(name, { exact: true });
  }

  /**
   * Opens the context menu of something and gives its items' texts. Menus of extensions come late, so the menu is opened
   * again until `expected` is in it; null takes the first menu there is.
   */
  async contextMenu(target: Locator, expected: string | null): Promise<string[]> {
    const items = this.page.locator('.monaco-menu .action-menu-item');
    for (let attempt = 0; ; attempt++) {
      await this.closeMenu();
      await target.click({ button: 'right' });
      const opened = await items
        .first()
        .waitFor({ timeout: 5000 })
        .then(
          () => true,
          () => false,
        );
      const texts = opened ? await items.locator('.action-label').allInnerTexts() : [];
      if (opened && (expected === null || texts.includes(expected))) return texts;
      if (attempt === 20) throw new Error(`no ${expected ?? 'menu'} among ${texts.join(' | ')}`);
      await this.page.waitForTimeout(500);
    }
  }

  /** Closes the open menu, where there is one. */
  async closeMenu(): Promise<void> {
    const menu = this.page.locator('.monaco-menu');
    if ((await menu.count()) === 0) return;
    await this.page.keyboard.press('Escape');
    await menu.first().waitFor({ state: 'detached', timeout: 5000 });
  }

  /** Chooses from the open menu. */
  async chooseMenuItem(text: string): Promise<void> {
    // The workbench ignores a mouse button released within 100 ms of the opening of a menu.
    await this.page.waitForTimeout(150);
    await this.page.locator('.monaco-menu .action-menu-item').filter({ hasText: text }).first().click();
  }

  /** Opens the palette with what is typed and gives the rows. */
  async palette(typed: string): Promise<Locator> {
    const { page } = this;
    const input = page.locator('.quick-input-widget input.input').first();
    for (let attempt = 0; ; attempt++) {
      if (await page.locator('.quick-input-widget').isVisible()) await page.keyboard.press('Escape');
      await page.keyboard.press('F1');
      try {
        // A key that comes while the window is busy may be lost.
        await input.fill(`>${typed}`, { timeout: 5000 });
        return page.locator('.quick-input-list .monaco-list-row');
      } catch (error) {
        if (attempt === 10) throw error;
      }
    }
  }

  /** Runs a command by its title in the palette. Commands of extensions come late, so the palette is opened again. */
  async command(title: string): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const row = (await this.palette(title)).filter({ hasText: title }).first();
      try {
        await row.click({ timeout: attempt < 10 ? 3000 : patienceMs });
        return;
      } catch (error) {
        if (attempt === 10) throw error;
      }
    }
  }

  /** Opens a file as *Go to File* does. */
  async openFile(name: string): Promise<void> {
    const { page } = this;
    await page.keyboard.press('Control+P');
    await page.locator('.quick-input-widget input.input').first().fill(name);
    await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: name }).first().click();
    await this.tab(name).first().waitFor({ timeout: patienceMs });
  }

  tab(name: string | RegExp): Locator {
    return this.page.locator('.tabs-container .tab').filter({ hasText: name });
  }

  /** The notification with this text, in the list of them: the workbench lets none pop up while it is under test. */
  async notification(text: string | RegExp, timeoutMs = patienceMs): Promise<Locator> {
    const found = this.page.locator('.notifications-center .notification-list-item').filter({ hasText: text }).first();
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await this.page.waitForTimeout(200)) {
      if (await found.isVisible()) return found;
      await this.showNotifications();
    }
    throw new Error(`no notification with ${String(text)} within ${timeoutMs} ms`);
  }

  /** All notifications there are just now, as texts. */
  async notifications(): Promise<string[]> {
    await this.showNotifications();
    return this.page.locator('.notifications-center .notification-list-item').allInnerTexts();
  }

  /** The list closes by itself when its last entry goes. */
  private async showNotifications(): Promise<void> {
    const list = this.page.locator('.notifications-center');
    if (!(await list.isVisible())) await this.page.locator('[id="status.notifications"]').click();
  }

  /** *Preferences: Color Theme*, by the theme's name in that list. */
  async chooseTheme(name: string): Promise<void> {
    await this.command('Preferences: Color Theme');
    const input = this.page.locator('.quick-input-widget input.input').first();
    await input.fill(name);
    await this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: name }).first().click();
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /**
   * The frame that holds an extension's own page: the workbench wraps it into two of its own.
   *
   * @param selector something that only this page has
   */
  async webview(selector: string, timeoutMs = patienceMs): Promise<Frame> {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      for (const frame of this.page.frames()) {
        if (!/\/pre\/fake\.html/.test(frame.url())) continue;
        const found = await frame
          .locator(selector)
          .count()
          .catch(() => 0);
        if (found > 0) return frame;
      }
      await this.page.waitForTimeout(50);
    }
    const urls = this.page.frames().map((frame) => frame.url().slice(0, 100));
    throw new Error(`no page with ${selector} within ${timeoutMs} ms; frames: ${urls.join(' | ')}`);
  }
}
