/** The convert panel as a user works it: sections, fields by their place in the plan, buttons, the runs beside them. */
import type { Frame, Locator } from 'playwright-core';
import type { WorkbenchWindow } from './workbenchWindow';

const patienceMs = 30_000;

export class ConvertForm {
  constructor(readonly frame: Frame) {}

  /** Waits until the panel shows its form. */
  static async shown(window: WorkbenchWindow): Promise<ConvertForm> {
    return new ConvertForm(await window.webview('body[data-page="convert"][data-ready]'));
  }

  async openSection(id: string): Promise<Locator> {
    const section = this.frame.locator(`#section-${id}`);
    if ((await section.getAttribute('open')) === null) await section.locator('summary').first().click();
    await section.locator('.section-body > *').first().waitFor({ timeout: patienceMs });
    return section;
  }

  /** The control of a field, by its JSON pointer in the plan. */
  field(pointer: string): Locator {
    return this.frame.locator(`[data-field="${pointer}"]`);
  }

  variant(name: string): Locator {
    return this.frame.locator(`[data-field="/precisions"][data-value="${name}"]`);
  }

  /** Ticks exactly these variants among the ones shown; FP32 is the baseline and stays. */
  async chooseVariants(wanted: readonly string[]): Promise<void> {
    const boxes = this.frame.locator('[data-field="/precisions"][data-value]');
    for (const box of await boxes.all()) {
      const name = (await box.getAttribute('data-value')) ?? '';
      const isTicked = (await box.getAttribute('aria-checked')) === 'true';
      if (name !== 'fp32' && isTicked !== wanted.includes(name)) await box.click();
    }
  }

  async fill(pointer: string, text: string): Promise<void> {
    await this.field(pointer).locator('input').fill(text);
  }

  async choose(pointer: string, value: string): Promise<void> {
    const dropdown = this.field(pointer);
    await dropdown.click();
    await dropdown.locator(`vscode-option[value="${value}"]`).click();
  }

  button(action: string): Locator {
    return this.frame.locator(`[data-action="${action}"]`);
  }

  /** The live command line, once it says `text`. */
  async command(text: string | RegExp): Promise<string> {
    const command = this.frame.locator('[data-part="command"]');
    await command.filter({ hasText: text }).waitFor({ timeout: patienceMs });
    return command.innerText();
  }

  /** The newest conversion. */
  get run(): Locator {
    return this.frame.locator('article.run').first();
  }

  /** The newest conversion, once it has come to this. */
  async runIn(status: string, timeoutMs = 120_000): Promise<Locator> {
    const run = this.frame.locator(`article.run.${status}`).first();
    await run.waitFor({ timeout: timeoutMs });
    return run;
  }
}
